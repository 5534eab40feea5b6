#!/bin/bash
# Address sets on a live switch: a desktop reaches a peer only while that is in the set, a live
# connection is cut when it is taken out, a restart and kill -9 keep what was acknowledged, and what
# is wrong changes nothing.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

D1=$(desk_ip 1) D2=$(desk_ip 2)
n=0

ok()
{
    n=$((n + 1))
    echo "ok $n - $1"
}

# expect WHAT COMMAND...: it succeeds.
expect()
{
    local what=$1
    shift
    "$@" >/dev/null || die "$what: failed: $*"
    ok "$what"
}

# refuse WHAT TEXT COMMAND...: swctl says TEXT and fails, and every set stays as it is.
refuse()
{
    local what=$1 text=$2 before err
    shift 2
    before=$(sets)
    err=$(sw "$@" 2>&1 >/dev/null) && die "$what: not refused"
    [[ $err == "$text" ]] || die "$what: it said: $err"
    [[ $(sets) == "$before" ]] || die "$what: something changed"
    ok "$what"
}

# Every set with its revision and prefixes, without its age.
sets()
{
    local name
    for name in $(sw -o json set list | /usr/bin/python3 -c '
import json, sys
print(*(s["name"] for s in json.load(sys.stdin).get("sets", [])))'); do
        sw -o json set show "$name" | /usr/bin/python3 -c '
import json, sys
s = json.load(sys.stdin)
s.pop("ageS", None)
print(json.dumps(s, sort_keys=True))'
    done
}

# ... and without the revision, which a restart may change.
contents()
{
    sets | sed 's/"revision": "[0-9]*", //'
}

has()
{
    [[ $(sw -o json set show "$1" | /usr/bin/python3 -c '
import json, sys
print(*json.load(sys.stdin).get("prefixes", []))') == "$2" ]] || die "$1 is not: $2"
    ok "$3"
}

# row NAME: its line of 'set list', one space between fields.
row()
{
    sw set list | awk -v name="$1" '$1 == name { $1 = $1; print }'
}

reach()
{
    in_ns d1 ping -c 1 -W 1 "$1"
}

no_reach()
{
    ! reach "$1"
}

# A TCP connection from d1 to d2 that says a line in and hears it again, as often as it is told.
talk_open()
{
    spawn_ns d2 /usr/bin/python3 -c '
import socket
s = socket.create_server(("'"$D2"'", 4000))
while True:
    c = s.accept()[0]
    while data := c.recv(100):
        c.sendall(data)' >/dev/null 2>&1
    office_wait 10 "d2 listens" in_ns d2 bash -c "ss -ltn | grep -q :4000"
    coproc TALK { exec ip netns exec "$OFFICE_TAG-d1" /usr/bin/python3 -u -c '
import socket, sys
s = socket.create_connection(("'"$D2"'", 4000), 5)
s.settimeout(2)
for line in sys.stdin:
    try:
        s.sendall(line.encode())
        print("heard" if s.recv(100) else "closed")
    except OSError:
        print("cut")'; }
    OFFICE_PIDS+=("$TALK_PID")
}

talk()
{
    local answer
    echo "hello" >&"${TALK[1]}"
    read -r -t 10 answer <&"${TALK[0]}" || die "the conversation has ended"
    echo "$answer"
}

policy()
{
    cat >"$OFFICE_DIR/policy.yaml" <<END
version: 1
address_sets:
  peers: { stale_after: $1 }
  never-put: {}
rules:
  - { id: to, direction: egress, peer: peers, action: allow }
  - { id: from, direction: ingress, peer: peers, action: allow }
END
}

office_open
office_build
office_config
policy 3600
office_start

# ---- members ----

expect "without members nothing passes" no_reach "$D2"
[[ $(row peers) == "peers 0 - 3600 s missing yes" ]] || die "set list: $(row peers)"
[[ $(row never-put) == "never-put 0 - - missing yes" ]] || die "set list: $(row never-put)"
sw status | grep -q 'Address sets: .*0, STALE: peers$' || die "status: $(sw status)"
ok "sets that the policy names and nobody has put are listed"
refuse "a patch does not begin a set" 'swctl: no address set is named "peers"' set add peers "$D2"
expect "a set is put" sw set put peers "$D1" "$D2"
expect "a member is reached" reach "$D2"
expect "one that is none is not" no_reach "$(desk_ip 3)"
[[ $(row peers) =~ ^peers\ 2\ [0-9]+\ s\ 3600\ s\ fresh\ yes$ ]] || die "set list: $(row peers)"
sw status | grep -q 'Address sets: *1$' || die "status: $(sw status)"
ok "it is fresh"

talk_open
[[ $(talk) == heard ]] || die "a connection does not pass"
sw set add peers "$(desk_ip 3)" >/dev/null
expect "one more is reached" reach "$(desk_ip 3)"
[[ $(talk) == heard ]] || die "adding a member cut a connection"
ok "a connection lives on when a member comes"
sw set remove peers "$D2" >/dev/null
[[ $(talk) == cut ]] || die "a live connection is not cut"
ok "a live connection is cut when its peer is taken out"
expect "and nothing new is opened" no_reach "$D2"
expect "others are still reached" reach "$(desk_ip 3)"
sw set add peers "$D2" >/dev/null
expect "a member that comes again is reached" reach "$D2"

# ---- files, and what is wrong ----

printf '# other hosts\n10.1.0.7\n\n  fd00:1::/64   # a host\n' >"$OFFICE_DIR/more"
sw set put more --file "$OFFICE_DIR/more" 10.1.0.9 >/dev/null
has more "10.1.0.7/32 10.1.0.9/32 fd00:1::/64" "words and a file are put"
sw set remove more --file - <"$OFFICE_DIR/more" >/dev/null
has more "10.1.0.9/32" "a file is taken out"
printf '10.1.0.7\n\n10.0.0.1/8\n' >"$OFFICE_DIR/bad"
refuse "a bad line of a file" "$OFFICE_DIR/bad:3: \"10.0.0.1/8\": host bits are set" \
    set add more 10.1.1.1 --file "$OFFICE_DIR/bad"
refuse "a bad word" 'swctl: add[1]: "10.0.0.300": not an IPv4 or IPv6 address' \
    set add more 10.1.1.1 10.0.0.300
refuse "a bad length" 'swctl: prefixes[0]: "10.0.0.0/33": bad prefix length' \
    set put more 10.0.0.0/33
refuse "a bad name" 'swctl: name: a set cannot be called "any": in a policy it means something else' \
    set put any 10.0.0.1
refuse "two on a line" "swctl: <stdin>:1: more than one prefix on the line" \
    set add more --file - <<<"10.0.0.1 10.0.0.2"
refuse "a set that is not there" 'swctl: no address set is named "none"' set show none
refuse "one that the policy names is not deleted" \
    'swctl: peers: the policy in force names it; put it without prefixes to empty it' set del peers
expect "one that it does not name is" sw set del more
refuse "once" 'swctl: no address set is named "more"' set del more
sw set put more 10.1.0.9 >/dev/null

# ---- restart, and kill -9 ----

before=$(contents)
office_end "$OFFICE_SWITCH_PID"
office_start
[[ $(contents) == "$before" ]] || die "after a restart: $(sets)"
expect "a restart keeps the sets" reach "$D2"
sw set remove peers "$D2" >/dev/null
kill -KILL "$OFFICE_SWITCH_PID"
wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
office_start
has peers "$D1/32 $(desk_ip 3)/32" "kill -9 keeps what was acknowledged"
expect "what was taken out stays out" no_reach "$D2"
expect "what is in it is reached" reach "$(desk_ip 3)"

# ---- stale ----

policy 1
sw policy apply "$OFFICE_DIR/policy.yaml" >/dev/null
is_stale()
{
    [[ $(row peers) == *" STALE yes" ]] && sw status | grep -q 'STALE: peers$'
}
office_wait 20 "the set goes stale" is_stale
ok "a set that nobody confirms goes stale"
office_wait 10 "the log says so" grep -q "address set peers is stale" "$OFFICE_DIR/vswitchd.log"
expect "its members are still reached" reach "$(desk_ip 3)"
policy 3600
sw policy apply "$OFFICE_DIR/policy.yaml" >/dev/null
age=$(sw -o json set show peers | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["ageS"])')
sw set add peers >/dev/null
now=$(sw -o json set show peers | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin).get("ageS", 0))')
((now < age || age == 0)) || die "confirming leaves the age at $now, it was $age"
ok "an empty patch confirms it"
sw audit >/dev/null || die "the ledger does not add up"
echo "1..$n"
