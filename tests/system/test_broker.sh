#!/bin/bash
# Brokers: their calls by HTTP become sessions of a real switch.  By webhook, with curl for a broker; and
# for UDS Enterprise, with an actor and a server that speak as the published ones do.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

HERE=$(dirname "${BASH_SOURCE[0]}")
TOKEN=a-token-of-some-length

broker()
{
    spawn_ns switch "$OFFICE_BIN/swctl" --target "unix:$OFFICE_DIR/run/vswitchd.sock" --timeout 5 broker "$@" \
        >>"$OFFICE_DIR/broker.log" 2>&1 </dev/null
    BROKER_PID=$!
}

end_broker()
{
    kill "$BROKER_PID"
    wait "$BROKER_PID" || die "swctl broker ends with $?"
}

# refused WANTED ARGUMENTS...: swctl broker does not start.
refused()
{
    local want=$1 code=0
    shift
    in_ns switch timeout 10 "$OFFICE_BIN/swctl" broker "$@" >"$OFFICE_DIR/said" 2>&1 || code=$?
    [[ $code = 2 ]] || die "$*: ends with $code"
    grep -qF -- "$want" "$OFFICE_DIR/said" || die "$*: \"$(<"$OFFICE_DIR/said")\" is not about: $want"
}

sessions()
{
    sw -o json session list "$@" | /usr/bin/python3 -c '
import json, sys
print(" ".join(s["port"] + ":" + s["user"] + ":" + s.get("brokerSession", "")
               for s in json.load(sys.stdin).get("sessions", [])))'
}

open_are()
{
    [[ $(sessions --open) = "$1" ]]
}

expect_open()
{
    open_are "$1" || die "open are \"$(sessions --open)\" instead of \"$1\""
}

# call STATUS WANTED CURL-ARGUMENTS...: what the adapter answers.
call()
{
    local status=$1 want=$2 got
    shift 2
    got=$(in_ns switch curl -s -m 20 -o "$OFFICE_DIR/answer" -w '%{http_code}' "$@")
    [[ $got = "$status" ]] || die "$*: $got instead of $status: $(<"$OFFICE_DIR/answer")"
    grep -qF -- "$want" "$OFFICE_DIR/answer" || die "$*: no $want in $(<"$OFFICE_DIR/answer")"
}

event()
{
    call "$1" "$2" -H "Authorization: Bearer $TOKEN" -d "$3" http://127.0.0.1:8443/v1/event
}

office_open
office_build
office_config
sed -i '/name: d4/a\    vm_id: 9b2f51a0' "$OFFICE_DIR/config.yaml"
office_start
echo "$TOKEN" >"$OFFICE_DIR/token"
echo short >"$OFFICE_DIR/short"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=uds -addext 'subjectAltName=IP:127.0.0.1' \
    -keyout "$OFFICE_DIR/key" -out "$OFFICE_DIR/cert" 2>/dev/null

echo "-- wrong options"
W=(--adapter webhook --listen 127.0.0.1:8443)
U=(--adapter uds --listen 127.0.0.1:8443)
refused "needs --adapter" --listen 127.0.0.1:8443
refused "none of webhook, uds" --adapter horizon --listen 127.0.0.1:8443
refused "needs --token-file" "${W[@]}"
refused "$OFFICE_DIR/none: No such file" "${W[@]}" --token-file "$OFFICE_DIR/none"
refused "is no token" "${W[@]}" --token-file "$OFFICE_DIR/short"
refused "not for --adapter webhook" "${W[@]}" --token-file "$OFFICE_DIR/token" --upstream http://x
refused "needs --upstream" "${U[@]}"
refused "not http(s)://" "${U[@]}" --upstream uds.example.com
refused "not http(s)://" "${U[@]}" --upstream http://u:p@uds.example.com
refused "not ADDRESS:PORT" --adapter webhook --listen vd:8443 --token-file "$OFFICE_DIR/token"
refused "there is only TLS" --adapter webhook --listen 0.0.0.0:8443 --token-file "$OFFICE_DIR/token"
refused "go together" "${W[@]}" --token-file "$OFFICE_DIR/token" --listen-cert "$OFFICE_DIR/cert"
refused "no private key" "${W[@]}" --token-file "$OFFICE_DIR/token" --listen-cert "$OFFICE_DIR/cert" \
    --listen-key "$OFFICE_DIR/cert"

