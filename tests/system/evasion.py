#!/usr/bin/python3
"""What a hostile desktop sends to get past its firewall.  Run in the desktop's namespace:

    evasion.py INTERFACE SERVER-MAC PEER-MAC

Every frame that the policy denies carries MARK, so that whoever receives it can say so; each case is
named on standard output as it is sent.  The policy lets the desktop ping the server and open its port
tcp/80, nothing else.  The clauses are those of the attacks."""
import logging
import sys

logging.getLogger('scapy').setLevel(logging.ERROR)
from scapy.all import (ARP, BOOTP, DHCP, GRE, ICMP, IP, TCP, UDP, Dot1Q, Ether,  # noqa: E402
                       ICMPv6ND_NA, ICMPv6ND_RA, ICMPv6NDOptDstLLAddr, ICMPv6NDOptPrefixInfo,
                       IPOption_LSRR, IPOption_NOP, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                       IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, Raw, conf, sendp)

MARK = b'EVADED'
IF, SERVER_MAC, PEER_MAC = sys.argv[1:4]
ME, SERVER, PEER, GATEWAY = '10.99.0.11', '10.99.0.2', '10.99.0.12', '10.99.0.1'
ME6, SERVER6, PEER6 = 'fd99::11', 'fd99::2', 'fd99::12'
OPEN, SHUT = 80, 9999  # ports of the server: the policy allows the first, both listen
conf.verb = 0


def udp(port=SHUT, length=None):
    return UDP(sport=40000, dport=port, len=length) / Raw(MARK + b'.' * 58)


def to_server(packet):
    return Ether(dst=SERVER_MAC) / packet


def ip(**fields):
    return IP(src=ME, dst=SERVER, **fields)


def ip6(**fields):
    return IPv6(src=ME6, dst=SERVER6, **fields)


def pieces(packet, *ranges, id=7):
    """Fragments of an IPv4 packet: (offset, length) each, of what is behind its header."""
    body = bytes(packet)[20:]
    for offset, length in ranges:
        yield to_server(ip(id=id, proto=packet.proto, frag=offset // 8,
                           flags='MF' if offset + length < len(body) else 0)
                        / Raw(body[offset:offset + length]))


