"""Cases of evasion.py: what desktops say to the link - neighbours, groups, DHCP."""
import json
import time

from evasion_frames import *  # noqa: F401, F403


def atomic_fragments(_swctl):
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


CLAIM = 'fe80::a1b2:c3d4:e5f6:111%d'


def claim(n, **fields):
    return IPv6(src='::', dst='ff02::1:fff6:111%d' % n, hlim=255) / ICMPv6ND_NS(tgt=CLAIM % n, **fields)


def bound(swctl):
    return {b['ip'] for b in json.loads(swctl('-o', 'json', 'binding', 'list', '--port', 'd1'))['bindings']}


def claims(swctl):
    """The last one is as it should be, and the switch takes them in in order."""
    yield Case('claims of addresses that no owner would hear of', {'fragment': 1, 'spoof-ip': 2},
               [ether(claim(1, cksum=0x1234), '33:33:ff:f6:11:11'),
                ether(atomic('::', 'ff02::1:fff6:1112', ICMPv6ND_NS(tgt=CLAIM % 2)), '33:33:ff:f6:11:12')]
               + [ether(IPv6(src='::', dst='ff02::1:fff6:1113', hlim=255) / IPv6ExtHdrFragment(nh=58, id=7, offset=o // 8,
                                                                                         m=int(not o)) / Raw(b),
                        '33:33:ff:f6:11:13')
                  for o, b in ((0, bytes(claim(3))[40:56]), (16, bytes(claim(3))[56:]))])
    yield Case('a claim that they hear', {}, [ether(claim(4), '33:33:ff:f6:11:14')])
    yield Case('... is the only one that is believed', {},
               lambda: until(lambda: CLAIM % 4 in bound(swctl)) and not any(CLAIM % n in bound(swctl) for n in (1, 2, 3)))


def until(holds):
    end = time.monotonic() + 10
    while not holds() and time.monotonic() < end:
        time.sleep(0.1)
    return holds()


def neighbours(_swctl):
    pad = Padding(MARK + b'.' * 20)
    yield Case('ARP: I am the gateway', 'spoof-arp',
               [ether(ARP(op=o, hwsrc=D1, psrc=GATEWAY, pdst=t, hwdst=d) / pad, d)
                for o in (1, 2) for d, t in ((SERVER_MAC, SERVER), (D2, PEER), (ALL, GATEWAY))])
    yield Case('ARP: my address is at another MAC', 'spoof-arp',
               [ether(ARP(op=2, hwsrc=D3, psrc=ME, pdst=SERVER) / pad)])
    yield Case('ARP that lies about lengths', 'malformed', [ether(ARP(hwlen=8) / pad), ether(ARP(plen=16) / pad),
                                                          ether(ARP(op=8) / pad)])
    good = bytes(ARP(hwsrc=D1, psrc=ME, pdst=GATEWAY) / pad)
    yield Case('ARP of other kinds', 'malformed',
               [ether(Raw(good[:at] + bytes([0, value]) + good[at + 2:]), GATEWAY_MAC, type=0x806)
                for at, value in ((0, 6), (2, 0xdd), (6, 0), (6, 3), (6, 8))])
    yield Case('ARP of both lengths', 'malformed',
               [ether(Raw(good[:at] + bytes([n]) + good[at + 1:]), GATEWAY_MAC, type=0x806)
                for at, n in ((4, 8), (5, 16))])
    yield Case('ARP and ND as a way to a neighbour', {},
               [ether(ARP(op=2, hwsrc=D1, psrc=ME, pdst=PEER, hwdst=D2) / pad, D2),
                ether(ip6(PEER6, hlim=255) / ICMPv6ND_NA(tgt=ME6, R=0, S=1, O=1) / OPTION, D2)])
    yield Case('... and to all of them', {},
               [ether(ARP(hwsrc=D1, psrc=ME, pdst='10.99.0.99') / Padding(FLOODED + bytes(20)), ALL),
                ether(ARP(hwsrc=D1, psrc=ME, pdst=ME) / Padding(FLOODED + bytes(20)), ALL)])
    na = ICMPv6ND_NA(tgt=SERVER6, R=0, S=1, O=1) / ICMPv6NDOptDstLLAddr(lladdr=D1)
    yield Case('ND: I am the server', 'spoof-nd', [ether(ip6(a, hlim=255) / na, d) for a, d in (
        (PEER6, D2), ('ff02::1', ALL_NODES), (GATEWAY6, GATEWAY_MAC))])
    yield Case('ND that crossed a router', 'spoof-nd',
               [ether(ip6(GATEWAY6, hlim=n) / ICMPv6ND_NS(tgt=GATEWAY6) / text(), GATEWAY_MAC) for n in (1, 64, 254)])
    yield Case('ND with a code', 'spoof-nd',
               [ether(ip6(GATEWAY6, hlim=255) / ICMPv6ND_NS(code=1, tgt=GATEWAY6) / OPTION, GATEWAY_MAC)])
    yield Case('ND: my address is at another MAC', 'spoof-nd',
               [ether(ip6(GATEWAY6, hlim=255) / m / OPTION, GATEWAY_MAC) for m in (
                   ICMPv6ND_NA(tgt=ME6, R=0, O=1) / ICMPv6NDOptDstLLAddr(lladdr=D3),
                   ICMPv6ND_NS(tgt='fd99::99') / ICMPv6NDOptSrcLLAddr(lladdr=SERVER_MAC))])
    yield Case('ND whose options lie about lengths', 'malformed',
               [ether(ip6(GATEWAY6, hlim=255) / ICMPv6ND_NA(tgt=ME6, R=0, O=1) / Raw(bytes([253, n]) + MARK + tail), GATEWAY_MAC)
                for n, tail in ((0, b''), (2, b''), (1, b'.'))])
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


