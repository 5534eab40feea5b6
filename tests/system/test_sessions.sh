#!/bin/bash
# Who has which desktop: logins and logouts by a broker, and whose name the drops carry, of real
# packets of real stacks; that sessions end with their port, and survive kill -9.  What is told late is
# corrected, and the last logout begins a refresh, which the next machine ends.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"


# dropped PORT-NUMBER: users and sessions of the first record of packets to that TCP port.
dropped()
{
    local i
    for ((i = 0; i < 50; i++)); do
        if sw -o json drops --port d1 | /usr/bin/python3 -c '
import json, sys
for line in sys.stdin:
    r = json.loads(line).get("record", {})
    if r.get("dstPort") == int(sys.argv[1]):
        print(r.get("user", "") + ":" + ",".join(s["id"] + "=" + s["user"] for s in r.get("sessions", [])))
        sys.exit()
sys.exit(1)' "$1"; then
            return
        fi
        sleep 0.2
    done
    die "no record of a packet to port $1"
}

expect()
{
    local what=$1 is=$2 should=$3
    echo "$what: $is"
    [[ $is = "$should" ]] || die "$what: '$is' instead of '$should'"
}

# expect_drop PORT-NUMBER WHAT: d1 tries it, and the record says whose it was.
expect_drop()
{
    in_ns d1 timeout 1 bash -c ": 2>/dev/null >/dev/tcp/$OFFICE_NET.12/$1" 2>/dev/null &&
        die "d1 reached a neighbour"
    expect "drop to port $1" "$(dropped "$1")" "$2"
}

sessions()
{
    sw -o json session list "$@" | /usr/bin/python3 -c '
import json, sys
print(" ".join(s["id"] + ":" + s["port"] + ":" + s["user"] + ("" if "to" in s else ":open")
               for s in json.load(sys.stdin).get("sessions", [])))'
}

refused()
{
    local want=$1
    shift
    ! sw "$@" >"$OFFICE_DIR/said" 2>&1 || die "$*: it is not refused"
    grep -qF "$want" "$OFFICE_DIR/said" || die "$*: \"$(<"$OFFICE_DIR/said")\" is not about: $want"
}

# truth PORT-NUMBER: whose the records of packets to that port are, for a reader who applies every
# correction when it comes: "sender/receiver" of each, sorted.
truth()
{
    sw -o json drops | /usr/bin/python3 -c '
import json, sys
def ns(t):
    import calendar, time
    whole, _, part = t.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(part.ljust(9, "0") or 0)
held = []
for line in sys.stdin:
    e = json.loads(line)
    if "record" in e:
        r = e["record"]
        held.append({"port": r["port"], "peer": r.get("peerPort"), "ns": ns(r["time"]),
                     "to": r.get("dstPort"),
                     "port_has": {s["id"]: s["user"] for s in r.get("sessions", [])},
                     "peer_has": {s["id"]: s["user"] for s in r.get("peerSessions", [])}})
    elif "correction" in e:
        c = e["correction"]
        for h in held:
            for side in "port", "peer":
                if h[side] == c["port"] and ns(c["from"]) <= h["ns"] < ns(c["to"]):
                    h[side + "_has"].pop(c["session"]["id"], None)
                    if not c.get("withdrawn"):
                        h[side + "_has"][c["session"]["id"]] = c["session"]["user"]
print(" ".join(sorted({"+".join(h["port_has"].values()) + "/" + "+".join(h["peer_has"].values())
                       for h in held if h["to"] == int(sys.argv[1])})))' "$1"
}

# corrections [OPTIONS]: those in the stream that are about session 3.
corrections()
{
    sw -o json drops "$@" | /usr/bin/python3 -c '
import json, sys
found = [e["correction"] for e in map(json.loads, sys.stdin)
         if e.get("correction", {}).get("session", {}).get("id") == "3"]
print(" ".join("%s:%s:%s%s" % (c["port"], c["session"]["id"], c["session"]["user"],
                               ":withdrawn" if c.get("withdrawn") else "") for c in found))'
}

# newest: the position of the newest event.
newest()
{
    sw -o json drops | /usr/bin/python3 -c '
import json, sys
for line in sys.stdin:
    for event in json.loads(line).values():
        c = event.get("cursor", event.get("last"))
print(c["epoch"] + "." + c["n"])'
}

now()
{
    date -u +%FT%T.%NZ
}

# knock NAME ADDRESS PORT-NUMBER: one that is denied.
knock()
{
    in_ns "$1" timeout 1 bash -c ": 2>/dev/null >/dev/tcp/$2/$3" 2>/dev/null && die "$1 reached a neighbour"
    true
}

is_told()
{
    [[ $(truth "$1") ]]
}

