"""The cases of evasion.py.  Where an attack has a name in an RFC, the case says which.

The policy (test_evasion.sh) opens OPEN ports of the server, everything but tunnels at the gateway, TALK
at the other desktops (the egress side; the ingress side opens HEARD of them), and SHOUT to everybody.
So most attacks here would pass if the stage that they are aimed at were not there."""
import itertools

from scapy.all import (AH, ARP, BOOTP, DHCP, GRE, ICMP, IP, LLC, TCP, UDP, VXLAN, Dot1AD, Dot1Q, Ether,
                       DHCP6_Advertise, ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS,
                       ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr,
                       ICMPv6NDOptPrefixInfo, ICMPv6NDOptSrcLLAddr, IPOption_LSRR, IPOption_NOP,
                       IPOption_SSRR, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                       IPv6ExtHdrRouting, Padding, Raw, srp1)

MARK, CONTROL, FLOODED = b'EVADED', b'CONTROL', b'FLOODED'
D1, D2, D3, D4 = ('02:00:00:00:00:0%d' % i for i in (1, 2, 3, 4))
GATEWAY_MAC, SERVER_MAC = '02:00:00:00:01:01', '02:00:00:00:01:02'
ALL = 'ff:ff:ff:ff:ff:ff'
ALL_NODES = '33:33:00:00:00:01'
GATEWAY, SERVER, ME, PEER, PEER3, PEER4 = ('10.99.0.%d' % i for i in (1, 2, 11, 12, 13, 14))
GATEWAY6, SERVER6, ME6, PEER6 = ('fd99::%s' % i for i in (1, 2, 11, 12))
OPEN, OPEN_UDP, SHUT = 80, 5000, 9999
TALK, HEARD, SHOUT, SCREAM = 7000, 7001, 6666, 6667

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


def parsing():
    u6, options = bytes_of(udp(), True), bytes([17, 0, 1, 4, 0, 0, 0, 0])
    yield Case('an IP length that lies', 'malformed', [ether(ip(len=n) / udp()) for n in (0, 19, 2000, 65535)])
    yield Case('an IP length that cuts UDP short', 'malformed', [ether(ip(len=n) / udp()) for n in (24, 50)])
    yield Case('an IP header length that lies', 'malformed', [ether(ip(ihl=n) / udp()) for n in (0, 4)])
    yield Case('an IP version that lies', 'malformed',
               [ether(ip(version=n) / udp(), type=0x800) for n in (0, 5, 6)]
               + [ether(ip6(version=n) / udp(), type=0x86dd) for n in (0, 4, 5)])
    yield Case('an IPv6 length that lies', 'malformed', [ether(ip6(plen=n) / udp()) for n in (300, 65535)])
    yield Case('a frame that ends in a header', 'malformed',
               [Cut(bytes(ether(ip() / udp()))[:n]) for n in (15, 20, 33)])
    yield Case('a UDP length that lies', 'malformed', [ether(ip() / udp(len=n)) for n in (0, 7, 73, 2000)])
    yield Case('a TCP header length that lies', 'malformed',
               [ether(ip() / TCP(sport=next(number), dport=OPEN, dataofs=n) / text(length=20)) for n in (0, 4, 15)])
    yield Case('ICMP that ends in its header', 'malformed', [ether(ip(proto=1) / Raw(bytes([8, 0, 0, 0, 0])))])
    yield Case("ICMP of the other family", 'malformed',
               [ether(ip(GATEWAY, proto=58) / Raw(b'\x80' + bytes(7) + MARK), GATEWAY_MAC),
                ether(ip6(GATEWAY6, nh=1) / Raw(b'\x08' + bytes(7) + MARK), GATEWAY_MAC)])
    yield Case('IPv4 addresses that are written as IPv6', 'malformed',
               [ether(IPv6(src='::ffff:' + ME, dst='::ffff:' + SERVER) / udp())])
    yield Case('to oneself (land)', 'land', [ether(IP(src=ME, dst=ME) / udp()), ether(IPv6(src=ME6, dst=ME6) / udp())])
    yield Case('neither IP nor ARP', 'ethertype',
               [ether(Raw(b'....' + MARK), type=t) for t in (0x8847, 0x88cc, 0x8863, 0x9000)]
               + [ether(LLC() / text(), type=60)])
    yield Case('VLAN hopping: a tag', 'vlan', [ether(Dot1Q(vlan=n) / ip() / udp()) for n in (1, 2, 4095)])
    yield Case('VLAN hopping: two tags', 'vlan', [ether(Dot1Q(vlan=1) / Dot1Q(vlan=2) / ip() / udp()),
                                                ether(Dot1AD(vlan=1) / Dot1Q(vlan=2) / ip() / udp())])
    yield Case('a loose and a strict source route (RFC 7126)', 'source-route',
               [ether(ip(options=[IPOption_NOP(), o(routers=[PEER])]) / udp())
                for o in (IPOption_LSRR, IPOption_SSRR)])
    yield Case('IP options before what is denied', 'egress-default',
               [ether(ip(options=[IPOption_NOP()] * n) / udp(SHUT)) for n in (4, 40)])
    yield Case('a routing header of type 0 (RFC 5095)', 'source-route',
               [ether(ip6() / IPv6ExtHdrRouting(addresses=[PEER6]) / udp())])
    yield Case('extension headers before what is denied', 'egress-default',
               [ether(ip6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / udp(SHUT)),
                ether(ip6() / AH(nh=17, payloadlen=1) / udp(SHUT))])
    yield Case('more extension headers than anybody needs (RFC 7112)', 'ipv6-ext',
               [ether(raw6(60, bytes([60, 0, 1, 4, 0, 0, 0, 0]) * 8 + options + u6))])
    yield Case('an extension header that ends behind the packet', 'ipv6-ext',
               [ether(raw6(60, bytes([17, 40, 1, 4, 0, 0, 0, 0]) + u6)), ether(raw6(60, bytes([17, 0, 1, 4])))])
    yield Case('ICMPv6 behind a chain (RFC 7113)', 'ra',
               [ether(IPv6(src=ME6, dst='ff02::1', hlim=255) / IPv6ExtHdrDestOpt() / ICMPv6ND_RA(), ALL_NODES)])


