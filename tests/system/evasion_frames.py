"""What the cases of evasion.py are made of."""
import socket

from scapy.all import (AH, ARP, BOOTP, DHCP, GRE, ICMP, IP, LLC, TCP, UDP, VXLAN, Dot1AD, Dot1Q, Ether,
                       DHCP6_Advertise, ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS,
                       ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr,
                       ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr, IPOption_LSRR, IPOption_NOP,
                       IPOption_SSRR, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                       IPv6ExtHdrRouting, PadN, Padding, Raw, RouterAlert, srp1)

MARK, CONTROL, FLOODED, ISOLATED = b'EVADED', b'CONTROL', b'FLOODED', b'ISOLATED'
D1, D2, D3, D4 = ('02:00:00:00:00:0%d' % i for i in (1, 2, 3, 4))
GATEWAY_MAC, SERVER_MAC, TRUNK_MAC = ('02:00:00:00:01:0%d' % i for i in (1, 2, 3))
ALL = 'ff:ff:ff:ff:ff:ff'
ALL_NODES = '33:33:00:00:00:01'
GATEWAY, SERVER, ME, PEER, PEER3, PEER4 = ('10.99.0.%d' % i for i in (1, 2, 11, 12, 13, 14))
GATEWAY6, SERVER6, ME6, PEER6 = ('fd99::%s' % i for i in (1, 2, 11, 12))
OPEN, OPEN_UDP, SHUT = 80, 5000, 9999
TALK, HEARD, SHOUT = 7000, 7001, 6666
ASKING, XID = 6800, 0x5eed  # what d2 asks everybody from (receiver.py), and its DHCP transaction
ME_LOCAL = 'fe80::ff:fe00:1'
OPTION = Raw(bytes([253, 2]) + MARK + bytes(8))  # of neighbour discovery, of a kind that nobody knows

number = iter(range(20000, 65000))  # of ports, fragments: each is used once


class Case:
    """'drops' is a reason for all of the frames, or how many for which; 'frames' what to send, or a
    function that does and says whether what had to come back has."""

    def __init__(self, name, drops, frames):
        self.name, self.frames = name, frames
        self.drops = {drops: len(frames)} if isinstance(drops, str) else drops


class Cut:
    """Bytes as they are."""

    def __init__(self, frame):
        self.frame = bytes(frame)

    def __bytes__(self):
        return self.frame


def ether(packet, dst=SERVER_MAC, **fields):
    return Ether(**{'src': D1, 'dst': dst, **fields}) / packet


def text(mark=MARK, length=64):
    return Raw(mark + b'.' * (length - len(mark)))


def udp(port=OPEN_UDP, mark=MARK, length=64, **fields):
    return UDP(sport=next(number), dport=port, **fields) / text(mark, length)


def syn(port=OPEN, mark=MARK, flags='S', **fields):
    return TCP(sport=next(number), dport=port, flags=flags, seq=1000, **fields) / text(mark)


def ip(dst=SERVER, **fields):
    return IP(**{'src': ME, 'dst': dst, **fields})


def ip6(dst=SERVER6, **fields):
    return IPv6(**{'src': ME6, 'dst': dst, **fields})


def raw6(next_header, body, length=None):
    return ip6(nh=next_header, plen=len(body) if length is None else length) / Raw(body)


def bytes_of(layer, v6=False):
    """What is behind the IP header, with its lengths and checksums filled in."""
    return bytes((ip6() if v6 else ip()) / layer)[40 if v6 else 20:]


def pieces(body, protocol, *ranges, id=None, total=None, dst=SERVER_MAC, to=SERVER):
    """Fragments of IPv4: (offset, length) each."""
    id, total = id or next(number), total or len(body)
    return [ether(ip(to, id=id, proto=protocol, frag=offset // 8, flags='MF' if offset + length < total else 0)
                  / Raw(body[offset:offset + length]), dst) for offset, length in ranges]


def pieces6(body, kind, *ranges, id=None, total=None):
    id, total = id or next(number), total or len(body)
    return [ether(ip6() / IPv6ExtHdrFragment(nh=kind, id=id, offset=offset // 8, m=int(offset + length < total))
                  / Raw(body[offset:offset + length])) for offset, length in ranges]


def atomic(src, dst, message):
    """ICMPv6 behind a fragment header that makes no fragment."""
    return IPv6(src=src, dst=dst, hlim=255) / IPv6ExtHdrFragment(nh=58, id=next(number)) / message


def sum16(data):
    total = sum(int.from_bytes(data[i:i + 2].ljust(2, b'\0'), 'big') for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return (total ^ 0xffff).to_bytes(2, 'big')


def igmp(kind, group='0.0.0.0', rest=b''):
    body = bytes([kind, 0, 0, 0]) + socket.inet_aton(group) + rest
    return body[:2] + sum16(body) + body[4:]


def in_igmp(body, dst='224.0.0.1', mac='01:00:5e:00:00:01', **fields):
    return ether(ip(dst, **{'ttl': 1, 'proto': 2, **fields}) / Raw(body) / Padding(MARK), mac)


def in_mld(kind, group='::', dst='ff02::1', mac=ALL_NODES, alert=True, rest=b'', **fields):
    body = bytes([kind, 0, 0, 0, 0, 0, 0, 0]) + socket.inet_pton(socket.AF_INET6, group) + rest
    header = IPv6ExtHdrHopByHop(options=[RouterAlert()] if alert else [PadN(optdata=bytes(2))])
    packet = IPv6(**{'src': ME_LOCAL, 'dst': dst, 'hlim': 1, **fields}) / header
    pseudo = (socket.inet_pton(socket.AF_INET6, packet.src) + socket.inet_pton(socket.AF_INET6, dst)
              + len(body).to_bytes(4, 'big') + bytes([0, 0, 0, 58]))
    packet.payload.nh = 58
    return ether(packet / Raw(body[:2] + sum16(pseudo + body) + body[4:]) / Padding(MARK), mac)


def request(mac=D1, giaddr='0.0.0.0', ciaddr='0.0.0.0', mark=MARK, end='end'):
    return (UDP(sport=68, dport=67) / BOOTP(chaddr=bytes.fromhex(mac.replace(':', '')), giaddr=giaddr, ciaddr=ciaddr,
                                            xid=next(number), sname=mark)
            / DHCP(options=[('message-type', 'request'), end]))