def multicast(_swctl):
    group, mac = '239.1.2.3', '01:00:5e:01:02:03'
    group6, mac6 = 'ff05::1:3', '33:33:00:01:00:03'
    yield Case('I ask who listens to what', 'mcast-query',
               [in_igmp(igmp(0x11)), in_igmp(igmp(0x11, group), group, mac), in_igmp(igmp(0x11, rest=bytes(4))),
                in_mld(130), in_igmp(igmp(0x13))])
    yield Case('group membership from afar, or to one host', 'mcast-invalid',
               [in_igmp(igmp(0x16, group), group, mac, ttl=n) for n in (0, 2, 64, 255)]
               + [in_igmp(igmp(0x16, group), group, D2), in_igmp(igmp(0x16, group), PEER, mac),
                  in_mld(131, group6, group6, mac6, hlim=64), in_mld(131, group6, group6, mac6, alert=False),
                  in_mld(131, group6, group6, mac6, src=ME6)])
    yield Case('group membership of no group, or of another', 'mcast-invalid',
               [in_igmp(igmp(0x16, SERVER), group, mac), in_igmp(igmp(0x16, '239.1.2.4'), group, mac),
                in_mld(131, 'ff05::1:4', group6, mac6),
                in_igmp(igmp(0x22, '0.0.0.1', bytes([4, 0, 0, 0]) + socket.inet_aton(SERVER)), '224.0.0.22', '01:00:5e:00:00:16')])
    yield Case('group membership that is cut short', 'malformed',
               [in_igmp(igmp(0x16)[:4]), in_igmp(igmp(0x22, '0.0.0.2', bytes([4, 0, 0, 0]) + socket.inet_aton(group))),
                in_igmp(igmp(0x22, '0.0.0.1', bytes([4, 0, 255, 255]) + socket.inet_aton(group))),
                in_igmp(igmp(0x22, '0.0.0.1', bytes([4, 255, 0, 0]) + socket.inet_aton(group)))])
    bad = in_mld(131, group6, group6, mac6)
    bad[Raw].load = bytes([131, 0, 0x12, 0x34]) + bad[Raw].load[4:]
    yield Case('group membership with a wrong checksum', 'checksum', [in_igmp(bytes([0x16, 0, 1, 2]) + bytes(4), group, mac), bad])
    yield Case('group membership goes to routers alone', {},
               [ether(ip(group, ttl=1, proto=2) / Raw(igmp(0x16, group)) / Padding(FLOODED), mac)])


def dhcp(_swctl):
    yield Case("DHCP in another's name", 'spoof-dhcp',
               [ether(i / request(**f), m) for i, m in ((ip(GATEWAY), GATEWAY_MAC), (IP(src='0.0.0.0', dst='255.255.255.255'), ALL))
                for f in (dict(mac=D2), dict(giaddr=ME), dict(ciaddr=PEER))])
    body = bytes_of(request(mac=D2))
    yield Case("DHCP in another's name, in fragments", 'fragment',
               pieces(body, 17, (0, 64), (64, len(body) - 64), dst=GATEWAY_MAC, to=GATEWAY))
    yield Case("DHCP in another's name, of which too much or too little is said", 'malformed',
               [ether(ip(GATEWAY) / request(mac=D2, end=bytes([n, 99])), GATEWAY_MAC) for n in (12, 50)]
               + [ether(ip(GATEWAY) / UDP(sport=68, dport=67) / Raw(bytes(BOOTP(chaddr=bytes.fromhex(D2.replace(':', ''))))[:n]
                                                                  + MARK), GATEWAY_MAC) for n in (4, 44, 230)])
    own = bytes_of(request())[8:]
    yield Case('DHCP that is only in the padding', 'malformed',
               [ether(ip(GATEWAY) / UDP(sport=68, dport=67) / Raw(own[:n]) / Padding(own[n:]), GATEWAY_MAC) for n in (4, 28, 239)])
    yield Case('DHCP in my own', {}, [ether(ip(GATEWAY) / request(ciaddr=ME, mark=CONTROL), GATEWAY_MAC)])
    yield Case('an answer to what a neighbour has asked everybody', 'egress-rule',
               [ether(ip(PEER) / UDP(sport=SHOUT, dport=ASKING) / text(), D2)])


def storms(_swctl):
    # What is left of the bursts, and what a machine that is slow at sending may add, is far less.
    arp = Cut(ether(ARP(hwsrc=D1, psrc=ME, pdst='10.99.0.99'), ALL))
    nd = Cut(ether(ip6(GATEWAY6, hlim=255) / ICMPv6ND_NS(tgt='fd99::99'), GATEWAY_MAC))
    unknown = Cut(ether(ip(GATEWAY) / UDP(sport=next(number), dport=OPEN_UDP) / Raw(b'.'), '02:00:00:00:99:99'))
    for name, frame in ('a storm of ARP', arp), ('a storm of ND', nd), ('a storm to nobody', unknown):
        yield Case(name, {'storm': 500, 'at-least': 1}, [frame] * 1000)
