"""Frames of a capture, taken apart and put together again with other addresses and right checksums.

    f = Frame(bytes)              what it says, of it: src, dst, protocol, ports ...
    rewrite(f, who)               its bytes; 'who' (capture_cast.py) knows the new addresses

Sources: RFC 791, 768, 793, 826, 2131, 4443, 4861, 8200.
"""
import struct

ARP, V4, V6 = 0x806, 0x800, 0x86dd
ICMP, TCP, UDP, ICMP6 = 1, 6, 17, 58
SYN, ACK = 2, 16
MTU_FRAME = 1514
BROADCAST = b'\xff' * 6
EXTENSIONS = (0, 43, 60)  # headers of IPv6 that others follow
FRAGMENT = 44
CHECKSUM_AT = {ICMP: 2, TCP: 16, UDP: 6, ICMP6: 2}
ERRORS4, ERRORS6 = (3, 4, 5, 11, 12), (1, 2, 3, 4)
SOLICIT, ADVERTISE, ROUTER_ADVERT = 135, 136, 134
DHCP_ADDRESSES = (3, 6, 28, 50, 54)  # options that hold addresses


def is_group(address):
    """Of an address: multicast, or broadcast to everybody."""
    return address[0] >= 224 if len(address) == 4 else address[0] == 0xff


class Frame:
    """ip: 4, 6 or 0; src and dst are addresses of IP, of ARP the sender's and the target's.  'sport' and
    'dport' are those of TCP and UDP; of ICMP the type and the code.  'rest' is a fragment but the first."""

    def __init__(self, data):
        self.dmac, self.smac = data[:6], data[6:12]
        self.type = struct.unpack_from('>H', data, 12)[0]
        self.body = bytearray(data[14:])
        self.ip = self.protocol = self.sport = self.dport = self.flags = self.l4 = 0
        self.src = self.dst = b''
        self.rest = self.fragment = False
        try:
            {ARP: self.read_arp, V4: self.read_v4, V6: self.read_v6}.get(self.type, int)()
        except (struct.error, IndexError):
            self.ip, self.src, self.dst = 0, b'', b''
        if not any(self.dmac) and self.ip:
            self.dmac = self.group_mac()

    def group_mac(self):
        """Of the destination, in a capture that has no link addresses."""
        if self.ip == 6 and is_group(self.dst):
            return b'\x33\x33' + self.dst[12:]
        if self.ip == 4 and 224 <= self.dst[0] < 240:
            return b'\1\0\x5e' + bytes((self.dst[1] & 0x7f,)) + self.dst[2:]
        return BROADCAST if self.ip == 4 and self.dst[3] == 255 else self.dmac

    def read_arp(self):
        if len(self.body) >= 28 and self.body[:6] == b'\0\1\x08\0\6\4':
            self.src, self.dst = bytes(self.body[14:18]), bytes(self.body[24:28])

    def whole(self, length):
        """Cuts what follows the packet, and fills up what the capture did not keep."""
        del self.body[length:]
        self.body += bytes(length - len(self.body))

    def read_v4(self):
        first, length, fragment = struct.unpack_from('>BxHxxH', self.body)
        n = (first & 15) * 4
        if first >> 4 != 4 or n < 20 or len(self.body) < n:
            return
        self.whole(max(length or len(self.body), n))
        self.fragment, self.rest = bool(fragment & 0x3fff), bool(fragment & 0x1fff)
        self.protocol = self.body[9]
        self.src, self.dst = bytes(self.body[12:16]), bytes(self.body[16:20])
        self.ip, self.l4 = 4, n
        self.read_ports()

    def read_v6(self):
        if len(self.body) < 40 or self.body[0] >> 4 != 6:
            return
        length, n = struct.unpack_from('>HB', self.body, 4)
        self.whole(40 + (length or len(self.body) - 40))
        at = 40
        while n in EXTENSIONS or n == FRAGMENT:
            if n == FRAGMENT:
                self.fragment = True
                self.rest |= bool(struct.unpack_from('>H', self.body, at + 2)[0] & 0xfff8)
            n, size = self.body[at], 8 if n == FRAGMENT else 8 + self.body[at + 1] * 8
            at += size
        self.protocol = n
        self.src, self.dst = bytes(self.body[8:24]), bytes(self.body[24:40])
        self.ip, self.l4 = 6, at
        self.read_ports()

    def read_ports(self):
        if self.rest:
            return
        if self.protocol in (TCP, UDP):
            self.sport, self.dport = struct.unpack_from('>HH', self.body, self.l4)
            if self.protocol == TCP:
                self.flags = self.body[self.l4 + 13]
        elif self.protocol in (ICMP, ICMP6):
            self.sport, self.dport = self.body[self.l4], self.body[self.l4 + 1]

    def opens(self):
        """The first packet of a TCP connection."""
        return self.protocol == TCP and self.flags & (SYN | ACK) == SYN

    def is_error(self):
        return not self.rest and (self.protocol == ICMP and self.sport in ERRORS4 or
                                  self.protocol == ICMP6 and self.sport in ERRORS6)

    def is_nd(self):
        return self.protocol == ICMP6 and not self.rest and 133 <= self.sport <= 137

    def is_dhcp(self):
        return self.ip == 4 and self.protocol == UDP and {self.sport, self.dport} <= {67, 68} and \
            not self.fragment and len(self.body) >= self.l4 + 8 + 240

    def to_all(self):
        return bool(self.dmac[0] & 1) or bool(self.dst) and is_group(self.dst)


