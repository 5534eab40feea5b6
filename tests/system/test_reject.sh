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

# A connection that is open when its rule comes to reject: each end learns of it at its next packet,
# the sender's by an answer and the other by a reset that it takes for exact.
sed 's/action: reject/action: allow/' "$OFFICE_DIR/policy.yaml" >"$OFFICE_DIR/open.yaml"
sw policy apply "$OFFICE_DIR/open.yaml" >"$OFFICE_DIR/applied"
for peer in "$(desk_ip 2)" "${OFFICE_NET6}12"; do
    rm -f "$OFFICE_DIR"/{ends,talk}
    spawn_ns d2 /usr/bin/python3 -c "
import errno, socket, sys
s = socket.create_server(('$peer', 445), family=socket.AF_INET6 if ':' in '$peer' else socket.AF_INET)
s.settimeout(60)
print('ready', flush=True)
c, _ = s.accept()
c.settimeout(60)
try:
    while c.recv(10):
        pass
    print('end', flush=True)
except OSError as e:
    print(errno.errorcode.get(e.errno, e), flush=True)
" >"$OFFICE_DIR/ends" 2>&1
    office_wait 20 "a server at $peer" grep -q ready "$OFFICE_DIR/ends"
    spawn_ns d1 /usr/bin/python3 -c "
import errno, os, socket, time
s = socket.create_connection(('$peer', 445), 20)
s.settimeout(60)
s.send(b'0123456789')
print('connected', flush=True)
while not os.path.exists('$OFFICE_DIR/tightened'):
    time.sleep(.05)
try:
    s.send(b'more')
    s.recv(10)
    print('end', flush=True)
except OSError as e:
    print(errno.errorcode.get(e.errno, e), flush=True)
" >"$OFFICE_DIR/talk" 2>&1
    office_wait 20 "a connection to $peer" grep -q connected "$OFFICE_DIR/talk"
    sw policy apply "$OFFICE_DIR/policy.yaml" >"$OFFICE_DIR/applied"
    touch "$OFFICE_DIR/tightened"
    office_wait 20 "both ends of $peer" grep -qE "^E|end" "$OFFICE_DIR/ends"
    office_wait 20 "both ends of $peer" grep -qE "^E|end" "$OFFICE_DIR/talk"
    expect "the opener at $peer" "$(tail -1 "$OFFICE_DIR/talk")" ECONNRESET
    expect "its peer at $peer" "$(tail -1 "$OFFICE_DIR/ends")" ECONNRESET
    rm "$OFFICE_DIR/tightened"
    sw policy apply "$OFFICE_DIR/open.yaml" >"$OFFICE_DIR/applied"
done
sw audit
