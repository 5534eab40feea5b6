"""Cases of evasion.py: what comes in by uplinks."""
from evasion_frames import *  # noqa: F401, F403


def uplink(swctl):
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
    yield Case("an uplink: ND in a desktop's name", 'spoof-nd',
               [ether(IPv6(src=PEER6, dst=ME6, hlim=255) / ICMPv6ND_NS(tgt='fd99::99') / OPTION, D1, **here)])
    yield Case("an uplink: ND that tells a desktop's MAC", 'spoof-nd',
               [ether(IPv6(src=GATEWAY6, dst=PEER6, hlim=255) / ICMPv6ND_NA(tgt=GATEWAY6, O=1)
                      / ICMPv6NDOptDstLLAddr(lladdr=D1) / OPTION, D2, **here)])
    yield Case('an uplink: a redirect to a desktop', 'spoof-nd',
               [ether(IPv6(src=GATEWAY6, dst=PEER6, hlim=255) / ICMPv6ND_Redirect(tgt=ME6, dst=SERVER6) / OPTION, D2, **here)])
    yield Case("an uplink: ARP about somebody else", 'misaddressed',
               [ether(ARP(op=2, hwsrc=GATEWAY_MAC, psrc=GATEWAY, pdst='10.99.0.99') / pad, D2, **here)])
    offer = BOOTP(op=2, chaddr=bytes.fromhex(D2.replace(':', '')), xid=XID, sname=MARK, yiaddr=PEER)
    yield Case('an uplink: DHCP that answers nothing', 'ingress-default',
               [ether(IP(src=GATEWAY, dst=PEER) / UDP(sport=67, dport=68) / BOOTP(
                   op=2, chaddr=bytes.fromhex(m.replace(':', '')), xid=x, sname=MARK) / DHCP(
                       options=[('message-type', 'offer'), 'end']), D2, **here) for m, x in ((D2, XID + 1), (D3, XID))])
    yield Case('an uplink: DHCP of whom the desktop may not ask', 'egress-default',
               [ether(IP(src='10.99.0.99', dst=PEER) / UDP(sport=67, dport=68) / offer / DHCP(
                   options=[('message-type', 'offer'), 'end']), D2, **here)])
    yield Case('an uplink: DHCP with a wrong checksum', 'checksum',
               [ether(IP(src=GATEWAY, dst=PEER) / UDP(sport=67, dport=68, chksum=0x1234) / offer / DHCP(
                   options=[('message-type', 'offer'), 'end']), D2, **here)])
    yield Case('an uplink: an answer to what was asked by another, or from another port', 'ingress-default',
               [ether(IP(src=GATEWAY, dst=d) / UDP(sport=s, dport=ASKING) / text(), m, **here)
                for d, m, s in ((PEER4, D4, SHOUT), (PEER, D2, SHUT), ('10.99.0.99', D2, SHOUT))])
    yield Case('an uplink: an answer to what was asked', {},
               [ether(IP(src=GATEWAY, dst=PEER) / UDP(sport=SHOUT, dport=ASKING) / text(CONTROL), D2, **here)])
    swctl('quarantine', 'd3')
    yield Case('an uplink: ARP to quarantine', 'quarantine-peer',
               [ether(ARP(op=2, hwsrc=GATEWAY_MAC, psrc=GATEWAY, pdst=PEER3) / pad, D3, **here)])
    yield Case('... and to everybody else', {},
               [ether(ARP(op=1, hwsrc=GATEWAY_MAC, psrc=GATEWAY, pdst=GATEWAY) / Padding(ISOLATED + bytes(20)), ALL, **here)])
    swctl('release', 'd3', '--reason', 'over')
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


def trunk(_swctl):
    """One that carries VLAN 20, with a tag, and nothing else."""
    here = dict(src=TRUNK_MAC)
    packet = IP(src='10.99.0.3', dst=PEER) / udp(HEARD)
    yield Case('a trunk: VLANs that it does not carry', 'vlan',
               [ether(packet, D2, **here), ether(ARP(hwsrc=TRUNK_MAC, psrc='10.99.0.3', pdst='10.99.0.99'), ALL, **here)]
               + [ether(Dot1Q(vlan=n) / packet, D2, **here) for n in (0, 1, 19, 21, 4095)])
    yield Case('a trunk: tags behind tags, and of other kinds', 'vlan',
               [ether(Dot1Q(vlan=20) / Dot1Q(vlan=20) / packet, D2, **here), ether(Dot1AD(vlan=20) / packet, D2, **here)])
    yield Case('a trunk: no way into another VLAN', {'no-destination': 2},
               [ether(Dot1Q(vlan=20) / IP(src='10.99.0.3', dst=PEER) / udp(HEARD, FLOODED), m, **here) for m in (D2, ALL)]
               + [ether(Dot1Q(vlan=20) / ARP(op=1, hwsrc=TRUNK_MAC, psrc='10.99.0.3', pdst='10.99.0.3')
                        / Padding(FLOODED + bytes(20)), ALL, **here)])
