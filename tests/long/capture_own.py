"""The project's own captures: they show that captures are played, and that a bad one is found.

    capture_own.py make DIR
    capture_own.py check DIR REPORT     what captures.py has said of them

    healthy.pcapng      a desktop's morning: DHCP, ARP, names, a page over IPv4 and over IPv6, a file from a server,
                        time, its updates looked for at two neighbours
    linux.pcap          the same without link addresses, big-endian and in nanoseconds
    sweep.pcap          tcp/445 of six neighbours, one after the other
    router.pcap         no desktop's: a routing protocol's multicasts"""
import json
import os
import sys

from scapy.all import (ARP, BOOTP, DHCP, DNS, DNSQR, ICMPv6EchoRequest, IP, TCP, UDP, Ether, IPv6,
                       PcapNgWriter, PcapWriter, Raw)

import capture_cast
import capture_file
import capture_frame

ME, GATEWAY, SERVER = '192.168.7.23', '192.168.7.1', '192.168.7.5'
NEIGHBOURS = ['192.168.7.%d' % n for n in range(31, 37)]
WEB, WEB6, ME6 = '93.184.216.34', '2001:db8:9::80', '2001:db8:7::23'
MACS = {ME: '00:25:90:11:22:33', GATEWAY: '00:1b:21:aa:bb:cc', SERVER: '00:1b:21:00:00:05', ME6: '00:25:90:11:22:33'}
MACS.update((a, '00:25:90:44:00:%02x' % i) for i, a in enumerate(NEIGHBOURS))
MTU_DATA = 1400


class Story:
    """Frames, each a little later than the one before."""

    def __init__(self):
        self.at, self.frames, self.port = 1700000000.0, [], 49200

    def say(self, packet, after=0.01):
        self.at += after
        packet = Ether(bytes(packet))  # with what scapy works out
        packet.time = self.at
        self.frames.append(packet)

    def between(self, src, dst):
        return Ether(src=MACS.get(src, MACS[GATEWAY]), dst=MACS.get(dst, MACS[GATEWAY])) / \
            (IPv6(src=src, dst=dst) if ':' in src else IP(src=src, dst=dst))

    def to_group(self, src, dst, port, data, sport=None):
        self.port += 1
        self.say(Ether(src=MACS[src], dst='ff:ff:ff:ff:ff:ff' if dst.endswith('255') else '01:00:5e:00:00:fb') /
                 IP(src=src, dst=dst) / UDP(sport=sport or self.port, dport=port) / Raw(data))

    def arp(self, src, dst):
        self.say(Ether(src=MACS[src], dst='ff:ff:ff:ff:ff:ff') / ARP(hwsrc=MACS[src], psrc=src, pdst=dst))

    def answered(self, src, dst, port, question, answer):
        self.port += 1
        self.say(self.between(src, dst) / UDP(sport=self.port, dport=port) / question)
        self.say(self.between(dst, src) / UDP(sport=port, dport=self.port) / answer, 0.03)

    def syn(self, src, dst, port):
        self.port += 1
        self.say(self.between(src, dst) / TCP(sport=self.port, dport=port, flags='S', seq=1000))

    def connection(self, src, dst, port, answer):
        self.syn(src, dst, port)
        mine, its = {'sport': self.port, 'dport': port}, {'sport': port, 'dport': self.port}
        self.say(self.between(dst, src) / TCP(**its, flags='SA', seq=5000, ack=1001), 0.02)
        self.say(self.between(src, dst) / TCP(**mine, flags='A', seq=1001, ack=5001))
        self.say(self.between(src, dst) / TCP(**mine, flags='PA', seq=1001, ack=5001) / Raw(b'GET'))
        self.say(self.between(dst, src) / TCP(**its, flags='PA', seq=5001, ack=1004) / Raw(answer), 0.05)
        end = 5001 + len(answer)
        self.say(self.between(src, dst) / TCP(**mine, flags='FA', seq=1004, ack=end))
        self.say(self.between(dst, src) / TCP(**its, flags='FA', seq=end, ack=1005))
        self.say(self.between(src, dst) / TCP(**mine, flags='A', seq=1005, ack=end + 1))

    def dhcp(self):
        mac = bytes.fromhex(MACS[ME].replace(':', ''))
        ask = Ether(src=MACS[ME], dst='ff:ff:ff:ff:ff:ff') / IP(src='0.0.0.0', dst='255.255.255.255') / \
            UDP(sport=68, dport=67) / BOOTP(chaddr=mac, xid=7)
        self.say(ask / DHCP(options=[('message-type', 'request'), ('requested_addr', ME), 'end']))
        self.say(Ether(src=MACS[GATEWAY], dst=MACS[ME]) / IP(src=GATEWAY, dst=ME) / UDP(sport=67, dport=68) /
                 BOOTP(op=2, chaddr=mac, xid=7, yiaddr=ME) /
                 DHCP(options=[('message-type', 'ack'), ('server_id', GATEWAY), ('subnet_mask', '255.255.255.0'),
                               ('router', GATEWAY), ('name_server', GATEWAY), 'end']))


