"""The cases of evasion.py.  Where an attack has a name in an RFC, the case says which.

The policy (test_evasion.sh) opens OPEN ports of the server, everything but tunnels at the gateway, TALK
at the other desktops (the egress side; the ingress side opens HEARD of them), and SHOUT to everybody.
So most attacks here would pass if the stage that they are aimed at were not there."""
from evasion_frames import *  # noqa: F401, F403
from evasion_link import atomic_fragments, claims, dhcp, multicast, neighbours, storms
from evasion_uplinks import trunk, uplink


def parsing(_swctl):
    u6, options = bytes_of(udp(), True), bytes([17, 0, 1, 4, 0, 0, 0, 0])
    yield Case('an IP length that lies', 'malformed', [ether(ip(len=n) / udp()) for n in (0, 19, 2000, 65535)])
    yield Case('an IP length that cuts UDP short', 'malformed', [ether(ip(len=n) / udp()) for n in (24, 50)])
    # What is allowed at the gateway, when the header is taken at its word: an ICMP type, other protocols.
    yield Case('an IP header length that lies', 'malformed',
               [ether(ip(ihl=n) / udp()) for n in (0, 4)]
               + [ether(ip(GATEWAY, ihl=n, proto=p) / text(), GATEWAY_MAC) for n in range(5) for p in (1, 253)])
    yield Case('an IP version that lies', 'malformed',
               [ether(ip(version=n) / udp(), type=0x800) for n in (0, 5, 6)]
               + [ether(ip6(version=n) / udp(), type=0x86dd) for n in (0, 4, 5)])
    yield Case('an IPv6 length that lies', 'malformed', [ether(ip6(plen=n) / udp()) for n in (300, 65535)])
    yield Case('a frame that ends in a header', 'malformed',
               [Cut(bytes(ether(ip() / udp()))[:n]) for n in (15, 20, 33)]
               + [Cut(bytes(ether(ip6(GATEWAY6, nh=253, plen=0), GATEWAY_MAC))[:n]) for n in (20, 40, 53)]
               + [Cut(bytes(ether(ARP(hwsrc=D1, psrc=ME, pdst=GATEWAY), GATEWAY_MAC))[:n]) for n in (38, 41)])
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
    yield Case('VLAN hopping: tags of other kinds that name no VLAN', 'vlan',
               [ether(Dot1AD(vlan=0) / ip() / udp()),
                ether(Raw(bytes([0, 0, 8, 0]) + bytes(ip() / udp())), type=0x9100)])
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


def guard(_swctl):
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


def fragments(_swctl):
    u, u6, t = bytes_of(udp(SHUT)), bytes_of(udp(SHUT), True), bytes_of(syn())
    same = next(number)
    yield Case('first fragments alone; an atomic one with the number of another (RFC 6946)', {'egress-default': 1},
               pieces(bytes_of(udp()), 17, (0, 40)) + pieces6(bytes_of(udp(), True), 17, (0, 40), id=same) + pieces6(u6, 17, (0, 72), id=same))
    yield Case('more datagrams under way than a port may have', {'frag-timeout': 16, 'frag-limit': 6},
               [f for _ in range(20) for f in pieces(bytes_of(udp()), 17, (0, 40))])
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
    hole = bytes_of(udp(chksum=0))
    yield Case('an overlap as long as the hole behind it', {'frag-overlap': 3}, pieces(hole, 17, (0, 40), (32, 16), (56, 16), id=78))
    yield Case('a fragment behind the last one', {'frag-overlap': 3},
               pieces(g4 + bytes(16), 17, (0, 40), (72, 16), id=77) + pieces(g4, 17, (40, 32), id=77))
    yield Case('fragments of odd length', 'malformed', pieces(g4, 17, (0, 41)) + pieces6(g6, 17, (0, 41)))
    yield Case('a fragment past the largest datagram (ping of death)', 'malformed',
               pieces(bytes(65528 + 64), 17, (65528, 64)) + pieces6(bytes(65528 + 64), 17, (65528, 64)))
    chain = bytes([17, 0, 1, 4, 0, 0, 0, 0])
    yield Case('the chain goes on in the second fragment (RFC 7112)', 'fragment', pieces6(chain + g6, 60, (0, 8), (8, len(g6))))
    first, second = pieces6(chain + u6, 60, (0, 8), (8, len(u6)))
    yield Case('... and another header behind the first (RFC 7112)', 'fragment', [first / Padding(g6[:8]), second])
    yield Case('fragments of nothing', 'malformed', pieces(b'', 17, (0, 0), total=8) + pieces6(b'', 17, (0, 0), total=8))
    error = bytes(ICMP(type=3, code=1) / IP(src=SERVER, dst=ME) / udp(SHUT))
    error6 = bytes_of(ICMPv6DestUnreach() / IPv6(src=SERVER6, dst=ME6) / udp(SHUT), True)
    yield Case('an ICMP error in fragments', 'fragment', pieces(error, 1, (0, 64), (64, len(error) - 64))
               + pieces6(error6, 58, (0, 64), (64, len(error6) - 64)))
    report = igmp(0x16, '239.1.2.3') + bytes(16)
    yield Case('group membership in fragments', 'fragment',
               pieces(report, 2, (0, 8), (8, 16), dst='01:00:5e:01:02:03', to='239.1.2.3'))
    inner = bytes([17, 0, 0, 1, 0, 0, 0, 9]) + g6
    yield Case('a fragment in a fragment', 'ipv6-ext', pieces6(inner, 44, (0, 48), (48, len(inner) - 48)))


