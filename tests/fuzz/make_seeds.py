#!/usr/bin/python3
"""make_seeds.py: writes the seeds of fuzz_guard, frames of a desktop and of an uplink as
tests/fuzz/world.h describes them, into seeds/guard."""

import os

from scapy.all import (ARP, BOOTP, DHCP, DHCP6_Advertise, DHCP6_Solicit, ICMP, IP, TCP, UDP, Ether,
                       ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA,
                       ICMPv6ND_Redirect, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr,
                       IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop)

HERE = os.path.dirname(os.path.abspath(__file__))
DESK1, DESK2, UPLINK, OTHER = 1, 2, 3, 9
ALL = "ff:ff:ff:ff:ff:ff"
ALL6 = "33:33:00:00:00:01"


def mac(n):
    return "02:00:00:00:00:%02x" % n


def v4(n):
    return "10.0.0.%d" % n


def v6(n):
    return "fd00::%x" % n


def local(n):
    return "fe80::%x" % n


def eth(src, dst):
    return Ether(src=mac(src), dst=dst if isinstance(dst, str) else mac(dst))


def both(me, peer):
    """What either side may send, and a little of what it may not."""
    ip, ip6 = IP(src=v4(me), dst=v4(peer)), IPv6(src=v6(me), dst=v6(peer))
    nd = IPv6(src=v6(me), dst="ff02::1", hlim=255)
    sll, tll = ICMPv6NDOptSrcLLAddr(lladdr=mac(me)), ICMPv6NDOptDstLLAddr(lladdr=mac(me))
    yield "tcp4", eth(me, peer) / ip / TCP(sport=1000, dport=80, flags="S")
    yield "tcp6", eth(me, peer) / ip6 / TCP(sport=1000, dport=80, flags="S")
    yield "udp4", eth(me, peer) / ip / UDP(sport=1000, dport=53) / b"abc"
    yield "udp6", eth(me, peer) / ip6 / UDP(sport=1000, dport=53) / b"abc"
    yield "echo4", eth(me, peer) / ip / ICMP()
    yield "echo6", eth(me, peer) / ip6 / ICMPv6EchoRequest()
    yield "error4", eth(me, peer) / ip / ICMP(type=3, code=3) / IP(src=v4(peer), dst=v4(me)) / UDP()
    yield "error6", eth(me, peer) / ip6 / ICMPv6DestUnreach() / IPv6(src=v6(peer), dst=v6(me)) / UDP()
    yield "chain6", (eth(me, peer) / ip6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() /
                     IPv6ExtHdrFragment() / UDP(sport=1000, dport=53))
    yield "sctp4", eth(me, peer) / IP(src=v4(me), dst=v4(peer), proto=132) / b"0123456789abcdef"
    yield "arp-ask", eth(me, ALL) / ARP(op=1, hwsrc=mac(me), psrc=v4(me), pdst=v4(peer))
    yield "arp-ask-other", eth(me, ALL) / ARP(op=1, hwsrc=mac(me), psrc=v4(me), pdst=v4(OTHER))
    yield "arp-say", eth(me, peer) / ARP(op=2, hwsrc=mac(me), psrc=v4(me), hwdst=mac(peer), pdst=v4(peer))
    yield "arp-all", eth(me, ALL) / ARP(op=1, hwsrc=mac(me), psrc=v4(me), pdst=v4(me))
    yield "arp-probe", eth(me, ALL) / ARP(op=1, hwsrc=mac(me), psrc="0.0.0.0", pdst=v4(OTHER))
    yield "ns", eth(me, ALL6) / nd / ICMPv6ND_NS(tgt=v6(peer)) / sll
    yield "ns-other", eth(me, ALL6) / nd / ICMPv6ND_NS(tgt=v6(OTHER)) / sll
    yield "ns-unicast", eth(me, peer) / nd / ICMPv6ND_NS(tgt=v6(OTHER)) / sll
    yield "dad", eth(me, ALL6) / IPv6(src="::", dst="ff02::1", hlim=255) / ICMPv6ND_NS(tgt=v6(OTHER))
    yield "na", eth(me, ALL6) / nd / ICMPv6ND_NA(tgt=v6(me), R=0, O=1) / tll
    yield "na-unicast", eth(me, peer) / nd / ICMPv6ND_NA(tgt=v6(me), R=0) / tll
    yield "rs", eth(me, "33:33:00:00:00:02") / nd / ICMPv6ND_RS() / sll
    yield "ra", eth(me, ALL6) / IPv6(src=local(me), dst="ff02::1", hlim=255) / ICMPv6ND_RA() / sll
    yield "redirect", (eth(me, peer) / IPv6(src=local(me), dst=v6(peer), hlim=255) /
                       ICMPv6ND_Redirect(tgt=v6(OTHER), dst=v6(OTHER)) / tll)
    yield "dhcp", (eth(me, ALL) / IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67) /
                   BOOTP(op=1) / DHCP(options=[("message-type", "discover"), "end"]))
    yield "dhcp-offer", (eth(me, ALL) / IP(src=v4(me), dst="255.255.255.255") / UDP(sport=67, dport=68) /
                         BOOTP(op=2) / DHCP(options=[("message-type", "offer"), "end"]))
    yield "dhcp6", (eth(me, "33:33:00:01:00:02") / IPv6(src=local(me), dst="ff02::1:2") /
                    UDP(sport=546, dport=547) / DHCP6_Solicit())
    yield "dhcp6-offer", (eth(me, peer) / IPv6(src=local(me), dst=local(peer)) /
                          UDP(sport=547, dport=546) / DHCP6_Advertise())


def main():
    where = os.path.join(HERE, "seeds", "guard")
    os.makedirs(where, exist_ok=True)
    for prefix, me, peer in (("desk", DESK1, UPLINK), ("desk2", DESK1, DESK2), ("uplink", UPLINK, DESK1)):
        for name, frame in both(me, peer):
            data = bytes(frame)
            with open(os.path.join(where, prefix + "-" + name), "wb") as f:
                f.write(data[:512])


if __name__ == "__main__":
    main()