def morning():
    s = Story()
    s.dhcp()
    s.arp(ME, ME)
    s.arp(ME, GATEWAY)
    for name in ('work', 'wpad', 'news'):
        s.answered(ME, GATEWAY, 53, DNS(id=7, qd=DNSQR(qname=name)), DNS(id=7, qr=1, qd=DNSQR(qname=name)))
        s.to_group(ME, '224.0.0.251', 5353, b'who is ' + name.encode(), 5353)
        s.to_group(ME, '224.0.0.252', 5355, b'who is ' + name.encode())
        s.to_group(ME, '192.168.7.255', 137, b'who is ' + name.encode(), 137)
    s.to_group(ME, '239.255.255.250', 1900, b'M-SEARCH * HTTP/1.1\r\n\r\n')
    for a in NEIGHBOURS:
        s.to_group(a, '224.0.0.251', 5353, b'here is one', 5353)
    s.connection(ME, WEB, 443, b'page' * (MTU_DATA // 2))  # longer than a frame: cards put them together
    s.connection(ME6, WEB6, 443, b'page')
    s.say(s.between(ME6, WEB6) / ICMPv6EchoRequest())
    s.connection(ME, SERVER, 445, b'file' * 300)
    s.answered(ME, '93.184.216.35', 123, Raw(b'\x23' + bytes(47)), Raw(b'\x24' + bytes(47)))
    for a in NEIGHBOURS[:2]:
        s.arp(ME, a)
        s.syn(ME, a, 7680)
    return s.frames


def sweep():
    s = Story()
    for a in NEIGHBOURS:
        s.to_group(a, '224.0.0.251', 5353, b'here is one', 5353)
    s.arp(ME, GATEWAY)
    for a in NEIGHBOURS:
        s.arp(ME, a)
        s.syn(ME, a, 445)
    return s.frames


def router():
    return [Ether(src=MACS[GATEWAY], dst='01:00:5e:00:00:05') / IP(src=GATEWAY, dst='224.0.0.5', proto=89) / Raw(bytes(44))
            for _ in range(3)]


def write(where):
    with PcapNgWriter(os.path.join(where, 'healthy.pcapng')) as f:
        for frame in morning():
            f.write(frame)
    with PcapWriter(os.path.join(where, 'linux.pcap'), linktype=101, endianness='>', nano=True) as f:
        for frame in morning():
            if not frame.haslayer(ARP):
                f.write(frame.payload)
    for name, frames in (('sweep', sweep()), ('router', router())):
        with PcapWriter(os.path.join(where, name + '.pcap')) as f:
            f.write(frames)


# ---- what is to come of them ----

def summed(frame):
    """The frame, with the sums that scapy works out."""
    packet = Ether(frame)
    for layer in (IP, TCP, UDP):
        if packet.haslayer(layer):
            del packet[layer].chksum
    if packet.haslayer('ICMPv6EchoRequest'):
        del packet[ICMPv6EchoRequest].cksum
    return bytes(Ether(bytes(packet)))


def rewriting(path):
    """Whether every frame has right sums and nobody's old address."""
    frames = [capture_frame.Frame(f) for f in (capture_file.ethernet(link, d) for _, link, d in
                                               capture_file.packets(path)) if f]
    cast = capture_cast.Cast(capture_cast.Scene(frames), capture_cast.Scene(frames).desktop())
    old = [bytes(map(int, a.split('.'))) for a in (ME, GATEWAY, SERVER, *NEIGHBOURS)]
    for f in frames:
        for new in capture_frame.rewrite(f, cast):
            if new != summed(new):
                return 'a wrong sum: %r' % Ether(new)
            if len(new) > capture_frame.MTU_FRAME or any(a in new for a in old):
                return 'too long, or an old address: %r' % Ether(new)
    return None


def faults(where, said):
    for name in ('healthy.pcapng', 'linux.pcap', 'sweep.pcap'):
        yield name, rewriting(os.path.join(where, name))
    for name in ('healthy.pcapng', 'linux.pcap'):
        if said[name].get('desktop') != ME or said[name]['incidents']:
            yield name, 'not this desktop, or an incident: %s' % said[name]
        if said[name]['flows'] - said[name]['opened'] != 2 or said[name]['attempts'] < 2:
            yield name, 'not just the two updates were denied: %s' % said[name]
    if 'desktop' in said['router.pcap']:
        yield 'router.pcap', 'a desktop was found'
    found = [(i['port'], i['kind'], i['severity']) for i in said['sweep.pcap']['incidents']]
    if found != [('d1', 'sweep', 'high')]:
        yield 'sweep.pcap', 'not one sweep: %s' % found
    elif [t.replace(' arp', '') for t in said['sweep.pcap']['incidents'][0]['targets']] != [
            a + ' tcp/445 smb' for a in NEIGHBOURS]:
        yield 'sweep.pcap', 'not its targets: %s' % said['sweep.pcap']


def check(where, report):
    with open(report) as f:
        said = {os.path.basename(d['name']): d for d in map(json.loads, f)}
    status = 0
    for name, why in faults(where, said):
        if why:
            print('%s: %s' % (name, why), file=sys.stderr)
            status = 1
    return status


if __name__ == '__main__':
    if sys.argv[1] == 'make':
        write(sys.argv[2])
    else:
        sys.exit(check(*sys.argv[2:]))
