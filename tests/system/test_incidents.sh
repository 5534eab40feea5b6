#!/bin/bash
# From a drop to an incident: desktops with unmodified stacks that look around, each in its own way.
# Each has exactly one incident, of the right kind, with the right targets and services; a flood hides
# nothing; incidents outlive kill -9.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

PY=(/usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/incidents.py")

# expect DESKTOP KIND N OPTIONS...
expect()
{
    local name=$1 kind=$2 n=$3
    shift 3
    "${PY[@]}" expect "$OFFICE_DIR/run/vswitchd.sock" "$name" "${OFFICE_USERS[${name#d} - 1]}" "$kind" \
        "$n" "$@" || die "$name: not the incident that it should be"
}

# others N: the other desktops' addresses, with commas.
others()
{
    local i list=
    for i in 1 2 3 4 5 6; do
        [[ $i = "$1" ]] || list+=${list:+,}$(desk_ip "$i")
    done
    echo "$list"
}

scan()
{
    local name=$1
    shift
    in_ns "$name" nmap -n --max-retries 1 "$@" >"$OFFICE_DIR/nmap-$name" 2>&1 || true
}

office_open
office_build
office_config
cat >>"$OFFICE_DIR/policy.yaml" <<EOF
detection: { decoys: [$OFFICE_NET.200/29] }
EOF
office_start

echo "-- a decoy"
in_ns d6 timeout 2 bash -c ": </dev/tcp/$OFFICE_NET.203/445" 2>/dev/null && die "a decoy is reached"
expect d6 probe 1 --targets "$OFFICE_NET.203" --only --service arp --service "tcp/445 smb"
[[ $(in_ns server ip neigh show "$OFFICE_NET.203") = "" ]] || die "a decoy is seen outside"

echo "-- each looks around"
scan d1 -sn "$OFFICE_NET.0/24"
scan d2 -Pn -sS --top-ports 100 "$(desk_ip 3)"
scan d3 -Pn -sU --top-ports 20 "$(desk_ip 4)"
scan d4 -Pn -p 445 "$OFFICE_NET.11-16"
in_ns d5 "${PY[@]}" arp "$OFFICE_NET"
in_ns d6 "${PY[@]}" worm
expect d1 sweep 1 --targets "$(others 1)" --service arp
expect d2 port_scan 1 --targets "$(desk_ip 3)" --only --service arp
expect d3 port_scan 1 --targets "$(desk_ip 4)" --only --service arp
expect d4 sweep 1 --targets "$(others 4)" --only --service arp --service "tcp/445 smb" --all-services
expect d5 sweep 1 --targets "$(others 5)" --service arp
expect d6 worm 1 --service "tcp/445 smb"
[[ $(sw drops | grep -c " d3 .* d2 ") -eq 0 ]] ||
    die "an attempt of d2 at d3 is told as d3's, too"

echo "-- what follows folds in, over kill -9, too"
scan d4 -Pn -p 3389 "$OFFICE_NET.11-13"
expect d4 sweep 1 --service "tcp/3389 rdp" --service "tcp/445 smb"
kill -KILL "$OFFICE_SWITCH_PID"
wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
office_start
expect d4 sweep 1 --targets "$(others 4)" --only --service "tcp/3389 rdp"
scan d4 -Pn -p 22 "$(desk_ip 1)"
expect d4 sweep 1 --targets "$(others 4)" --only --service "tcp/22 ssh" --service "tcp/445 smb"

echo "-- a flood hides nothing"
# flood PORT: d1 does, and meanwhile each of the others tries something for the first time.
flood()
{
    local flooder i
    spawn_ns d1 "${PY[@]}" flood "$OFFICE_NET" 02:00:00:00:01:01
    flooder=$!
    sleep 3 # it has looked at all five, or does before it ends
    for i in 2 3 4 5 6; do
        in_ns "d$i" bash -c "echo >/dev/udp/$OFFICE_SERVER/$1"
        "${PY[@]}" arrives "$OFFICE_DIR/run/vswitchd.sock" "d$i" "udp/$1" || die "d$i: its drop is lost"
    done
    kill "$flooder"
    wait "$flooder" || die "the flood fails"
}
memory_kib()
{
    awk '/^VmRSS/ { print $2 }' "/proc/$OFFICE_SWITCH_PID/status"
}
flood 777
scan d2 -Pn -p 5900 "$(desk_ip 6)"
expect d1 sweep 1 --targets "$(others 1)" --service "tcp/3389 rdp" --all-services
expect d2 port_scan 1 --targets "$(desk_ip 3),$(desk_ip 6)" --service "tcp/5900 vnc"
memory=$(memory_kib)
flood 778
echo "memory: $memory KiB, after another flood $(memory_kib) KiB"
# Packet buffers that were never used before are no leak; 20 bytes a packet would be.
(($(memory_kib) < memory + 16384)) || die "a flood takes memory"
for name in d1 d2 d3 d4 d5 d6; do
    "${PY[@]}" totals "$OFFICE_DIR/run/vswitchd.sock" $name || die "$name: told and counted differ"
done

echo "-- what the policy cuts off by itself, and what holds it back"
# incident DESKTOP FIELD: of its open incident.
incident()
{
    sw -o json incident show "$(sw -o json incident list --open --port "$1" | /usr/bin/python3 -c '
import json, sys
print(json.load(sys.stdin)["incidents"][0]["id"])')" | /usr/bin/python3 -c "
import json, sys
i = json.load(sys.stdin)
print($2)"
}
close_all()
{
    local id
    for id in $(sw -o json incident list --open | /usr/bin/python3 -c '
import json, sys
print(" ".join(i["id"] for i in json.load(sys.stdin)["incidents"]))'); do
        sw incident close "$id" --comment "the test goes on" >/dev/null
    done
}
close_all
sed -i "s/^detection: .*/detection: { quarantine: { severity: high, never: managers, at_most: 1, allow: display } }/" \
    "$OFFICE_DIR/policy.yaml"
sed -i "s/^groups:/groups:\n  managers: { ports: [d2] }/" "$OFFICE_DIR/policy.yaml"
cat >>"$OFFICE_DIR/policy.yaml" <<EOF
quarantine: { lists: { display: [{ direction: ingress, peer: server, protocol: icmp, icmp: [8] }] } }
EOF
sw policy apply "$OFFICE_DIR/policy.yaml" >/dev/null
scan d2 -Pn -p 139 "$OFFICE_NET.11-16"
scan d3 -Pn -p 139 "$OFFICE_NET.11-16"
office_wait 5 "d3 is cut off" eval '[[ $(incident d3 "i.get(\"quarantined\")") = True ]]'
scan d4 -Pn -p 139 "$OFFICE_NET.11-16"
is_held_back()
{
    incident "$1" '[a["text"] for a in i["actions"]]' | grep -q "not cut off: $2"
}
office_wait 5 "d2 is spared" is_held_back d2 "the policy says never"
office_wait 5 "d4 is one too many" is_held_back d4 "as many ports as the policy"
in_ns d3 ping -c 1 -W 1 "$OFFICE_SERVER" >/dev/null && die "d3 is not cut off"
in_ns server ping -c 1 -W 2 "$(desk_ip 3)" >/dev/null || die "d3's display is cut off, too"
in_ns d4 ping -c 1 -W 2 "$OFFICE_SERVER" >/dev/null || die "d4 is cut off"
sw release d3 --reason "it was the test" >/dev/null
office_wait 5 "the incident says who released it" eval \
    'incident d3 "[(a[\"kind\"], a[\"text\"]) for a in i[\"actions\"]]" | grep -q "RELEASED.*it was the test"'
scan d3 -Pn -p 22 "$OFFICE_NET.11-16"
in_ns d3 "${PY[@]}" worm
expect d3 worm 2 --service "tcp/445 smb"
office_wait 5 "... and that holds, though it gets worse" is_held_back d3 "it was released"
in_ns d3 ping -c 1 -W 2 "$OFFICE_SERVER" >/dev/null || die "d3 is cut off again"
sw incident report "$(incident d3 'i["id"]')" >"$OFFICE_DIR/report.html"
grep -q "it was the test" "$OFFICE_DIR/report.html" || die "the report lacks the release"
tail -n 1 "$OFFICE_DIR/report.html" | grep -q "$(head -n -1 "$OFFICE_DIR/report.html" | sha256sum | cut -c-64)" ||
    die "the report's digest is wrong"
[[ $(sw incident pivot "$(incident d3 'i["id"]')" -o csv | grep -c ",tcp/139 netbios,denied,") -eq 5 ]] ||
    die "the keys lack what was tried: $(sw incident pivot "$(incident d3 'i["id"]')" -o csv)"

echo "-- ... and by rate, whomever it is for"
close_all
sed -i "s/severity: high, never: managers, at_most: 1, allow: display/rate: 300, never: managers, at_most: 3/
    s/^rules:/rules:\n  - { id: quiet, direction: egress, peer: server, protocol: udp, ports: [9], action: drop, log: record }/" \
    "$OFFICE_DIR/policy.yaml"
sw policy apply "$OFFICE_DIR/policy.yaml" >/dev/null
is_cut_off()
{
    sw -o json port show "$1" | grep -q '"quarantined": true'
}
burst()
{
    in_ns "$1" "${PY[@]}" burst "$OFFICE_SERVER" 9 "$2"
}
burst d4 250
burst d5 400
office_wait 10 "d5 is cut off" is_cut_off d5
[[ $(incident d5 'i["kind"], i["severity"]') = "INCIDENT_KIND_FLOOD INCIDENT_SEVERITY_MEDIUM" ]] ||
    die "d5: not the incident that it should be"
sw port show d5 | grep -q 'by switch.*: incident [0-9]*: [34][0-9][0-9] denied packets within 10 seconds' ||
    die "why d5 is cut off is not told: $(sw port show d5)"
[[ $(sw -o json incident list --open --port d4) != *'"id"'* ]] || die "250 packets are an incident"
sw release d5 --reason "a broken printer" >/dev/null
burst d5 400
sleep 3
! is_cut_off d5 || die "a release is undone by the same incident"
close_all
burst d5 400
office_wait 10 "d5 is cut off again" is_cut_off d5
burst d2 400
burst d6 400
office_wait 10 "d2 is spared" is_held_back d2 "the policy says never"
office_wait 10 "d6 is one too many" is_held_back d6 "as many ports as the policy"
! is_cut_off d2 || die "d2 is cut off"
! is_cut_off d6 || die "d6 is cut off"
sw audit
