#!/usr/bin/python3
"""Frames that try to get from one VLAN into another.

    vlan_hop.py desktop INTERFACE OWN-MAC PEER-MAC OTHER-MAC...
    vlan_hop.py trunk INTERFACE MAC...

'desktop' sends from a desktop in VLAN 10 whose peer is in 10, too, and to whom others are in other
VLANs; 'trunk' sends from the far end of a trunk that carries 0 untagged, 10 and 20 tagged.  What may
arrive nowhere carries EVADED; CONTROL is what passes, within VLAN 10."""
import logging
import sys

logging.getLogger('scapy').setLevel(logging.ERROR)
from scapy.all import ARP, IP, UDP, Dot1Q, Ether, IPv6, Raw, conf, sendp  # noqa: E402

conf.verb = 0
BROADCAST = 'ff:ff:ff:ff:ff:ff'
C, S, OLD = 0x8100, 0x88a8, 0x9100
PORT = 9999


def tags(frame, *stack):
    """The frame with (type, VLAN) tags, outermost first.  Scapy's own layers would guess the types."""
    data = bytes(frame)
    return Raw(data[:12] + b''.join(kind.to_bytes(2, 'big') + vid.to_bytes(2, 'big') for kind, vid in stack)
               + data[12:])


def payloads(src, dst, mark, sport=40000):
    ether = Ether(src=src, dst=dst)
    udp = UDP(sport=sport, dport=PORT) / Raw(mark + b'.' * 58)
    yield ether / IP(src='10.50.0.11', dst='10.50.0.12') / udp
    yield ether / IPv6(src='fd50::11', dst='fd50::12') / udp
    yield ether / ARP(hwsrc=src, psrc='10.50.0.11', pdst='10.50.0.12') / Raw(mark)


def send(interface, src, macs, stack):
    frames = [tags(p, *stack) for mac in macs for p in payloads(src, mac, b'EVADED')]
    sendp(frames, iface=interface)
    print(' '.join('%04x:%d' % t for t in stack), len(frames))


def desktop(interface, own, peer, *others):
    macs = (BROADCAST, peer) + others
    vids = (0, 10, 20, 4095)
    for vid in vids[1:]:
        send(interface, own, macs, [(C, vid)])
    for kind in (S, OLD):
        for vid in vids:
            send(interface, own, macs, [(kind, vid)])
    for outer in vids:
        for kind in (C, S, OLD):
            for vid in vids:
                send(interface, own, macs, [(C, outer), (kind, vid)])
    # Allowed by the policy; the MAC is one of VLAN 20, where it never gets to.
    for mac in others:
        sendp(list(payloads(own, mac, b'CONTROL'))[:2], iface=interface)
    first = next(payloads(own, peer, b'CONTROL', 40001))
    sendp([first, tags(first, (C, 0)), tags(first, (C, 0xe000))], iface=interface)


def trunk(interface, *macs):
    macs += (BROADCAST,)
    for stack in ([(C, 30)], [(C, 4095)], [(S, 10)], [(S, 20)], [(OLD, 10)], [(S, 0)],
                  *([(C, outer), (kind, vid)] for outer in (0, 10, 20, 30) for kind in (C, S, OLD)
                    for vid in (0, 10, 20))):
        send(interface, '02:00:00:00:09:09', macs, stack)


{'desktop': desktop, 'trunk': trunk}[sys.argv[1]](*sys.argv[2:])