echo "-- webhook"
broker "${W[@]}" --token-file "$OFFICE_DIR/token"
office_wait 10 "the adapter listens" in_ns switch curl -s -o /dev/null http://127.0.0.1:8443/
refused "Address already in use" "${W[@]}" --token-file "$OFFICE_DIR/token"
event 200 '"user":"alice"' '{"event": "login", "user": "alice", "port": "d1", "session": "b-1"}'
first=$(<"$OFFICE_DIR/answer")
event 200 '"user":"alice"' '{"event": "login", "user": "alice", "port": "d1", "session": "b-1"}'
[[ $(<"$OFFICE_DIR/answer") = "$first" ]] || die "a retry is answered by $(<"$OFFICE_DIR/answer")"
event 200 '"port":"d2"' '{"event": "login", "user": "bob", "mac": "02:00:00:00:00:02"}'
event 200 '"port":"d4"' '{"event": "login", "user": "dan", "vm_id": "9b2f51a0", "session": "b-4"}'
event 200 '"port":"d4"' '{"event": "login", "user": "eve", "vm_id": "9b2f51a0"}'
expect_open "d4:eve: d4:dan:b-4 d2:bob: d1:alice:b-1"
event 200 '"port":"d1"' '{"event": "logout", "session": "b-1"}'
event 200 '{"ended":[]}' '{"event": "logout", "session": "b-1"}'
event 200 '"user":"dan"' '{"event": "logout", "user": "dan", "vm_id": "9b2f51a0"}'
expect_open "d4:eve: d2:bob:"
event 200 '"user":"bob"' '{"event": "logout", "mac": "02:00:00:00:00:02"}'
event 200 '"user":"eve"' '{"event": "logout", "port": "d4"}'
event 200 '{"ended":[]}' '{"event": "logout", "port": "d4"}'
expect_open ""
now=$(date -u +%FT%T.%NZ)
sleep 1
event 200 "\"from\":\"${now%%.*}" \
    "{\"event\": \"login\", \"user\": \"fay\", \"port\": \"d1\", \"at\": \"$now\"}"
event 200 '"user":"fay"' '{"event": "logout", "port": "d1"}'

echo "-- wrong calls"
URL=http://127.0.0.1:8443/v1/event
LOGIN='{"event": "login", "user": "alice", "port": "d1"}'
call 401 token -d "$LOGIN" "$URL"
call 401 token -H "Authorization: Bearer ${TOKEN}x" -d "$LOGIN" "$URL"
call 401 token -H "Authorization: Bearer ${TOKEN%h}" -d "$LOGIN" "$URL"
call 401 token -H "Authorization: Bearer " -d "$LOGIN" "$URL"
call 401 token -H "Authorization: Basic $TOKEN" -d "$LOGIN" "$URL"
call 405 POST -H "Authorization: Bearer $TOKEN" "$URL"
call 404 /v1/event -H "Authorization: Bearer $TOKEN" -d "$LOGIN" http://127.0.0.1:8443/
event 400 'JSON:1:' '{"event": "login", '
event 400 'JSON:' ''
event 400 'an object' '["login"]'
event 400 'duplicate' '{"event": "login", "event": "logout"}'
event 400 'at: a time such as' '{"event": "login", "user": "alice", "port": "d1", "at": "yesterday"}'
event 400 'in the future' '{"event": "login", "user": "alice", "port": "d1", "at": "2099-01-01T00:00:00Z"}'
event 400 'users: unknown key' '{"event": "login", "users": "alice"}'
event 400 'user: a string' '{"event": "login", "user": 7, "port": "d1"}'
event 400 'event: ' '{"event": "reboot", "port": "d1"}'
event 400 'user: ' '{"event": "login", "port": "d1"}'
event 400 'one of port, mac' '{"event": "login", "user": "alice"}'
event 400 'one of port, mac' '{"event": "login", "user": "alice", "port": "d1", "mac": "02:00:00:00:00:01"}'
event 400 'a logout needs' '{"event": "logout", "user": "alice"}'
event 400 'control character' '{"event": "login", "user": "a\u0007", "port": "d1"}'
event 400 '64 bytes' "{\"event\": \"login\", \"user\": \"$(printf 'x%.0s' {1..64})\", \"port\": \"d1\"}"
event 404 NOT_FOUND '{"event": "login", "user": "alice", "port": "d9"}'
event 404 NOT_FOUND '{"event": "login", "user": "alice", "mac": "02:00:00:00:00:99"}'
event 404 'no desktop has VM id' '{"event": "logout", "vm_id": "none"}'
event 409 'no desktop' '{"event": "login", "user": "alice", "port": "gateway"}'
printf '{"event": "%0100000d"}' 1 >"$OFFICE_DIR/large"
call 413 bytes -H "Authorization: Bearer $TOKEN" -d "@$OFFICE_DIR/large" "$URL"
expect_open ""
in_ns switch /usr/bin/python3 -c '
import os, socket
for garbage in (os.urandom(10000), b"POST /v1/event HTTP/1.1\r\nContent-Length: 5\r\n\r\n{",
                b"POST /v1/event HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n" + b"{" * 70000):
    with socket.create_connection(("127.0.0.1", 8443)) as s:
        try:
            s.sendall(garbage)
        except OSError:
            pass'

