"""Who is who in a capture, and who plays that in the office.

The desktop is the host with a private address that begins most conversations (with a public one where there is
no other).  In its network there are

* the gateway, which has the MAC that everything from outside comes from, or which DHCP names, or, where neither
  is there, whose address ends in 1 or 254;
* servers: what only answers, and not for what goes from desktop to desktop (ssh, RDP, VNC, WinRM).  What a
  site's policy lets through to servers is the same for all of them (captures.sh);
* neighbours: everybody else who was heard.  The first five are desktops of the switch, the others are desktops
  of another host;
* nobody: addresses that were asked for, and never heard.

Who is outside stays who he was."""
import ipaddress
import struct
from collections import Counter, defaultdict

import capture_frame as cf

# What people use from desktop to desktop: who answers on these may be one.
LATERAL = {(cf.TCP, p) for p in (22, 23, 3389, 5900, 5901, 5985, 5986)}
# Who answers on these is no desktop, whatever else it does.
SERVING = {(cf.TCP, p) for p in (21, 25, 53, 88, 389)} | {(cf.UDP, p) for p in (53, 67, 88, 389, 547)}
PRIVATE = [ipaddress.ip_network(n) for n in ('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16')]
OFFICE = bytes((10, 99))
OFFICE6 = bytes.fromhex('fd99') + bytes(6)
LINK_LOCAL = b'\xfe\x80' + bytes(6)
DESKTOP, NEIGHBOURS, SERVERS, ELSEWHERE, NOBODY = 11, range(12, 17), range(2, 11), range(32, 256), 256
GATEWAY = 1


def is_host(a):
    if len(a) == 4:
        return 0 < a[0] < 224 and a[0] != 127 and a[3] != 255
    return a[0] != 0xff and any(a[:15])


def is_private(a):
    return len(a) == 4 and any(ipaddress.ip_address(a) in n for n in PRIVATE)


def station_mac(n):
    """As office_build has it (tests/system/lib.sh)."""
    if n in (GATEWAY,) or n in SERVERS:
        return bytes((2, 0, 0, 0, 1, n))
    if n == DESKTOP or n in NEIGHBOURS:
        return bytes((2, 0, 0, 0, 0, n - 10))
    return struct.pack('>BBI', 2, 1, n)


def link_local(mac):
    return LINK_LOCAL + bytes((mac[0] ^ 2,)) + mac[1:3] + b'\xff\xfe' + mac[3:]