def policy(_swctl):
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


def checksums(_swctl):
    yield Case('a wrong IP checksum', 'checksum', [ether(ip(chksum=0x1234) / p) for p in (udp(), syn())])
    yield Case('a wrong checksum in what opens a connection', 'checksum',
               [ether(i / p) for i in (ip(), ip6()) for p in (udp(chksum=0x1234), syn(chksum=0x1234))])
    yield Case('a wrong checksum in a ping', 'checksum', [ether(ip() / ICMP(chksum=0x1234, id=1) / text())])
    yield Case('a wrong checksum in a ping6', 'checksum', [ether(ip6() / ICMPv6EchoRequest(cksum=0x1234, id=1, data=MARK))])
    yield Case('UDP over IPv6 without a checksum', 'checksum', [ether(ip6() / udp(chksum=0))])
    bad = bytes_of(udp(chksum=0x1234))
    yield Case('a wrong checksum in fragments', 'checksum', pieces(bad, 17, (0, 40), (40, 32)))


def quotes(_swctl):
    ports = [next(number), next(number)]
    yield Case('connections to complain about', {},
               [ether(i / UDP(sport=p, dport=OPEN_UDP) / text(CONTROL)) for i, p in zip((ip(), ip6()), ports)])
    to = ports[0].to_bytes(2, 'big')
    yield Case('an ICMP error that quotes no ports, but has some behind it', 'icmp-unrelated',
               [ether(ip() / ICMP(type=3, code=3) / Raw(bytes(IP(src=SERVER, dst=ME, proto=17, len=28)))
                      / Padding(OPEN_UDP.to_bytes(2, 'big') + to + bytes(4) + MARK))])
    yield Case('an ICMP error that quotes a later fragment', 'icmp-unrelated',
               [ether(ip() / ICMP(type=3, code=3) / IP(src=SERVER, dst=ME, frag=10) / UDP(sport=OPEN_UDP, dport=ports[0])
                      / text()),
                ether(ip6() / ICMPv6DestUnreach(code=4) / IPv6(src=SERVER6, dst=ME6) / IPv6ExtHdrFragment(offset=10, nh=17)
                      / UDP(sport=OPEN_UDP, dport=ports[1]) / text())])


def errors_about_nothing(_swctl):
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
    yield Case('from quarantine: group membership, and neighbour discovery', 'quarantine',
               [in_igmp(igmp(0x16, '239.1.2.3'), '239.1.2.3', '01:00:5e:01:02:03'),
                ether(ip6(GATEWAY6, hlim=255) / ICMPv6ND_NA(tgt=ME6, R=0, O=1) / OPTION, GATEWAY_MAC)])
    yield Case('from quarantine: what the policy allows', 'quarantine',
               [ether(ip() / udp()), ether(ip6() / udp()), ether(ip() / syn()), ether(ip() / ICMP() / text()),
                ether(ARP(hwsrc=D1, psrc=ME, pdst='10.99.0.99') / Padding(MARK + bytes(20)), ALL)])
    swctl('release', 'd1', '--reason', 'over')
    swctl('quarantine', 'd3')
    yield Case('to quarantine: what the policy allows', 'quarantine-peer', [ether(ip(PEER3) / udp(HEARD), D3)])
    swctl('release', 'd3', '--reason', 'over')


def controls(_swctl):
    yield Case('what is allowed: tcp, udp, ping, fragments, a neighbour, the gateway', {},
               [ether(i / p) for i in (ip(), ip6()) for p in (udp(mark=CONTROL), syn(mark=CONTROL))]
               + [ether(ip() / ICMP() / text(CONTROL)), ether(ip(PEER) / udp(HEARD, CONTROL), D2),
                  ether(ip(GATEWAY) / udp(SHUT, CONTROL), GATEWAY_MAC)]
               + pieces(bytes_of(udp(mark=CONTROL)), 17, (0, 40), (40, 32))
               + pieces6(bytes_of(udp(mark=CONTROL), True), 17, (0, 72)))


def quota(_swctl):
    yield Case('more connections than a port may have', {'conn-quota': 1, 'at-least': 1},
               [ether(ip() / UDP(sport=1000 + i, dport=OPEN_UDP) / Raw(b'CONTROL')) for i in range(1100)])


# By name, in order.  The last one uses up the port's connections.
DESKTOP = {'controls': controls, 'parsing': parsing, 'guard': guard, 'atomic': atomic_fragments,
           'neighbours': neighbours, 'multicast': multicast, 'dhcp': dhcp, 'policy': policy, 'checksums': checksums,
           'errors': errors_about_nothing, 'quotes': quotes, 'tcp': tcp, 'quarantine': quarantine, 'claims': claims,
           'storms': storms, 'fragments': fragments, 'quota': quota}
ROLES = {'desktop': DESKTOP, 'uplink': {'uplink': uplink}, 'trunk': {'trunk': trunk}}


def cases(role, swctl, first):
    """One after the other: what a case does may rest on what those before it in its part have done.  The
    part that is named 'first' comes before the others."""
    for name in sorted(ROLES[role], key=lambda name: name != first):
        yield from ROLES[role][name](swctl)