# refresh PORT [KEY]: what there is of its refresh.
refresh()
{
    sw -o json port show "$1" | /usr/bin/python3 -c '
import json, sys
r = json.load(sys.stdin).get("refresh", {})
print(r.get(sys.argv[1], "") if len(sys.argv) > 1 else
      (r.get("state", "NONE").replace("REFRESH_STATE_", "") + ":" + r.get("user", "") + ":" +
       r.get("heldBy", "")).rstrip(":"))' "${@:2}"
}

refresh_is()
{
    [[ $(refresh "$1") = "$2" ]]
}

learned()
{
    sw -o json binding list --port "$1" | /usr/bin/python3 -c '
import json, sys
print(sum(b["how"] not in ("given", "mac") for b in json.load(sys.stdin).get("bindings", [])))'
}

has_learned()
{
    [[ $(learned "$1") = "$2" ]]
}

connections()
{
    sw -o json conn list --port "$1" | wc -l
}

has_connections()
{
    [[ $(connections "$1") != 0 ]]
}

port_state()
{
    [[ $(sw -o json port show "$1" | grep -o 'PORT_STATE_[A-Z]*') = "PORT_STATE_$2" ]]
}

# new_machine NAME: what is attached goes, and another comes.
new_machine()
{
    in_ns "$1" ip link set eth0 down
    office_wait 10 "the switch sees that $1 is gone" port_state "$1" DOWN
    in_ns "$1" ip link set eth0 up
    office_wait 10 "the switch sees that $1 is back" port_state "$1" UP
}

# attach: a machine is connected to v1, that far; 'machine' is its process.
attach()
{
    rm -f "$OFFICE_DIR/attached"
    /usr/bin/python3 -c '
import socket, struct, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(struct.pack("<III", 1, 1, 0)) # VHOST_USER_GET_FEATURES: the answer says that it was taken up
s.recv(20)
open(sys.argv[2], "w").close()
time.sleep(600)' "$OFFICE_DIR/run/v1.sock" "$OFFICE_DIR/attached" &
    machine=$!
    OFFICE_PIDS+=("$machine")
    office_wait 5 "a machine is attached" test -e "$OFFICE_DIR/attached"
}

# incident PORT: of its newest one: user, what its history says was told late, and whether it is closed.
incident()
{
    sw -o json incident show "$(sw -o json incident list --port "$1" | /usr/bin/python3 -c '
import json, sys
print(max(int(i["id"]) for i in json.load(sys.stdin)["incidents"]))')" | /usr/bin/python3 -c '
import json, sys
i = json.load(sys.stdin)
print("/".join([i["user"]] + [a["text"] for a in i["actions"] if "told late" in a.get("text", "")] +
               ["closed"] * i.get("closed", False)))'
}

incident_is()
{
    [[ $(incident "$1") = "$2" ]]
}

office_open
office_build
office_config
sed -i 's/name: d3$/&\n    vm_id: vm-3\n    refresh_on_logoff: true/' "$OFFICE_DIR/config.yaml"
office_start
office_web server 80
office_web d2 445

