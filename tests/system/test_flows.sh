#!/bin/bash
# The journal of flows: what real stacks were allowed, to the byte; what they were denied is not in
# it; nothing is told twice or forgotten when connections are flushed, ports deleted, or the switch
# restarted or killed; and its bound.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

expect()
{
    local what=$1 is=$2 should=$3
    echo "$what: $is"
    [[ $is = "$should" ]] || die "$what: '$is' instead of '$should'"
}

refused()
{
    local want=$1
    shift
    ! sw "$@" >"$OFFICE_DIR/said" 2>&1 || die "$*: it is not refused"
    grep -qF "$want" "$OFFICE_DIR/said" || die "$*: \"$(<"$OFFICE_DIR/said")\" is not about: $want"
}

# flows ARGUMENTS: "port direction peer/peer-port service rule connections answered packets-out
# bytes-out packets-in bytes-in user", sorted; hours that begin meanwhile do not matter.
flows()
{
    sw -o json flow list --limit 10000 "$@" | /usr/bin/python3 -c '
import collections, json, sys
names = "connections", "answered", "packetsOut", "bytesOut", "packetsIn", "bytesIn"
sums = collections.defaultdict(lambda: [0] * 6)
for f in json.load(sys.stdin).get("flows", []):
    key = tuple(f.get(k, "") for k in ("port", "direction", "peer", "peerPort", "service", "rule", "user"))
    sums[key] = [a + int(f.get(k, 0)) for a, k in zip(sums[key], names)]
for (port, direction, peer, peer_port, service, rule, user), s in sorted(sums.items()):
    print(port, direction, peer + "/" + peer_port, service.replace(" ", ":"), rule or "-", *s, user)'
}

# The same of what 'conn list' shows, for the side that opened it: port, peer, protocol, packets, bytes.
of_connections()
{
    sw -o json conn list --limit 10000 | /usr/bin/python3 -c '
import collections, json, sys
sums = collections.defaultdict(lambda: [0] * 4)
for line in sys.stdin:
    c = json.loads(line)
    key = c["srcPortName"], c["dstIp"], {1: "icmp", 6: "tcp", 17: "udp"}[c["protocol"]]
    sums[key] = [a + int(c.get(k, 0)) for a, k in
                 zip(sums[key], ("packets", "bytes", "replyPackets", "replyBytes"))]
for key, s in sorted(sums.items()):
    print(*key, *s)'
}

of_flows()
{
    sw -o json flow list --limit 10000 | /usr/bin/python3 -c '
import collections, json, sys
sums = collections.defaultdict(lambda: [0] * 4)
for f in json.load(sys.stdin).get("flows", []):
    if f["direction"] == "egress":
        key = f["port"], f["peer"], f["service"].split("/")[0]
        sums[key] = [a + int(f.get(k, 0)) for a, k in
                     zip(sums[key], ("packetsOut", "bytesOut", "packetsIn", "bytesIn"))]
for key, s in sorted(sums.items()):
    print(*key, *s)'
}

# udp_talk NAME COUNT PORT LENGTH: as many datagrams to the server, each from a socket of its own;
# waits for answers unless PORT is that of the sink.
udp_talk()
{
    in_ns "$1" /usr/bin/python3 - "$OFFICE_SERVER" "${@:2}" <<'END'
import socket, sys
server, count, port, length = sys.argv[1], *map(int, sys.argv[2:])
sockets = []
for _ in range(count):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.sendto(b"q" * length, (server, port))
    if port == 53:
        assert len(s.recv(2000)) == 100
    sockets.append(s)
END
}

# The server answers on UDP 53 with 100 bytes, and takes what comes to UDP 54.
serve_udp()
{
    spawn_ns server /usr/bin/python3 -c '
import socket, sys
sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sink.bind(("0.0.0.0", 54))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 53))
open(sys.argv[1], "w").close()
while True:
    s.sendto(b"a" * 100, s.recvfrom(2000)[1])' "$OFFICE_DIR/udp-ready"
    office_wait 10 "the UDP server" test -e "$OFFICE_DIR/udp-ready"
}

restart()
{
    wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
    OFFICE_SWITCH_PID=
    office_start
}