def guard():
    yield Case("another's MAC address", 'spoof-mac', [ether(ip() / udp(), src=D2), ether(ip6() / udp(), src=D2),
                                                    ether(ARP(hwsrc=D2, psrc=PEER, pdst=SERVER), ALL, src=D2)])
    yield Case("another's address", 'spoof-ip',
               [ether(IP(src=a, dst=SERVER) / udp()) for a in (PEER, GATEWAY, '8.8.8.8', '127.0.0.1', '255.255.255.255')]
               + [ether(IPv6(src=a, dst=SERVER6) / udp()) for a in (PEER6, '2001:db8::1', '::1', 'ff02::1')])
    yield Case('no address, and no DHCP', 'spoof-ip', [ether(IP(src='0.0.0.0', dst=SERVER) / udp()),
                                                     ether(IPv6(src='::', dst=SERVER6) / udp())])
    offer = (UDP(sport=67, dport=68) / BOOTP(op=2, yiaddr='10.99.0.66', sname=MARK)
             / DHCP(options=[('message-type', 'offer'), 'end']))
    yield Case('I am a DHCP server', 'dhcp-server',
               [ether(IP(src=ME, dst='255.255.255.255') / offer, ALL), ether(ip(PEER) / offer, D2),
                ether(ip6(PEER6) / UDP(sport=547, dport=546) / DHCP6_Advertise() / text(), D2)])
    body = bytes_of(offer)
    yield Case('I am a DHCP server, in fragments', {'dhcp-server': 2}, pieces(body, 17, (0, 64), (64, len(body) - 64)))
    ra = (IPv6(src=ME6, dst='ff02::1', hlim=255) / ICMPv6ND_RA() / ICMPv6NDOptPrefixInfo(
        prefix='2001:db8:bad::', prefixlen=64))
    yield Case('I am a router', 'ra', [ether(ra, ALL_NODES), ether(ra, D2)])
    yield Case('I know a better way', 'ra', [ether(ip6(PEER6, hlim=255) / ICMPv6ND_Redirect(tgt=ME6, dst=SERVER6), D2)])
    body = bytes(ra.payload)
    for name, kind, whole in (
            ('I am a router, in fragments (RFC 6980, RFC 7113)', 58, body),
            ('I am a router, in fragments behind a header (RFC 7113)', 60, bytes([58, 0, 1, 4, 0, 0, 0, 0]) + body)):
        yield Case(name, 'fragment', [
            ether(IPv6(src=ME6, dst='ff02::1', hlim=255) / IPv6ExtHdrFragment(nh=kind, id=70 + kind, offset=o // 8,
                                                                            m=int(o == 0)) / Raw(whole[o:o + n]), ALL_NODES)
            for o, n in ((0, 24), (24, len(whole) - 24))])