def pieces6(layers, kind, *ranges, id=7):
    body = bytes(layers)
    for offset, length in ranges:
        yield to_server(ip6() / IPv6ExtHdrFragment(
            nh=kind, id=id, offset=offset // 8, m=int(offset + length < len(body)))
            / Raw(body[offset:offset + length]))


def whole(layer):
    """With its lengths and checksums filled in."""
    return IP(bytes(ip() / layer))


def checked6(layer):
    return IPv6(bytes(ip6() / layer)).payload


def rewritten():
    """The first fragment opens tcp/80; the second, over it, says tcp/9999 (RFC 3128)."""
    good = bytes(whole(TCP(sport=40001, dport=OPEN, flags='S') / Raw(b'.' * 20)))[20:]
    bad = bytes(whole(TCP(sport=40001, dport=SHUT, flags='S') / Raw(b'.' * 20)))[20:]
    for offset, part, more in ((0, good[:24], 1), (0, bad[:16], 1), (8, bad[8:24], 1),
                               (24, bad[24:], 0)):
        yield to_server(ip(id=9, proto=6, frag=offset // 8, flags='MF' if more else 0) / Raw(part))


def cases():
    u = whole(udp())
    u6 = checked6(udp())
    yield 'plain UDP', [to_server(u)]
    yield 'plain UDP over IPv6', [to_server(ip6() / udp())]
    yield 'two fragments', pieces(u, (0, 40), (40, 32))
    yield 'fragments, the last one first', pieces(u, (40, 32), (0, 40), id=8)
    yield 'a first fragment of eight bytes (RFC 1858)', pieces(u, (0, 8), (8, 64), id=10)
    yield 'a port that a later fragment rewrites (RFC 3128)', rewritten()
    yield 'a first fragment alone', pieces(u, (0, 40), id=11)
    yield 'IPv6 fragments', pieces6(u6, 17, (0, 40), (40, 32))
    yield 'overlapping IPv6 fragments (RFC 5722)', pieces6(u6, 17, (0, 40), (32, 40), (40, 32), id=12)
    yield 'an atomic IPv6 fragment (RFC 6946)', pieces6(u6, 17, (0, 72), id=13)
    yield 'a chain of extension headers', [to_server(
        ip6() / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / udp())]
    yield 'more extension headers than anybody needs (RFC 7112)', [Ether(dst=SERVER_MAC, type=0x86dd) / (
        Raw(bytes(ip6(nh=60, plen=9 * 8 + 72)) + (bytes([60, 0, 1, 4, 0, 0, 0, 0]) * 8)
            + bytes([17, 0, 1, 4, 0, 0, 0, 0]) + bytes(u6)))]
    yield 'the chain goes on in the second fragment (RFC 7112)', pieces6(
        bytes([17, 0, 1, 4, 0, 0, 0, 0]) + bytes(u6), 60, (0, 8), (8, 72), id=14)
    yield 'a routing header of type 0 (RFC 5095)', [to_server(
        IPv6(src=ME6, dst=SERVER6) / IPv6ExtHdrRouting(addresses=[PEER6]) / udp())]
    yield 'loose source routing (RFC 7126)', [to_server(
        ip(options=[IPOption_LSRR(routers=[PEER])]) / udp())]
    yield 'IP options', [to_server(ip(options=[IPOption_NOP()] * 8) / udp())]
    yield 'a priority tag', [Ether(dst=SERVER_MAC) / Dot1Q(vlan=0) / ip() / udp()]
    yield 'two tags', [Ether(dst=SERVER_MAC) / Dot1Q(vlan=1) / Dot1Q(vlan=2) / ip() / udp()]
    yield "another's address", [to_server(IP(src=PEER, dst=SERVER) / udp())]
    yield "another's MAC address", [Ether(src=PEER_MAC, dst=SERVER_MAC) / ip() / udp()]
    yield 'GRE', [to_server(ip() / GRE() / ip() / udp())]
    yield 'IP in IP', [to_server(ip() / ip() / udp())]
    yield 'IPv6 in IPv4', [to_server(ip() / ip6() / udp())]
    yield 'a UDP length that lies', [to_server(ip() / udp(length=n)) for n in (0, 7, 9, 2000)]
    yield 'an IP length that lies', [to_server(ip(len=n) / udp()) for n in (0, 19, 28, 2000)]
    yield 'header lengths that lie', [to_server(ip(ihl=n) / udp()) for n in (0, 4, 6, 15)]
    yield 'a wrong version', [to_server(ip(version=n) / udp()) for n in (0, 5, 6)]
    yield 'a TTL that ends at the server', [to_server(ip(ttl=1) / udp())]
    yield 'TCP flags of scanners', [to_server(ip() / TCP(sport=40002, dport=p, flags=f))
                                    for p in (OPEN, SHUT) for f in ('', 'F', 'FPU', 'SF', 'SR', 'A', 'R')]
    yield 'a broadcast MAC for a unicast address', [Ether(dst='ff:ff:ff:ff:ff:ff') / ip() / udp()]
    yield 'to a neighbour', [Ether(dst=PEER_MAC) / IP(src=ME, dst=PEER) / udp(),
                             Ether(dst=PEER_MAC) / IPv6(src=ME6, dst=PEER6) / udp()]
    yield 'to a neighbour under the server\'s address', [Ether(dst=PEER_MAC) / ip() / udp()]
    yield 'ARP: I am the gateway', [Ether(dst=d) / ARP(op=o, psrc=GATEWAY, pdst=t, hwdst=d)
                                    for o in (1, 2) for d, t in ((SERVER_MAC, SERVER), (PEER_MAC, PEER),
                                                                 ('ff:ff:ff:ff:ff:ff', GATEWAY))]
    yield 'ND: I am the server', [Ether(dst=PEER_MAC) / IPv6(src=ME6, dst=PEER6, hlim=255)
                                  / ICMPv6ND_NA(tgt=SERVER6, R=0, S=1, O=1) / ICMPv6NDOptDstLLAddr()]
    ra = (IPv6(src='fe80::ff:fe00:1', dst='ff02::1', hlim=255) / ICMPv6ND_RA()
          / ICMPv6NDOptPrefixInfo(prefix='2001:db8:bad::', prefixlen=64))
    yield 'I am a router', [Ether(dst='33:33:00:00:00:01') / ra]
    body = bytes(IPv6(bytes(ra)).payload)
    yield 'I am a router, in fragments (RFC 7113, RFC 6980)', [
        Ether(dst='33:33:00:00:00:01') / IPv6(src='fe80::ff:fe00:1', dst='ff02::1', hlim=255)
        / IPv6ExtHdrFragment(nh=58, id=3, offset=o // 8, m=int(o == 0)) / Raw(body[o:o + n])
        for o, n in ((0, 24), (24, len(body) - 24))]
    yield 'I am a DHCP server', [Ether(dst='ff:ff:ff:ff:ff:ff') / IP(src=ME, dst='255.255.255.255')
                                 / UDP(sport=67, dport=68) / BOOTP(op=2, yiaddr='10.99.0.66')
                                 / DHCP(options=[('message-type', 'offer'), 'end'])]
    yield 'an ICMP error about nothing', [to_server(ip() / ICMP(type=3, code=1)
                                                    / IP(src=SERVER, dst=PEER) / udp())]
    yield 'a redirect', [to_server(ip() / ICMP(type=5, code=1, gw=ME) / IP(src=SERVER, dst=GATEWAY)
                                   / udp())]


for name, frames in cases():
    print(name, flush=True)
    sendp(list(frames), iface=IF)