echo "-- the switch is away, and there again"
event 200 session '{"event": "login", "user": "alice", "port": "d1", "session": "b-9"}'
kill -KILL "$OFFICE_SWITCH_PID"
wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
OFFICE_SWITCH_PID=
event 503 UNAVAILABLE '{"event": "logout", "session": "b-9"}'
office_start
# As a broker does: until it is no 503.
in_ns switch curl -s -m 20 --fail --retry 20 --retry-delay 1 -H "Authorization: Bearer $TOKEN" \
    -d '{"event": "logout", "session": "b-9"}' "$URL" | grep -qF '"user":"alice"' ||
    die "alice is not logged out"
expect_open ""
end_broker

echo "-- by TLS"
broker "${W[@]}" --token-file "$OFFICE_DIR/token" --listen-cert "$OFFICE_DIR/cert" --listen-key "$OFFICE_DIR/key"
office_wait 10 "the adapter listens" in_ns switch curl -s -k -o /dev/null https://127.0.0.1:8443/
call 200 alice --cacert "$OFFICE_DIR/cert" -H "Authorization: Bearer $TOKEN" -d "$LOGIN" \
    https://127.0.0.1:8443/v1/event
! in_ns switch curl -s -m 5 -o /dev/null -d "$LOGIN" "$URL" || die "it takes calls without TLS, too"
! in_ns switch curl -s -k --tls-max 1.1 -o /dev/null https://127.0.0.1:8443/ || die "it speaks TLS 1.1"
sw session logout --port d1 >/dev/null
end_broker
grep -q 'alice logged in on port d1' "$OFFICE_DIR/broker.log" || die "logins are not printed"
! grep -F "$TOKEN" "$OFFICE_DIR/broker.log" || die "the token is printed"

echo "-- UDS Enterprise"
MAC=02:00:00:00:00:03
mkdir "$OFFICE_DIR/uds"
echo "$MAC" >"$OFFICE_DIR/uds/mac"

server()
{
    spawn_ns switch "$HERE/broker_uds.py" server 8081 "$OFFICE_DIR/uds" "$OFFICE_DIR/cert" "$OFFICE_DIR/key" \
        >"$OFFICE_DIR/uds.log" 2>&1 </dev/null
    SERVER_PID=$!
    office_wait 10 "the server of UDS listens" grep -q there "$OFFICE_DIR/uds.log"
}

adapter()
{
    broker "${U[@]}" --listen-cert "$OFFICE_DIR/cert" --listen-key "$OFFICE_DIR/key" \
        --upstream https://127.0.0.1:8081 --upstream-ca "$OFFICE_DIR/cert"
    office_wait 10 "the adapter listens" in_ns switch curl -s -k -o /dev/null https://127.0.0.1:8443/
}