def atomic(src, dst, message):
    """ICMPv6 behind a fragment header that makes no fragment."""
    return IPv6(src=src, dst=dst, hlim=255) / IPv6ExtHdrFragment(nh=58, id=next(number)) / message


def atomic_fragments():
    slla, tlla = ICMPv6NDOptSrcLLAddr(lladdr=D1), ICMPv6NDOptDstLLAddr(lladdr=D1)
    prefix = ICMPv6NDOptPrefixInfo(prefix='2001:db8:bad::', prefixlen=64)
    yield Case('neighbour discovery behind an atomic fragment header (RFC 6980)', 'fragment',
               [ether(atomic(ME6, 'ff02::1', ICMPv6ND_RA() / prefix), ALL_NODES),
                ether(atomic(ME6, PEER6, ICMPv6ND_RA() / prefix), D2),
                ether(atomic(ME6, PEER6, ICMPv6ND_Redirect(tgt=ME6, dst=SERVER6)), D2),
                ether(atomic(ME6, GATEWAY6, ICMPv6ND_NA(tgt=ME6, R=0, O=1) / tlla / text()), GATEWAY_MAC),
                ether(atomic(ME6, 'ff02::1:ff00:1', ICMPv6ND_NS(tgt=GATEWAY6) / slla), '33:33:ff:00:00:01'),
                ether(atomic('::', 'ff02::1:ff00:99', ICMPv6ND_NS(tgt='fd99::99')), '33:33:ff:00:00:99'),
                ether(atomic(ME6, 'ff02::2', ICMPv6ND_RS() / slla), '33:33:00:00:00:02')])
    yield Case('... and SEND, which a rule allows otherwise', 'fragment',
               [ether(atomic(ME6, GATEWAY6, Raw(bytes([t, 0, 0, 0, 0, 0, 0, 0]) + MARK)), GATEWAY_MAC)
                for t in (148, 149)])
    echo = ICMPv6EchoRequest(id=next(number), data=CONTROL)
    yield Case('other messages behind one are whole (RFC 6946)', {}, [ether(atomic(ME6, SERVER6, echo))])


def neighbours():
    pad = Padding(MARK + b'.' * 20)
    yield Case('ARP: I am the gateway', 'spoof-arp',
               [ether(ARP(op=o, hwsrc=D1, psrc=GATEWAY, pdst=t, hwdst=d) / pad, d)
                for o in (1, 2) for d, t in ((SERVER_MAC, SERVER), (D2, PEER), (ALL, GATEWAY))])
    yield Case('ARP: my address is at another MAC', 'spoof-arp',
               [ether(ARP(op=2, hwsrc=D3, psrc=ME, pdst=SERVER) / pad)])
    yield Case('ARP that lies about lengths', 'malformed', [ether(ARP(hwlen=8) / pad), ether(ARP(plen=16) / pad),
                                                          ether(ARP(op=8) / pad)])
    na = ICMPv6ND_NA(tgt=SERVER6, R=0, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=D1)
    yield Case('ND: I am the server', 'spoof-nd', [ether(ip6(a, hlim=255) / na, d) for a, d in (
        (PEER6, D2), ('ff02::1', ALL_NODES), (GATEWAY6, GATEWAY_MAC))])
    yield Case('ND that crossed a router', 'spoof-nd',
               [ether(ip6(GATEWAY6, hlim=n) / ICMPv6ND_NS(tgt=GATEWAY6) / text(), GATEWAY_MAC) for n in (1, 64, 254)])
    yield Case('ND that is cut short', 'malformed',
               [ether(ip6(GATEWAY6, nh=58, hlim=255) / Raw(bytes([136, 0, 0, 0, 0, 0, 0, 0]) + MARK), GATEWAY_MAC)])
    yield Case('ARP: who has my neighbour (the switch answers)', {'probe': 1},
               lambda: answers(ether(ARP(hwsrc=D1, psrc=ME, pdst=PEER4) / pad, ALL), D4))
    solicit = ether(IPv6(src=ME6, dst='ff02::1:ff00:14', hlim=255) / ICMPv6ND_NS(tgt='fd99::14')
                    / ICMPv6NDOptSrcLLAddr(lladdr=D1), '33:33:ff:00:00:14')
    yield Case('ND: who has my neighbour (the switch answers)', {'probe': 1},
               lambda: answers(solicit, D4))


