#!/bin/bash
# Multicast with real kernels: a stream goes to the desktop that has joined and to nobody else, and ends
# when it leaves; nobody is a querier but behind an uplink; floods of broadcasts and of stations cost the
# others nothing.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

GROUP=239.1.2.3
GROUP6=ff15::1234

# drops PORT REASON: packets of the port that were dropped for it.
drops()
{
    sw -o json counters --port "$1" | /usr/bin/python3 -c "
import json, sys
port = json.load(sys.stdin)['ports'][0]
print(sum(int(d['packets']) for d in port.get('drops', []) if d['reason'] == '$2'))"
}

# listener NAME: joins both groups until $OFFICE_DIR/leave exists, and notes every datagram.
listener()
{
    cat >"$OFFICE_DIR/listener.py" <<'END'
import os, select, socket, struct, sys, time
group, group6, leave, heard = sys.argv[1:]
index = socket.if_nametoindex('eth0')
four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
four.bind(('', 5000))
request = struct.pack('4s4si', socket.inet_aton(group), bytes(4), index)
four.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
six.bind(('::', 5000))
request6 = socket.inet_pton(socket.AF_INET6, group6) + struct.pack('I', index)
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request6)
joined = True
with open(heard, 'a', buffering=1) as f:
    while True:
        for s in select.select([four, six], [], [], 0.1)[0]:
            f.write(('6' if s is six else '4') + ' ' + s.recv(100).decode() + '\n')
        if joined and os.path.exists(leave):
            four.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, request)
            six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_LEAVE_GROUP, request6)
            joined = False
END
    spawn_ns "$1" /usr/bin/python3 "$OFFICE_DIR/listener.py" "$GROUP" "$GROUP6" "$OFFICE_DIR/leave" \
        "$OFFICE_DIR/heard-$1"
}

# A sniffer that notes whatever of the stream reaches a namespace's interface.
sniffer()
{
    spawn_ns "$1" /usr/bin/python3 -c "
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(('eth0', 0))
with open('$OFFICE_DIR/seen-$1', 'a', buffering=1) as f:
    while True:
        frame = s.recv(2000)
        if b'STREAM' in frame:
            f.write('stream\n')
"
}

# stream TEXT: ten datagrams to each group from the server.
stream()
{
    in_ns server /usr/bin/python3 - "$GROUP" "$GROUP6" "STREAM-$1" <<'END'
import socket, sys, time
group, group6, text = sys.argv[1:]
four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
four.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 2)
four.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'eth0')
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex('eth0'))
for _ in range(10):
    four.sendto(text.encode(), (group, 5000))
    six.sendto(text.encode(), (group6, 5000))
    time.sleep(0.02)
END
}

# heard NAME FAMILY TEXT: how many datagrams of the text.
heard()
{
    grep -c "^$2 STREAM-$3\$" "$OFFICE_DIR/heard-$1" 2>/dev/null || true
}

seen()
{
    grep -c stream "$OFFICE_DIR/seen-$1" 2>/dev/null || true
}

# member PORT GROUP
is_member()
{
    sw mcast list | grep -q "^$2 .* $1 "
}

is_no_member()
{
    ! is_member "$@"
}

office_open
office_build
office_config
sed -i 's/name: gateway, role: uplink,/& mac_limit: 1000,/' "$OFFICE_DIR/config.yaml"
cat >>"$OFFICE_DIR/policy.yaml" <<EOF
  - { id: stream, direction: ingress, peer: server, protocol: udp, ports: [5000], action: allow }
EOF
office_start
for name in d1 d2 d3 gateway; do
    sniffer $name
done
listener d1
office_wait 10 "d1 has joined" is_member d1 $GROUP
office_wait 10 "d1 has joined over IPv6" is_member d1 $GROUP6
sw mcast list

stream one
office_wait 5 "d1 hears the stream" eval '[[ $(heard d1 4 one) -eq 10 && $(heard d1 6 one) -eq 10 ]]'
[[ $(seen d2) -eq 0 && $(seen d3) -eq 0 ]] || die "others have got what they did not join"
office_wait 5 "the other uplink has it: there may be routers" eval '[[ $(seen gateway) -ge 20 ]]'
echo "the stream goes to who has joined, and to the other uplink"

