#!/bin/bash
# What a rule rejects, kernels are told of and believe: a TCP connection is refused, a UDP socket gets
# the error of an ICMP message, at once and over both families, whether the sender's table or the
# receiver's rejects; broadcasts and multicasts are answered by nothing.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

expect()
{
    local what=$1 is=$2 should=$3
    echo "$what: $is"
    [[ $is = "$should" ]] || die "$what: '$is' instead of '$should'"
}

# try KIND ADDRESS PORT: what errno a socket of d1 gets, or "silence" after three seconds.
try()
{
    in_ns d1 /usr/bin/python3 - "$@" <<'END'
import errno, socket, sys
kind, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
s = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, getattr(socket, kind))
s.settimeout(3)
try:
    s.connect((address, port))
    s.send(b'anybody?')
    s.recv(10)
    print('answer')
except TimeoutError:
    print('silence')
except OSError as e:
    print(errno.errorcode[e.errno])
END
}

# originated: what the switch has made in answer to d1.
originated()
{
    sw -o json counters --port d1 | /usr/bin/python3 -c \
        "import json, sys; print(json.load(sys.stdin)['ports'][0].get('originated', 0))"
}

office_open
office_build
office_config
sed -i '/id: no-lateral/d' "$OFFICE_DIR/policy.yaml"
cat >>"$OFFICE_DIR/policy.yaml" <<EOF
  - { id: to-d3, direction: egress, peer: d3, action: allow }
  - { id: not-in, direction: ingress, peer: desktops, action: reject }
  - { id: no-lateral, direction: egress, peer: desktops, action: reject }
EOF
sed -i "/^groups:/a\\  d3: { ports: [d3] }" "$OFFICE_DIR/policy.yaml"
office_start
office_wait 20 "IPv6" in_ns d1 ping -q -n -c 1 -W 1 "${OFFICE_NET6}2"

for n in 2 3; do # the sender's table rejects, the receiver's does
    for peer in "$(desk_ip "$n")" "$OFFICE_NET6$((10 + n))"; do
        expect "TCP to d$n at $peer" "$(try SOCK_STREAM "$peer" 445)" ECONNREFUSED
        udp=$(try SOCK_DGRAM "$peer" 137)
        # Administratively prohibited: EHOSTUNREACH of ICMP (type 3, code 13), EACCES of ICMPv6 (1, 1).
        [[ $peer = *:* ]] && should=EACCES || should=EHOSTUNREACH
        expect "UDP to d$n at $peer" "$udp" "$should"
    done
done
before=$(originated)
in_ns d1 /usr/bin/python3 - <<'END'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
for to in ('10.99.0.255', '255.255.255.255', '224.0.0.252'):
    try:
        s.sendto(b'anybody?', (to, 137))
    except OSError:
        pass
END
expect "answers to broadcasts and multicasts" $(($(originated) - before)) 0
sw audit