def answers(request, mac):
    reply = srp1(request, iface='eth0', timeout=2, verbose=0)
    return reply is not None and reply.src == mac


def fragments():
    u, u6, t = bytes_of(udp(SHUT)), bytes_of(udp(SHUT), True), bytes_of(syn())
    yield Case('two fragments', 'egress-default', pieces(u, 17, (0, 40), (40, 32)))
    yield Case('fragments, the last one first', 'egress-default', pieces(u, 17, (40, 32), (0, 40)))
    yield Case('IPv6 fragments', 'egress-default', pieces6(u6, 17, (0, 40), (40, 32)))
    yield Case('a first fragment of eight bytes (RFC 1858)', 'fragment', pieces(t, 6, (0, 8), (8, len(t) - 8)))
    yield Case('a first fragment of sixteen bytes, without the flags (RFC 3128)', 'fragment',
               pieces(t, 6, (0, 16), (16, len(t) - 16)))
    good, bad = bytes_of(syn()), bytes_of(syn(SHUT))
    id = next(number)
    yield Case('a later fragment rewrites the port (RFC 1858, RFC 3128)', {'frag-overlap': 4},
               pieces(good, 6, (0, 24), id=id, total=len(good)) + pieces(bad, 6, (0, 16), id=id)
               + pieces(good, 6, (24, len(good) - 24), id=id) + pieces(bad, 6, (8, 16), id=id))
    g6 = bytes_of(udp(), True)
    yield Case('overlapping IPv6 fragments (RFC 5722)', {'frag-overlap': 4},
               pieces6(g6, 17, (0, 40), (32, 40), (40, 32), (0, 40), id=next(number)))
    g4 = bytes_of(udp())
    yield Case('a fragment behind the last one', {'frag-overlap': 3},
               pieces(g4 + bytes(16), 17, (0, 40), (72, 16), id=77) + pieces(g4, 17, (40, 32), id=77))
    yield Case('fragments of odd length', 'malformed', pieces(g4, 17, (0, 41)) + pieces6(g6, 17, (0, 41)))
    yield Case('a fragment past the largest datagram (ping of death)', 'malformed',
               pieces(bytes(65528 + 64), 17, (65528, 64)) + pieces6(bytes(65528 + 64), 17, (65528, 64)))
    yield Case('the chain goes on in the second fragment (RFC 7112)', 'fragment',
               pieces6(bytes([17, 0, 1, 4, 0, 0, 0, 0]) + g6, 60, (0, 8), (8, len(g6))))
    inner = bytes([17, 0, 0, 1, 0, 0, 0, 9]) + g6
    yield Case('a fragment in a fragment', 'ipv6-ext', pieces6(inner, 44, (0, 48), (48, len(inner) - 48)))
    atomic = next(number)
    yield Case('first fragments alone; an atomic one with the number of another (RFC 6946)',
               {'frag-timeout': 2, 'egress-default': 1},
               pieces(g4, 17, (0, 40)) + pieces6(g6, 17, (0, 40), id=atomic) + pieces6(u6, 17, (0, 72), id=atomic))
    yield Case('more datagrams under way than a port may have', {'frag-timeout': 16, 'frag-limit': 4},
               [f for _ in range(20) for f in pieces(g4, 17, (0, 40))])