def dhcp_options(body, at):
    """(code, where its value begins, length) of each."""
    while at + 1 < len(body) and body[at] != 255:
        if body[at] == 0:
            at += 1
            continue
        yield body[at], at + 2, body[at + 1]
        at += 2 + body[at + 1]


def total(data):
    """A sum in one's complement, of 16-bit words."""
    return int.from_bytes(data if len(data) % 2 == 0 else bytes(data) + b'\0', 'big') % 0xffff


def fix_v4(body):
    n = (body[0] & 15) * 4
    body[10:12] = b'\0\0'
    struct.pack_into('>H', body, 10, 0xffff - total(body[:n]))


def fix_l4(f, before):
    """'before': the sum of the addresses that it had.  A fragment has not all that is summed: what has
    changed is told from the sum that there was."""
    at = f.l4 + CHECKSUM_AT.get(f.protocol, 0)
    if f.rest or f.protocol not in CHECKSUM_AT or at + 2 > len(f.body):
        return
    was = struct.unpack_from('>H', f.body, at)[0]
    if f.protocol == UDP and f.ip == 4 and not was:
        return
    pseudo = 0 if f.protocol == ICMP else total(f.src + f.dst)
    if f.fragment:
        now = (was + before - pseudo) % 0xffff if f.protocol != ICMP else was
    else:
        f.body[at:at + 2] = b'\0\0'
        if f.protocol != ICMP:
            pseudo += f.protocol + len(f.body) - f.l4
        now = 0xffff - (pseudo + total(f.body[f.l4:])) % 0xffff
    struct.pack_into('>H', f.body, at, now or 0xffff)


def put_addresses(f, src, dst):
    at = 12 if f.ip == 4 else 8
    f.body[at:at + 2 * len(src)] = src + dst
    f.src, f.dst = src, dst


def rewrite_dhcp(f, who):
    at = f.l4 + 8
    places = [at + i for i in (12, 16, 20, 24)]
    for code, begin, n in dhcp_options(f.body, at + 240):
        if code in DHCP_ADDRESSES:
            places += range(begin, begin + n - 3, 4)
    for i in places:
        if any(f.body[i:i + 4]):
            f.body[i:i + 4] = who.address(bytes(f.body[i:i + 4]))
    f.body[at + 28:at + 34] = who.mac_of_mac(bytes(f.body[at + 28:at + 34]))