echo "-- nobody is known"
user=$(sw -o json port show d1 | /usr/bin/python3 -c '
import json, sys
print(json.load(sys.stdin)["spec"].get("user", ""))')
expect_drop 1001 "$user:"

echo "-- one user, two, none"
mac=$(sw -o json port show d1 | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["spec"]["mac"])')
sw session login alice --port d1 --session b-1 | grep -q '^session 1: alice on port d1$' ||
    die "the login is not told"
expect_drop 1002 "alice:1=alice"
sw session login alice --port d1 --session b-1 | grep -q '^session 1:' || die "it is another session"
sw session login 'bob the builder' --mac "$mac" >/dev/null
expect_drop 1003 "alice, bob the builder:1=alice,2=bob the builder"
sw session logout --session b-1 >/dev/null
expect_drop 1004 "bob the builder:2=bob the builder"
sw session logout 2 >/dev/null
expect_drop 1005 "$user:"
expect "a list" "$(sessions)" "2:d1:bob the builder 1:d1:alice"

echo "-- told late"
knock d1 "$OFFICE_NET.12" 2001
t1=$(now)
knock d1 "$OFFICE_NET.12" 2002
knock d2 "$OFFICE_NET.11" 2003
office_wait 5 "the drops are told" is_told 2003
expect_drop 2004 "$user:"
position=$(newest)
for i in 1 2 3; do
    knock d1 "$OFFICE_NET.12" 2005 # the repeats are told later
done
sw session login dora --port d1 --session late --at "$t1" >/dev/null
expect_drop 2006 "dora:3=dora"
expect "what a resumed reader sees" "$(corrections --resume "$position")" "d1:3:dora"
expect "... of this port" "$(corrections --port d1 --reason spoof-ip)" "d1:3:dora"
expect "... of another" "$(corrections --port d2)" ""
sw drops --port d1 | grep -- '^-- d1: corrected: from .* session 3 (dora) was open$' >/dev/null || die "swctl does not say it"
t2=$(now)
expect_drop 2007 "dora:3=dora"
sw session login erik --port d1 --session other >/dev/null
sw session logout --session late --at "$t2" >/dev/null
expect_drop 2008 "erik:4=erik"
sw session logout --session other >/dev/null
expect "all corrections" "$(corrections)" "d1:3:dora d1:3:dora:withdrawn"
sleep 2 # until merged repeats are told
expect "before the login" "$(truth 2001)" "/"
expect "after the login" "$(truth 2002)" "dora/"
expect "of another, for it" "$(truth 2003)" "/dora"
expect "with repeats" "$(truth 2005)" "dora/"
expect "after the logout" "$(truth 2007)" "/"
expect "who was there" "$(sw -o json session list --port d1 --at "$t1" | grep -o '"dora"')" '"dora"'

echo "-- told wrongly"
refused 'it is in the future' session login dora --port d1 --at "$(date -u -d '+1 minute' +%FT%TZ)"
refused 'the port was not there yet' session login dora --port d1 --at 2020-01-01T00:00:00Z
refused 'session 3 is the same, and had not ended' session login dora --port d1 --session late --at "$t1"
refused 'neither a time such as' session login dora --port d1 --at yesterday
refused 'neither a time such as' session login dora --port d1 --at 2026-02-29T00:00:00Z
refused 'neither a time such as' session login dora --port d1 --at -5
sw session login dora --port d1 --at -1s >/dev/null
refused 'session 5 had not begun' session logout 5 --at "$t1"
refused 'it is in the future' session logout 5 --at "$(date -u -d '+1 minute' +%FT%TZ)"
sw session logout 5 >/dev/null
expect "nothing more was corrected" "$(corrections)" "d1:3:dora d1:3:dora:withdrawn"

echo "-- refresh on logoff"
"$OFFICE_BIN/swctl" --target "unix:$OFFICE_DIR/run/vswitchd.sock" -o json watch >"$OFFICE_DIR/watch" 2>/dev/null &
OFFICE_PIDS+=($!)
in_ns d3 ip addr add fe80::1234:5678:9abc:def0/64 dev eth0
office_wait 5 "it is learned" has_learned d3 1
spawn_ns d3 /usr/bin/python3 -c "
import socket, time
s = socket.create_connection(('$OFFICE_SERVER', 80))
time.sleep(600)"
office_wait 5 "the connection is there" has_connections d3
expect "before" "$(refresh d3)" "NONE"
sw session login fred --port d3 --session f >/dev/null
sw session login gina --port d3 --session g >/dev/null
sw session logout --session f >/dev/null
expect "one is left" "$(refresh d3)" "NONE"
sw session logout --session g >/dev/null
expect "the last one has gone" "$(refresh d3)" "UNDER_WAY:gina"
expect "its connections" "$(connections d3)" 0
expect "its learned addresses" "$(learned d3)" 0
in_ns d3 curl -s -m 5 "http://$OFFICE_SERVER/" >/dev/null || die "d3 is cut off"
since=$(refresh d3 since)
kill -KILL "$OFFICE_SWITCH_PID"
wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
OFFICE_SWITCH_PID=
office_start
expect "after a kill" "$(refresh d3)" "UNDER_WAY:gina"
expect "... since" "$(refresh d3 since)" "$since"
expect "... its learned addresses" "$(learned d3)" 0
expect "... the corrections" "$(corrections)" "d1:3:dora d1:3:dora:withdrawn"
new_machine d3
expect "a new machine" "$(refresh d3)" "DONE:gina"
[[ $(refresh d3 imageLivedMs) -gt 0 ]] || die "the image's life is not told"
grep -q 'port d3: a new machine is attached: the one before lived [0-9]* ms after the logoff of session 7' \
    "$OFFICE_DIR/vswitchd.log" || die "the log does not say how long the image lived"
grep -q '"REFRESH_STATE_UNDER_WAY"' "$OFFICE_DIR/watch" || die "who watches has not seen it"

echo "-- a quarantined one is left alone"
sw session login hugo --port d3 >/dev/null
sw quarantine d3 >/dev/null
sw session logout --port d3 >/dev/null
expect "held" "$(refresh d3)" "HELD:hugo:quarantine"
new_machine d3
expect "whatever is attached" "$(refresh d3)" "HELD:hugo:quarantine"
sw port show d3 | grep '^Quarantined: *yes' >/dev/null || die "it was released"
sw release d3 --reason "the test goes on" >/dev/null
office_wait 5 "released" refresh_is d3 UNDER_WAY:hugo
new_machine d3
expect "a new machine" "$(refresh d3)" "DONE:hugo"

echo "-- another virtual machine, in a port that was deleted and added"
sw session login ines --port d3 >/dev/null
sw session logout --port d3 >/dev/null
for vm in vm-3 vm-4; do
    sw port del d3 >/dev/null
    sw port add d3 --type af_packet --interface d3 --role desktop --mac 02:00:00:00:00:03 \
        --ip "$(desk_ip 3)" --vm-id "$vm" --refresh-on-logoff >/dev/null
    [[ $vm = vm-4 ]] || sleep 1
    [[ $vm = vm-4 ]] || expect "the same again" "$(refresh d3)" "UNDER_WAY:ines"
done
office_wait 5 "another" refresh_is d3 DONE:ines
sw port show d3 | grep '^Refresh: *on logoff; done .*: the image lived for .* after session 9 (ines)$' >/dev/null ||
    die "swctl does not say it"

echo "-- vhost-user: another connection"
sw port add v1 --type vhost-user --socket v1.sock --role desktop --mac 02:00:00:00:00:41 --ip "$OFFICE_NET.41" \
    --refresh-on-logoff >/dev/null
attach
sw session login jana --port v1 >/dev/null
sw session logout --port v1 >/dev/null
expect "the last one has gone" "$(refresh v1)" "UNDER_WAY:jana"
kill "$machine"
wait "$machine" 2>/dev/null || true
sleep 0.5
expect "its machine has gone" "$(refresh v1)" "UNDER_WAY:jana"
attach
office_wait 5 "another has come" refresh_is v1 DONE:jana
sw port del v1 >/dev/null

echo "-- wrong things"
refused 'no port is named "nobody"' session login alice --port nobody
refused 'is no desktop' session login alice --port gateway
refused 'refresh_on_logoff is for a desktop' port add up2 --type af_packet --interface up2 --role uplink --refresh-on-logoff
refused 'no desktop has MAC' session login alice --mac 02:00:00:00:99:99
refused 'no desktop has VM id' session login alice --vm-id 1
refused 'needs one of' session login alice
refused 'needs one of' session login alice --port d1 --vm-id 1
refused 'needs USER' session login '' --port d1
refused 'user: it has 64 bytes' session login "$(printf 'x%.0s' {1..64})" --port d1
refused 'control character' session login $'a\tb' --port d1
refused 'session 1 is not open' session logout 1
refused 'not a session' session logout x
sw session login carol --port d1 --session b-2 >/dev/null
refused 'is open, as carol on port d1' session login carol --port d2 --session b-2

echo "-- over kill -9, and with the port"
kill -KILL "$OFFICE_SWITCH_PID"
wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
OFFICE_SWITCH_PID=
office_start
expect "after the kill" "$(sessions --open)" "11:d1:carol:open"
expect_drop 1006 "carol:11=carol"

echo "-- incidents, when it is told late"
t1=$(now)
knock d4 "$OFFICE_NET.12" 3001
knock d6 "$OFFICE_NET.12" 3001
office_wait 20 "an incident of d4" incident_is d4 daan
office_wait 20 "an incident of d6" incident_is d6 faisal
sw incident close "$(sw -o json incident list --open --port d6 | grep -o '"id": "[0-9]*"' | tr -dc 0-9)" >/dev/null
sw session login karl --port d4 --session late-4 --at "$t1" >/dev/null
sw session login lena --port d6 --session late-6 --at "$t1" >/dev/null
office_wait 20 "the open one is his" incident_is d4 "karl/told late: session 12 (karl) was open"
office_wait 20 "the closed one is hers" incident_is d6 "lena/told late: session 13 (lena) was open/closed"
knock d4 "$OFFICE_NET.12" 3002
sleep 1.5 # it is told by the second
expect "what follows" "$(incident d4)" "karl/told late: session 12 (karl) was open"
sw session logout --session late-4 >/dev/null
sw session login mia --port d4 --session late-5 >/dev/null
t2=$(now)
knock d4 "$OFFICE_NET.12" 3003
office_wait 20 "another user is another incident" incident_is d4 mia
sw session logout --session late-5 --at "$t2" >/dev/null
office_wait 20 "she was gone" incident_is d4 "daan/told late: session 14 (mia) had ended"
kill -KILL "$OFFICE_SWITCH_PID"
wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
OFFICE_SWITCH_PID=
office_start
expect "after a kill" "$(incident d4)" "daan/told late: session 14 (mia) had ended"
expect "... the closed one" "$(incident d6)" "lena/told late: session 13 (lena) was open/closed"

sw port del d1 >/dev/null
expect "after the port has gone" "$(sessions --open)" "13:d6:lena:open"
expect "its session" "$(sessions --port d1 --limit 1)" "11:d1:carol"
sw audit >/dev/null
echo "ok"