def policy():
    yield Case('what is denied', 'egress-default', [ether(ip() / udp(SHUT)), ether(ip6() / udp(SHUT)),
                                                  ether(ip() / syn(SHUT)), ether(ip6() / syn(SHUT))])
    yield Case('TTL games', 'egress-default', [ether(ip(ttl=n) / udp(SHUT)) for n in (0, 1, 2, 255)]
               + [ether(ip6(hlim=n) / udp(SHUT)) for n in (0, 1)])
    yield Case('to a neighbour', 'egress-rule', [ether(ip(PEER) / udp(SHUT), D2), ether(ip6(PEER6) / udp(SHUT), D2),
                                               ether(ip(PEER) / syn(SHUT), D2), ether(ip(PEER) / ICMP() / text(), D2)])
    yield Case('to a neighbour whose own rules deny it', {'ingress-default': 2, 'ingress-rule': 1},
               [ether(ip(PEER) / udp(TALK), D2), ether(ip6(PEER6) / udp(TALK), D2), ether(ip(PEER) / udp(TALK + 2), D2)])
    yield Case("to a neighbour's MAC under another's address", 'misaddressed',
               [ether(ip(PEER3) / udp(HEARD), D2), ether(ip6('fd99::13') / udp(HEARD), D2)])
    yield Case('to myself, by way of the switch', 'hairpin', [ether(ip() / udp(), D1)])
    yield Case('a broadcast MAC for a unicast address', 'egress-rule', [ether(ip(PEER) / udp(SHUT), ALL)])
    yield Case('to everybody, whose rules deny it', {}, [ether(ip('255.255.255.255') / udp(SHOUT, FLOODED), ALL),
                                                       ether(ip6('ff02::1') / udp(SHOUT, FLOODED), ALL_NODES)])
    yield Case('tunnels that no rule names', 'egress-default',
               [ether(outer / tunnel / i / udp(), GATEWAY_MAC) for outer in (ip(GATEWAY), ip6(GATEWAY6))
                for i in (ip(), ip6())
                for tunnel in (GRE(), UDP(dport=4789) / VXLAN(), UDP(dport=3544), UDP(dport=1701))]
               + [ether(outer / i / udp(), GATEWAY_MAC) for outer in (ip(GATEWAY), ip6(GATEWAY6)) for i in (ip(), ip6())])


def checksums():
    yield Case('a wrong IP checksum', 'checksum', [ether(ip(chksum=0x1234) / p) for p in (udp(), syn())])
    yield Case('a wrong checksum in what opens a connection', 'checksum',
               [ether(i / p) for i in (ip(), ip6()) for p in (udp(chksum=0x1234), syn(chksum=0x1234))])
    yield Case('a wrong checksum in a ping', 'checksum', [ether(ip() / ICMP(chksum=0x1234, id=1) / text())])
    yield Case('a wrong checksum in a ping6', 'checksum', [ether(ip6() / ICMPv6EchoRequest(cksum=0x1234, id=1, data=MARK))])
    yield Case('UDP over IPv6 without a checksum', 'checksum', [ether(ip6() / udp(chksum=0))])
    bad = bytes_of(udp(chksum=0x1234))
    yield Case('a wrong checksum in fragments', 'checksum', pieces(bad, 17, (0, 40), (40, 32)))


def errors_about_nothing():
    yield Case('an ICMP error about nothing (RFC 5927)', 'icmp-unrelated',
               [ether(ip() / ICMP(type=t, code=1) / IP(src=SERVER, dst=a) / udp(SHUT))
                for t in (3, 4, 11, 12) for a in (ME, PEER)]
               + [ether(ip6() / ICMPv6DestUnreach() / IPv6(src=SERVER6, dst=ME6) / udp(SHUT))])
    yield Case('an ICMP error that quotes too little', 'icmp-unrelated',
               [ether(ip(GATEWAY) / ICMP(type=3) / Raw(MARK), GATEWAY_MAC)])
    yield Case('a redirect', 'egress-default', [ether(ip() / ICMP(type=5, code=1, gw=ME) / IP(src=SERVER, dst=GATEWAY)
                                                    / udp())])


class Connection:
    """One that the policy allows, opened by hand: the kernel knows nothing of it, and is silent."""

    def __init__(self):
        self.port = next(number)
        opening = ether(ip() / TCP(sport=self.port, dport=OPEN, flags='S', seq=1000, window=8000))
        reply = srp1(opening, iface='eth0', timeout=3, verbose=0)
        if reply is None or reply[TCP].flags != 'SA':
            raise SystemExit('evasion: the server does not answer')
        self.seq, self.ack = 1001, reply[TCP].seq + 1

    def segment(self, mark=MARK, seq=0, ack=0, flags='A', **fields):
        return ether(ip() / TCP(sport=self.port, dport=OPEN, flags=flags, window=8000, seq=(self.seq + seq) % 2**32,
                                ack=(self.ack + ack) % 2**32, **fields) / text(mark, 20))


