#!/bin/bash
# Who has which desktop: logins and logouts by a broker, and whose name the drops carry, of real
# packets of real stacks; that sessions end with their port, and survive kill -9.
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

office_open
office_build
office_config
office_start
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

echo "-- wrong things"
refused 'no port is named "nobody"' session login alice --port nobody
refused 'is no desktop' session login alice --port gateway
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
expect "after the kill" "$(sessions --open)" "3:d1:carol:open"
expect_drop 1006 "carol:3=carol"
sw port del d1 >/dev/null
expect "after the port has gone" "$(sessions --open)" ""
expect "its session" "$(sessions --port d1 --limit 1)" "3:d1:carol"
sw audit >/dev/null
echo "ok"
