#!/bin/bash
# What belongs to a connection gets through, with kernel stacks at both ends: fragments of a large
# ping, the ICMP error that says that nobody listens, a reset; over IPv4 and IPv6.  What does not, does
# not: fragments to a neighbour, an error about no connection, a tunnel that no rule names.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# udp ADDRESS PORT: "refused" when an ICMP error comes back, "silence" when nothing does.
udp()
{
    in_ns d1 /usr/bin/python3 - "$1" "$2" <<'END'
import socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(1)
s.connect((sys.argv[1], int(sys.argv[2])))
try:
    s.send(b'anybody?')
    s.recv(10)
except ConnectionRefusedError:
    print('refused')
except TimeoutError:
    print('silence')
END
}

# drops REASON: packets of d1 that were dropped for it.
drops()
{
    sw -o json counters --port d1 | /usr/bin/python3 -c "
import json, sys
port = json.load(sys.stdin)['ports'][0]
print(sum(int(d['packets']) for d in port.get('drops', []) if d['reason'] == '$1'))"
}

expect()
{
    local what=$1 is=$2 should=$3
    echo "$what: $is"
    [[ $is = "$should" ]] || die "$what: $is instead of $should"
}

office_open
office_build
office_config
cat >>"$OFFICE_DIR/policy.yaml" <<EOF
  - { id: other-tcp, direction: egress, peer: server, protocol: tcp, ports: [81], action: allow }
  - { id: all-udp, direction: egress, peer: server, protocol: udp, action: allow }
EOF
office_start
office_web server 80

for server in "$OFFICE_SERVER" "${OFFICE_NET6}2"; do
    in_ns d1 ping -q -n -c 3 -i 0.2 -W 2 -s 4000 "$server" >/dev/null ||
        die "a large ping to $server is lost"
    echo "a large ping to $server: answered"
    expect "UDP to a closed port of $server" "$(udp "$server" 9)" refused
    expect "VXLAN to $server, by no name" "$(udp "$server" 4789)" silence
done
status=0
in_ns d1 curl -s -m 3 "http://$OFFICE_SERVER:81/" >/dev/null || status=$?
expect "TCP to a closed port" $status 7 # refused, not timed out

before=$(drops egress-rule)
! in_ns d1 ping -q -n -c 1 -W 1 -s 4000 "$(desk_ip 2)" >/dev/null || die "d2 answers"
expect "fragments to a neighbour, denied as a datagram" $(($(drops egress-rule) - before)) 3
expect "fragments still held" "$(sw -o json counters --port d1 | grep -c '"held"' || true)" 0
sw audit