def tcp(swctl):
    c = Connection()
    yield Case('an acknowledgment and data that belong there', {}, [c.segment(CONTROL)])
    c.seq += 20
    yield Case('flags that no stack sends', 'tcp-flags',
               [c.segment(flags=f) for f in ('', 'F', 'FPU', 'SF', 'SR', 'FRA', 'SFA', 'SRA')])
    yield Case('data outside of the window', 'tcp-sequence', [c.segment(seq=n) for n in (-2**20, 2**20, 2**31)])
    yield Case('an acknowledgment of what was not sent (RFC 5961, 5.2)', 'tcp-sequence',
               [c.segment(ack=n) for n in (1, 10**6, 2**31)])
    yield Case('an acknowledgment of what is before the beginning', 'tcp-sequence', [c.segment(ack=-10)])
    yield Case('a SYN+ACK of another beginning', 'tcp-sequence', [c.segment(flags='SA', seq=77)])
    yield Case('a reset outside of the window (RFC 5961)', 'tcp-sequence', [c.segment(seq=2**20, flags='R')])
    yield Case('a FIN with a wrong checksum', 'checksum', [c.segment(flags='FA', chksum=0x1234)])
    quote = IP(src=SERVER, dst=ME) / TCP(sport=OPEN, dport=c.port, seq=c.ack - 1)
    yield Case('an ICMP error with a number that is not in flight (RFC 5927)', 'icmp-unrelated',
               [ether(ip() / ICMP(type=3, code=3) / IP(src=SERVER, dst=ME)
                      / TCP(sport=OPEN, dport=c.port, seq=(c.ack + n) % 2**32) / text()) for n in (10**6, 2**31)])
    yield Case('an ICMP error to one whose packet it is not (RFC 5927)', 'icmp-unrelated',
               [ether(ip(GATEWAY) / ICMP(type=3, code=3) / quote / text(), GATEWAY_MAC)])
    yield Case('an ICMP error with a wrong checksum', 'checksum',
               [ether(ip() / ICMP(type=3, code=3, chksum=0x1234) / quote / text())])
    yield Case('a reset somewhere in the window (RFC 5961, 3.2)', {}, [
        ether(ip() / TCP(sport=c.port, dport=OPEN, flags='R', seq=c.seq + 500))])
    yield Case('... has ended nothing', {} if state(swctl, c.port) == 'established' else {'established': 1}, [])
    yield Case('TCP without a connection', 'tcp-state',
               [ether(i / syn(flags=f)) for i in (ip(), ip6()) for f in ('A', 'SA', 'FA', 'R', 'RA')])
    yield Case('the same flags to what is denied', {'egress-default': 5},
               [ether(ip() / syn(SHUT, flags=f)) for f in ('A', 'SA', 'FA', 'R', '')])


def state(swctl, port):
    for line in swctl('conn', 'list', '--port', 'd1').splitlines():
        if ':%d ' % port in line:
            return next((word for word in line.split() if word in ('established', 'closed', 'closing')), None)
    return None


def quarantine(swctl):
    sport = next(number)
    talk = UDP(sport=sport, dport=OPEN_UDP)
    yield Case('a datagram that opens a connection', {}, [ether(ip() / talk / text(CONTROL))])
    swctl('quarantine', 'd1')
    yield Case('from quarantine: in an open connection', 'quarantine', [ether(ip() / talk / text())])
    yield Case('from quarantine: what the policy allows', 'quarantine',
               [ether(ip() / udp()), ether(ip6() / udp()), ether(ip() / syn()), ether(ip() / ICMP() / text()),
                ether(ARP(hwsrc=D1, psrc=ME, pdst='10.99.0.99') / Padding(MARK + bytes(20)), ALL)])
    swctl('release', 'd1')
    swctl('quarantine', 'd3')
    yield Case('to quarantine: what the policy allows', 'quarantine-peer', [ether(ip(PEER3) / udp(HEARD), D3)])
    swctl('release', 'd3')