office_open
office_build
office_config
sed -i 's/^settings: {/settings: { flow_journal: { flows: 1024, hours: 48 },/' "$OFFICE_DIR/config.yaml"
cat >"$OFFICE_DIR/policy.yaml" <<END
version: 1
groups:
  server: { cidrs: [$OFFICE_SERVER/32] }
  d1: { cidrs: [$(desk_ip 1)/32] }
  d2: { cidrs: [$(desk_ip 2)/32] }
rules:
  - { id: web, direction: egress, peer: server, protocol: tcp, ports: [80], action: allow }
  - { id: udp, direction: egress, peer: server, protocol: udp, action: allow }
  - { id: ping, direction: egress, peer: server, protocol: icmp, icmp: [8], action: allow }
  - { id: share-out, direction: egress, peer: d2, protocol: tcp, ports: [8080], action: allow }
  - { id: share-in, direction: ingress, peer: d1, protocol: tcp, ports: [8080], action: allow }
END
office_start
office_web server 80
office_web d2 8080
serve_udp
head -c 1000000 /dev/zero >"$OFFICE_DIR/www-server/big"
server=$OFFICE_SERVER/

echo "-- to the byte"
udp_talk d1 50 53 32
udp_talk d1 3 54 10
in_ns d3 ping -q -c 5 -i 0.2 -s 56 "$OFFICE_SERVER" >/dev/null
expect "what d1 said by UDP" "$(flows --port d1)" "\
d1 egress $server udp/53:dns udp 50 50 50 $((50 * (42 + 32))) 50 $((50 * (42 + 100))) aiko
d1 egress $server udp/54 udp 3 0 3 $((3 * (42 + 10))) 0 0 aiko"
expect "what d3 pinged" "$(flows --port d3)" "d3 egress $server icmp/8 ping 1 1 5 490 5 490 chiyo"

echo "-- what a connection has counted"
in_ns d1 curl -s -m 20 -o /dev/null "http://$OFFICE_SERVER/big"
in_ns d1 curl -s -m 20 -o /dev/null "http://$(desk_ip 2):8080/"
of_connections >"$OFFICE_DIR/connections"
of_flows >"$OFFICE_DIR/flows"
cat "$OFFICE_DIR/flows"
diff "$OFFICE_DIR/connections" "$OFFICE_DIR/flows" || die "flows and connections have counted differently"
[[ $(awk '$1 == "d1" && $3 == "tcp" && $2 == "'"$OFFICE_SERVER"'" { print ($7 > 1000000) }' \
    "$OFFICE_DIR/flows") = 1 ]] || die "a million bytes came, and no flow has them"

echo "-- between two desktops: a flow of each, one the other's mirror"
flows --address "$(desk_ip 2)" >"$OFFICE_DIR/one"
flows --port d2 >"$OFFICE_DIR/other"
cat "$OFFICE_DIR/one" "$OFFICE_DIR/other"
expect "its other side" "$(<"$OFFICE_DIR/other")" "$(awk -v ip="$(desk_ip 1)" '{
    print "d2 ingress", ip "/d1", $4, "share-in", $6, $7, $10, $11, $8, $9, "ben" }' "$OFFICE_DIR/one")"
[[ $(<"$OFFICE_DIR/one") == "d1 egress $(desk_ip 2)/d2 tcp/8080:http share-out 1 1 "* ]] || die "d1's flow"

echo "-- what is denied is none"
in_ns d1 timeout 1 bash -c ": >/dev/tcp/$(desk_ip 3)/445" 2>/dev/null && die "d1 reached d3"
in_ns d1 timeout 1 bash -c ": >/dev/tcp/$OFFICE_SERVER/22" 2>/dev/null && die "d1 reached the server"
[[ $(sw -o json drops --port d1 | grep -c dstPort) -ge 2 ]] || die "the drops have no records"
of_flows | diff "$OFFICE_DIR/flows" - || die "a denied attempt changed the flows"

echo "-- told once: flushed, and looked at again and again"
before=$(flows)
sw conn flush --all >/dev/null
for _ in $(seq 8); do
    [[ $(flows) = "$before" ]] || die "flows have changed with the flush"
    sleep 0.5
done
sw -o json conn list | grep -q . && die "there are connections after the flush"