class Scene:
    """What is to be known of a capture before it is played: one pass over its frames."""

    def __init__(self, frames):
        self.flows = {}  # canonical 5-tuple -> who began it
        self.begun = defaultdict(set)
        self.heard = Counter()
        self.macs = defaultdict(Counter)  # of an address
        self.answered = defaultdict(set)  # (protocol, port) that an address answered on
        self.linked = set()  # addresses that ARP and ND were about
        self.routers, self.masks = set(), Counter()
        for f in frames:
            self.look(f)

    def look(self, f):
        if f.type == cf.ARP and f.src:
            self.linked |= {a for a in (f.src, f.dst) if is_host(a)}
        elif f.is_nd() and len(f.body) >= f.l4 + 24 and f.sport in (cf.SOLICIT, cf.ADVERTISE):
            self.linked |= {a for a in (bytes(f.body[f.l4 + 8:f.l4 + 24]),) if is_host(a)}
        elif f.is_dhcp():
            self.look_dhcp(f)
        if f.src and is_host(f.src):
            self.heard[f.src] += 1
            if any(f.smac) and not f.smac[0] & 1:
                self.macs[f.src][f.smac] += 1
        if f.ip and not f.rest and not f.to_all() and is_host(f.src) and is_host(f.dst):
            self.look_flow(f)

    def look_dhcp(self, f):
        at = f.l4 + 8
        if f.sport == 67 and any(f.body[at + 16:at + 20]):
            self.macs[bytes(f.body[at + 16:at + 20])][bytes(f.body[at + 28:at + 34])] += 1
            for code, begin, n in cf.dhcp_options(f.body, at + 240):
                if code == 1 and n == 4:
                    self.masks[int.from_bytes(f.body[begin:begin + 4], 'big')] += 1
                elif code == 3 and n >= 4:
                    self.routers.add(bytes(f.body[begin:begin + 4]))

    def look_flow(self, f):
        key = flow_key(f)
        if key not in self.flows:
            self.flows[key] = began = self.who_began(f)
            if began == f.src:
                self.begun[f.src].add((f.dst, f.protocol, f.dport))
        if self.flows[key] == f.dst and (f.protocol != cf.TCP or f.flags & 18 == 18):
            self.answered[f.src].add((f.protocol, f.sport))

    @staticmethod
    def who_began(f):
        if f.protocol == cf.TCP:
            return f.src if f.opens() else f.dst if f.flags & 18 == 18 else None
        if f.protocol == cf.UDP:
            return f.dst if f.sport < 1024 <= f.dport or f.sport in (67, 547) else f.src
        if f.protocol in (cf.ICMP, cf.ICMP6):
            return f.src if (f.protocol, f.sport) in ((cf.ICMP, 8), (cf.ICMP6, 128)) else None
        return f.src

    def desktop(self):
        """Its address, or None."""
        kinds = [[a for a in self.begun if is_private(a)],
                 [a for a in self.begun if len(a) == 4 and not is_private(a)],
                 [a for a in self.begun if len(a) == 16]]
        hosts = next((k for k in kinds if k), [])
        hosts = [a for a in hosts if not self.answered[a] & SERVING] or hosts
        return max(hosts, key=lambda a: (len(self.begun[a]), self.heard[a]), default=None)


def flow_key(f):
    """The same for both directions."""
    a, b = (f.src, f.sport), (f.dst, f.dport)
    if f.protocol in (cf.ICMP, cf.ICMP6):
        a, b = (f.src, 0), (f.dst, 0)
    return (f.protocol,) + (a + b if a <= b else b + a)