# actor ANSWER VERB ARGUMENTS...: an actor that gets this answer.
actor()
{
    local want=$1 got
    shift
    got=$(in_ns switch "$HERE/broker_uds.py" actor https://127.0.0.1:8443 "$OFFICE_DIR/cert" "$@")
    [[ $got = "$want" ]] || die "$*: $got instead of $want"
}

KEYS="['certificate', 'ciphers', 'key', 'password', 'private_key', 'server_certificate']"
server
adapter
actor "['master_token', 'os', 'own_token', 'token', 'unique_id']" initialize "$MAC"
actor "$KEYS" ready
# What the server knows is taken, not what the desktop says of itself.
actor S1 login alice 02:00:00:00:00:01
office_wait 10 "the login is told" open_are "d3:alice:uds-S1"
/usr/bin/python3 - "$OFFICE_DIR/uds" <<'END'
import json, pathlib, sys

seen = [json.loads(p.read_text()) for p in pathlib.Path(sys.argv[1]).glob('request-*')]
login = [r for r in seen if r['path'] == '/uds/rest/actor/v3/login'][0]
assert login['method'] == 'POST' and json.loads(login['body'])['username'] == 'alice', login
headers = {k.lower(): v for k, v in login['headers'].items()}
assert headers['user-agent'].startswith('UDS Actor v4') and headers['x-forwarded-for'] == '127.0.0.1', headers
assert headers['host'] == '127.0.0.1:8081' and headers['content-type'] == 'application/json', headers
END
actor S2 login alice "$MAC"
office_wait 10 "the second login takes its place" open_are "d3:alice:uds-S2"
actor S3 login 'OFFICE\bob' "$MAC"
office_wait 10 "both are in" open_are 'd3:OFFICE\bob:uds-S3 d3:alice:uds-S2'
actor ok logout alice "$MAC" S2
office_wait 10 "one is out" open_are 'd3:OFFICE\bob:uds-S3'
actor ok logout alice "$MAC" S2
actor 403 login mallory 02:00:00:00:00:01 wrong-token
actor no login refused 02:00:00:00:00:01
actor ok log
actor "[200, 18]" get auth/auths
actor "[200, 100000]" get 'any/thing?a=b%20c&d=%2F..'
grep -qF '"/uds/rest/any/thing?a=b%20c&d=%2F.."' "$OFFICE_DIR"/uds/request-* || die "the path is changed"
grep -qF '"X-Forwarded-For": "192.0.2.7, 127.0.0.1"' "$OFFICE_DIR"/uds/request-* || die "who asked is lost"
grep -qF '"X-Auth-Token": "abc"' "$OFFICE_DIR"/uds/request-* || die "a header is lost"
actor 413 large
actor ok logout alice "$MAC" ''
office_wait 10 "all are out" open_are ""

echo "-- the switch is away: it is told later, and the actor does not wait"
actor S4 login alice "$MAC"
office_wait 10 "alice is in" open_are "d3:alice:uds-S4"
kill -KILL "$OFFICE_SWITCH_PID"
wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
OFFICE_SWITCH_PID=
actor ok logout alice "$MAC" S4
actor S5 login carol "$MAC"
office_wait 10 "it is said" grep -q 'the switch is away' "$OFFICE_DIR/broker.log"
office_start
office_wait 20 "it is told" open_are "d3:carol:uds-S5"
actor "$KEYS" ready
office_wait 10 "a desktop that starts has nobody" open_are ""
expect_all="d3:carol:uds-S5 d3:alice:uds-S4"
[[ $(sessions --port d3 --limit 2) = "$expect_all" ]] || die "sessions are $(sessions --port d3 --limit 2)"

echo "-- an adapter that knows no token yet"
end_broker
adapter
actor S6 login dora "$MAC"
office_wait 10 "the interfaces have to do" open_are "d3:dora:uds-S6"
actor ok logout dora "$MAC" S6
office_wait 10 "she is out" open_are ""

echo "-- no server"
office_end "$SERVER_PID"
actor 502 login erin "$MAC"
end_broker
! grep -E 'token-of-the|7d9f4b6e' "$OFFICE_DIR/broker.log" || die "an actor's token is printed"
! sessions | grep -E 'mallory|refused|erin' || die "who did not log in is there"
sw audit >/dev/null
echo "ok"