echo "-- who was logged in, and a port that is gone"
sw session login alice --port d4 >/dev/null
in_ns d4 ping -q -c 2 -i 0.2 -s 56 "$OFFICE_SERVER" >/dev/null
expect "alice's" "$(flows --port d4)" "d4 egress $server icmp/8 ping 1 1 2 196 2 196 alice"
sw port del d4 >/dev/null
sleep 1
sw port add late --type af_packet --interface d4 --role desktop --mac 02:00:00:00:00:04 \
    --ip "$(desk_ip 4)" --label pool=office >/dev/null
office_wait 10 "d4 pings again" in_ns d4 ping -q -c 1 -W 1 "$OFFICE_SERVER"
expect "alice's still" "$(flows --port d4)" "d4 egress $server icmp/8 ping 1 1 2 196 2 196 alice"
[[ $(flows --port late) == "late egress $server icmp/8 ping "* ]] || die "there is no flow of 'late'"

echo "-- over a restart"
before=$(flows)
kill "$OFFICE_SWITCH_PID"
restart
expect "after it" "$(flows)" "$before"
udp_talk d1 10 53 32
expect "the flow goes on" "$(flows --port d1 | grep udp/53)" \
    "d1 egress $server udp/53:dns udp 60 60 60 $((60 * (42 + 32))) 60 $((60 * (42 + 100))) aiko"

echo "-- over kill -9"
sw flow list | grep -q 'was killed' && die "a clean end left a gap"
kill -KILL "$OFFICE_SWITCH_PID"
restart
[[ $(flows | grep -v udp/53) = "$(grep -v udp/53 <<<"$before")" ]] || die "stored flows are not as they were"
[[ $(sw flow list | grep -c 'the switch was killed: something of ') = 1 ]] || die "the kill left no gap"
[[ $(flows --port d1 | grep udp/53) =~ ' udp '(50|60)' ' ]] || die "the flow is neither as it was nor as it became"

echo "-- what is asked for"
expect "nothing from now on" "$(flows --since 0s --until 2099-01-01)" ""
expect "nothing of another century" "$(flows --until 1999-12-31T23:59Z)" ""
[[ $(flows --since 2h --until "$(date -d '+1 minute' +%FT%T)" --address "$OFFICE_NET.0/24") = "$(flows)" ]] ||
    die "not everything is of the last two hours"
refused "peer: \"nobody\"" flow list --address nobody
refused "'yesterday' is neither a time" flow list --since yesterday
refused "to: is before 'from'" flow list --since 10m --until 2h
refused "limit: 10001 is more than 10000" flow list --limit 10001
sw flow list --limit 2 | grep -q 'these are the newest 2' || die "what is left out is not said"

echo "-- the bound"
for desk in d5 d6; do # 1,000 flows of each, those of d5 told before those of d6
    in_ns "$desk" /usr/bin/python3 - "$OFFICE_SERVER" <<'END'
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(20000, 21000):
    s.sendto(b"x", (sys.argv[1], port))
    if port % 50 == 0:
        time.sleep(0.02)
END
    expect "flows of $desk" "$(flows --port "$desk" | wc -l)" 1000
done
budget()
{
    sw -o json flow list | /usr/bin/python3 -c '
import json, sys
b = json.load(sys.stdin)["budget"]
print(b["capacity"], b["held"], b.get("lost", 0), int(b.get("putOut", 0)) >= 976, b["storing"])'
}
expect "capacity, held, lost" "$(budget)" "1024 1024 0 True True"
expect "what is held is the newest" "$(flows --port d5 | wc -l) $(flows --port d6 | wc -l)" "24 1000"
kill "$OFFICE_SWITCH_PID"
wait "$OFFICE_SWITCH_PID" || true
OFFICE_SWITCH_PID=
/usr/bin/python3 -c '
import sqlite3, sys
n, = sqlite3.connect(sys.argv[1]).execute("SELECT count(*) FROM flow").fetchone()
sys.exit(n != 1024)' "$OFFICE_DIR/state/flows.db" || die "the file holds more than the memory did"
office_start
expect "and after a restart" "$(flows --port d5 | wc -l) $(flows --port d6 | wc -l)" "24 1000"
sw audit >/dev/null
echo "ok"