def controls():
    yield Case('what is allowed: tcp, udp, ping, fragments, a neighbour, the gateway', {},
               [ether(i / p) for i in (ip(), ip6()) for p in (udp(mark=CONTROL), syn(mark=CONTROL))]
               + [ether(ip() / ICMP() / text(CONTROL)), ether(ip(PEER) / udp(HEARD, CONTROL), D2),
                  ether(ip(GATEWAY) / udp(SHUT, CONTROL), GATEWAY_MAC)]
               + pieces(bytes_of(udp(mark=CONTROL)), 17, (0, 40), (40, 32))
               + pieces6(bytes_of(udp(mark=CONTROL), True), 17, (0, 72)))


def quota():
    yield Case('more connections than a port may have', {'conn-quota': 1, 'at-least': 1},
               [ether(ip() / UDP(sport=1000 + i, dport=OPEN_UDP) / Raw(b'CONTROL')) for i in range(1100)])


def uplink():
    """What comes from the other side, in the gateway's name."""
    here = dict(src=GATEWAY_MAC)
    pad = Padding(MARK + b'.' * 20)
    yield Case("an uplink: a desktop's MAC", 'spoof-mac', [ether(IP(src=ME, dst=PEER) / udp(HEARD), D2, src=D1)])
    yield Case('an uplink: a group as the source', 'spoof-mac',
               [ether(IP(src=GATEWAY, dst=PEER) / udp(HEARD), D2, src='03:00:00:00:00:01')])
    yield Case("an uplink: ARP for a desktop's address", 'spoof-arp',
               [ether(ARP(op=o, hwsrc=GATEWAY_MAC, psrc=PEER, pdst=ME) / pad, d, **here) for o in (1, 2)
                for d in (D1, SERVER_MAC, ALL)])
    yield Case("an uplink: ND for a desktop's address", 'spoof-nd',
               [ether(IPv6(src=GATEWAY6, dst=ME6, hlim=255) / ICMPv6ND_NA(tgt=PEER6, O=1)
                      / ICMPv6NDOptDstLLAddr(lladdr=GATEWAY_MAC) / text(), d, **here) for d in (D1, SERVER_MAC)])
    yield Case('an uplink: neighbour discovery behind an atomic fragment header (RFC 6980)', 'fragment',
               [ether(atomic(GATEWAY6, PEER6, m), D2, **here) for m in (
                   ICMPv6ND_RA() / ICMPv6NDOptPrefixInfo(prefix='2001:db8:bad::', prefixlen=64),
                   ICMPv6ND_NA(tgt=GATEWAY6, O=1) / ICMPv6NDOptDstLLAddr(lladdr=GATEWAY_MAC))])
    yield Case('an uplink: what no rule of the desktop allows', {'ingress-default': 3, 'ingress-rule': 1},
               [ether(IP(src=GATEWAY, dst=PEER) / p, D2, **here) for p in (udp(SHUT), syn(22), ICMP() / text())]
               + [ether(IP(src=GATEWAY, dst=PEER) / udp(TALK + 2), D2, **here)])
    yield Case("an uplink: a desktop's MAC under another's address", 'misaddressed',
               [ether(IP(src=GATEWAY, dst='10.99.0.99') / udp(HEARD), D2, **here)])
    yield Case('an uplink: segments of no connection', 'tcp-state',
               [ether(IP(src=GATEWAY, dst=PEER) / TCP(sport=80, dport=HEARD, flags=f) / text(), D2, **here)
                for f in ('SA', 'A', 'RA')])
    yield Case('an uplink: an ICMP error about nothing (RFC 5927)', 'icmp-unrelated',
               [ether(IP(src=GATEWAY, dst=PEER) / ICMP(type=3, code=1) / IP(src=PEER, dst=SERVER)
                      / TCP(sport=4000, dport=OPEN) / text(), D2, **here)])
    yield Case('an uplink: what a rule allows', {}, [ether(IP(src=GATEWAY, dst=PEER) / udp(HEARD, CONTROL), D2, **here)])


def cases(role, swctl):
    """One after the other: what a case does may rest on what the one before has done."""
    if role == 'uplink':
        return uplink()
    return itertools.chain(controls(), parsing(), guard(), atomic_fragments(), neighbours(), policy(), checksums(),
                           errors_about_nothing(), tcp(swctl), quarantine(swctl), fragments(), quota())