def rewrite_nd(f, who):
    """Targets, link-layer addresses and prefixes.  The group that is asked depends on the target."""
    begin = {SOLICIT: 24, ADVERTISE: 24, 133: 8, ROUTER_ADVERT: 16, 137: 40}[f.sport] + f.l4
    if f.sport in (SOLICIT, ADVERTISE) and len(f.body) >= f.l4 + 24:
        target = who.address(bytes(f.body[f.l4 + 8:f.l4 + 24]))
        f.body[f.l4 + 8:f.l4 + 24] = target
        if f.sport == SOLICIT and f.dst[:13] == b'\xff\2' + bytes(9) + b'\1\xff':
            put_addresses(f, f.src, f.dst[:13] + target[13:])
            f.dmac = b'\x33\x33\xff' + target[13:]
    while begin + 8 <= len(f.body) and f.body[begin + 1]:
        kind, n = f.body[begin], f.body[begin + 1] * 8
        if kind in (1, 2) and n == 8:
            f.body[begin + 2:begin + 8] = who.mac_of_mac(bytes(f.body[begin + 2:begin + 8]))
        elif kind == 3 and n == 32:
            prefix = bytes(f.body[begin + 16:begin + 32])
            f.body[begin + 16:begin + 32] = who.prefix(prefix)
        begin += n


def rewrite_error(f, who):
    """The packet that an ICMP error is about; nobody checks the sums within."""
    at = f.l4 + 8
    if f.ip == 4 and len(f.body) >= at + 20:
        for i in (at + 12, at + 16):
            f.body[i:i + 4] = who.address(bytes(f.body[i:i + 4]))
        inner = f.body[at:at + (f.body[at] & 15) * 4]
        if len(inner) >= 20:
            fix_v4(inner)
            f.body[at:at + len(inner)] = inner
    elif f.ip == 6 and len(f.body) >= at + 40:
        for i in (at + 8, at + 24):
            f.body[i:i + 16] = who.address(bytes(f.body[i:i + 16]))


def rewrite_arp(f, who):
    if not f.src:
        return
    smac = bytes(f.body[8:14])
    f.body[8:14] = who.mac_of_mac(smac) if not any(f.src) else who.mac(f.src, smac)
    f.src, f.dst = (who.address(a) if any(a) else a for a in (f.src, f.dst))
    f.body[14:18], f.body[24:28] = f.src, f.dst
    if any(f.body[18:24]):
        f.body[18:24] = who.mac_of_mac(bytes(f.body[18:24]))


def rewrite(f, who):
    """The frame with its addresses in the office, and in one or (what was too long) more pieces."""
    was = f.src, f.dst
    dmac = f.dmac
    if f.ip:
        before = total(f.src + f.dst)
        smac = who.mac(f.src, f.smac)
        if not f.to_all():
            dmac = f.dmac = who.mac(f.dst, f.dmac)
        put_addresses(f, *(who.address(a) for a in was))
        if f.is_dhcp():
            rewrite_dhcp(f, who)
        elif f.is_nd():
            rewrite_nd(f, who)
            dmac = f.dmac
        elif f.is_error():
            rewrite_error(f, who)
        if f.ip == 4:
            fix_v4(f.body)
        fix_l4(f, before)
    else:
        smac = who.mac_of_mac(f.smac)
        if f.type == ARP:
            rewrite_arp(f, who)
            smac = bytes(f.body[8:14]) if f.src else smac
        if not dmac[0] & 1:
            dmac = who.mac_of_mac(dmac)
    head = dmac + smac + struct.pack('>H', f.type)
    f.dmac, f.smac = dmac, smac
    return [head + body for body in pieces(f)]


def pieces(f):
    """Segments that a card or a kernel had put together: again as long as a frame carries."""
    if len(f.body) <= MTU_FRAME - 14:
        return [bytes(f.body)]
    if f.protocol != TCP or f.fragment or len(f.body) < f.l4 + 20:
        return []
    begin = f.l4 + (f.body[f.l4 + 12] >> 4) * 4
    head, data = f.body[:begin], bytes(f.body[begin:])
    room, sequence, found = MTU_FRAME - 14 - begin, struct.unpack_from('>I', head, f.l4 + 4)[0], []
    for i in range(0, len(data), room):
        f.body = bytearray(head) + data[i:i + room]
        struct.pack_into('>I', f.body, f.l4 + 4, (sequence + i) & 0xffffffff)
        struct.pack_into('>H', f.body, 2 if f.ip == 4 else 4, len(f.body) - (0 if f.ip == 4 else 40))
        if f.ip == 4:
            fix_v4(f.body)
        fix_l4(f, 0)
        found.append(bytes(f.body))
    return found