touch "$OFFICE_DIR/leave"
office_wait 10 "d1 has left" is_no_member d1 $GROUP
office_wait 10 "d1 has left over IPv6" is_no_member d1 $GROUP6
before=$(seen d1)
stream two
sleep 0.5
[[ $(heard d1 4 two) -eq 0 && $(heard d1 6 two) -eq 0 ]] || die "d1 still hears the stream"
[[ $before -gt 0 && $(seen d1) -eq $before ]] || die "d1 is still sent the stream"
echo "it ends when the last one leaves"

# ---- hostile ----

in_ns d2 /usr/bin/python3 - <<'END'
import logging
logging.getLogger('scapy').setLevel(logging.ERROR)
from scapy.all import Ether, IP, IPv6, IPv6ExtHdrHopByHop, RouterAlert, ICMPv6MLQuery, sendp, conf
from scapy.contrib.igmp import IGMP
conf.verb = 0
me = '02:00:00:00:00:02'
query = IP(src='10.99.0.12', dst='224.0.0.1', ttl=1) / IGMP(type=0x11, mrcode=100)
query6 = (IPv6(src='fe80::ff:fe00:2', dst='ff02::1', hlim=1)
          / IPv6ExtHdrHopByHop(options=[RouterAlert()]) / ICMPv6MLQuery())
sendp([Ether(src=me, dst='01:00:5e:00:00:01') / query, Ether(src=me, dst='33:33:00:00:00:01') / query6],
      iface='eth0')
END
office_wait 5 "queries from a desktop are dropped" eval '[[ $(drops d2 mcast-query) -eq 2 ]]'
echo "a desktop is no querier"

in_ns d3 /usr/bin/python3 - <<'END'
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
arp = (bytes.fromhex('ffffffffffff 020000000003 0806 0001 0800 0604 0001 020000000003 0a63000d')
       + bytes(6) + bytes([10, 99, 0]))
for i in range(3000):
    s.send(arp + bytes([100 + i % 100]) + bytes(18))
END
office_wait 5 "a storm of ARP is cut off" eval '[[ $(drops d3 storm) -gt 0 ]]'
works=$(in_ns d1 ping -q -n -c 1 -W 2 "$OFFICE_SERVER") || die "d1 cannot work in d3's storm: $works"
office_wait 5 "a record of the storm" eval '[[ $(sw drops --port d3 --reason storm | grep -c storm) -gt 0 ]]'
echo "a storm is cut off and recorded: $(drops d3 storm) frames"

# Twenty thousand stations behind the gateway, each once.
flood()
{
    in_ns gateway /usr/bin/python3 - <<'END'
import socket, struct
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
datagram = bytes.fromhex('45000020 0000 0000 40 11 6605 0a630001 0a630002 03e8 03e8 000c 0000') + bytes(18)
for i in range(20000):
    s.send(bytes.fromhex('020000000102') + b'\x06\x00' + struct.pack('>I', i) + b'\x08\x00' + datagram)
END
}

learned()
{
    sw -o json port show gateway | /usr/bin/python3 -c \
        'import json, sys; print(json.load(sys.stdin).get("macsLearned", 0))'
}

# How many are learned of one flood is a matter of time: control takes them in by and by.
fills()
{
    flood
    [[ $(learned) -ge 1000 ]]
}
office_wait 30 "the gateway has all the stations that it may have" fills
flood
[[ $(learned) -eq 1000 ]] || die "$(learned) stations behind the gateway"
sw fdb >"$OFFICE_DIR/fdb"
grep -Eq "^02:00:00:00:01:02 +0 +server " "$OFFICE_DIR/fdb" ||
    die "the server's place was taken: $(grep 02:00:00:00:01:02 "$OFFICE_DIR/fdb")"
echo "a flood of stations is limited"
sw audit