class Cast:
    """New addresses for old ones.  A station is a number: its last part of an address, as in lib.sh."""

    def __init__(self, scene, desktop):
        self.scene, self.desktop = scene, desktop
        self.stations, self.by_mac, self.renamed = {}, {}, {}
        self.next = {'neighbours': iter(NEIGHBOURS), 'servers': iter(SERVERS), 'elsewhere': iter(ELSEWHERE)}
        self.nobody = NOBODY
        self.mask = self.find_mask()
        self.on_link6 = self.find_prefixes()
        self.shared = self.find_shared()
        self.assign(desktop, DESKTOP)
        for a in self.find_gateways():
            self.assign(a, GATEWAY)
        for a, _ in sorted(scene.heard.items(), key=lambda i: (len(i[0]), -i[1])):
            if self.is_local(a) and a not in self.stations:
                self.number(a)

    # ---- who is in the desktop's network ----

    def find_mask(self):
        common = self.scene.masks.most_common(1)
        mask = common[0][0] if common else 0xffffff00
        return mask if mask <= 0xffffff00 else 0xffffff00

    def find_prefixes(self):
        """Networks of the desktop's MAC in IPv6."""
        macs = set(self.scene.macs.get(self.desktop, ()))
        return {a[:8] for a in self.scene.heard if len(a) == 16 and
                (a == self.desktop or macs & set(self.scene.macs.get(a, ())))} | {LINK_LOCAL}

    def find_shared(self):
        """MACs that speak for more than one address of IPv4: routers' (or a capture from behind one)."""
        seen = defaultdict(set)
        for a, macs in self.scene.macs.items():
            for m in macs:
                if len(a) == 4:
                    seen[m].add(a)
        return {m for m, addresses in seen.items() if len(addresses) > 1}

    def is_local(self, a):
        if len(a) == 16:
            return a[:8] in self.on_link6
        if len(self.desktop) == 16:
            return is_private(a)
        if not is_host(a):
            return False
        mine, other = (int.from_bytes(x, 'big') for x in (self.desktop, a))
        return not (mine ^ other) & self.mask or a in self.scene.linked

    def find_gateways(self):
        outside = Counter()
        for a, macs in self.scene.macs.items():
            if not self.is_local(a):
                outside.update(macs)
        mine = set(self.scene.macs.get(self.desktop, ()))
        carriers = {m for m in outside if m not in mine}
        self.by_mac.update((m, GATEWAY) for m in carriers)
        found = [a for a, macs in self.scene.macs.items() if self.is_local(a) and carriers & set(macs)]
        found += self.scene.routers
        usual = [self.desktop[:3] + bytes((n,)) for n in (1, 254)] if len(self.desktop) == 4 else []
        found = found or [a for a in usual if a in self.scene.heard][:1]
        return [a for a in found if a != self.desktop]

    # ---- who plays it ----

    def assign(self, a, n):
        self.stations[a] = n
        for m in self.scene.macs.get(a, ()):
            if m not in self.shared:
                self.by_mac.setdefault(m, n)
        return n

    def is_server(self, a):
        served = self.scene.answered.get(a, set())
        return bool(served & SERVING) or bool(served) and not self.scene.begun.get(a) and not served & LATERAL

    def number(self, a):
        """Of an address on the link; the same as that of its MAC, where that has one."""
        macs = [m for m in self.scene.macs.get(a, ()) if m in self.by_mac and m not in self.shared]
        if macs and len(a) == 16:
            return self.assign(a, self.by_mac[macs[0]])
        if not self.scene.heard[a]:
            self.nobody += 1
            return self.assign(a, self.nobody)
        kinds = ('servers',) if self.is_server(a) else ('neighbours', 'elsewhere')
        for kind in kinds:
            n = next(self.next[kind], None)
            if n:
                return self.assign(a, n)
        self.nobody += 1
        return self.assign(a, self.nobody)

    def station(self, a):
        """The number of an address, or 0: it is outside."""
        n = self.stations.get(a)
        if n is None:
            n = self.number(a) if is_host(a) and self.is_local(a) else 0
            self.stations[a] = n
        return n

    def sender(self, f):
        """The number of who sends a frame."""
        if f.src and is_host(f.src):
            return self.station(f.src)
        return self.by_mac.get(f.smac, 0)

    # ---- addresses ----

    def address(self, a):
        new = self.renamed.get(a)
        if new is None:
            new = self.renamed[a] = self.name(a)
        return new

    def name(self, a):
        n = self.station(a)
        if n and len(a) == 4:
            return OFFICE + struct.pack('>H', n)
        if n:
            return link_local(station_mac(n)) if a[:2] == b'\xfe\x80' else OFFICE6 + bytes(6) + struct.pack(
                '>H', int(str(n), 16) if n < ELSEWHERE[0] else 0x1000 + n)
        if len(a) == 4 and a[3] == 255 and a[0] < 224 and self.is_local(a[:3] + b'\1'):
            return OFFICE + b'\xff\xff'
        if a[:2] == OFFICE and len(a) == 4:
            return b'\x0a\x62' + a[2:]  # outside, and not to be mixed up
        return a

    def prefix(self, p):
        return OFFICE6 + bytes(8) if p[:8] in self.on_link6 else p

    def mac(self, a, mac):
        """Of whoever has the address."""
        if is_host(a):
            return station_mac(self.station(a) or GATEWAY)
        return self.mac_of_mac(mac)

    def mac_of_mac(self, mac):
        if mac[0] & 1 or not any(mac) and mac not in self.by_mac:
            return mac
        return station_mac(self.by_mac.get(mac, GATEWAY))
