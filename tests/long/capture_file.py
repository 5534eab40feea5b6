"""Packets of a capture file as Ethernet frames: pcap and pcapng, plain or compressed by gzip.

Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng, and the list of link types at tcpdump.org.
"""
import gzip
import struct

ETHERNET, NULL, RAW, LOOP, LINUX_SLL, IPV4, IPV6, LINUX_SLL2 = 1, 0, 101, 108, 113, 228, 229, 276
RAW_OF_OLD = (12, 14)
SECTION, INTERFACE, SIMPLE, ENHANCED = 0x0a0d0d0a, 1, 3, 6
MOST = 1 << 20  # no packet is longer: what says so is damaged
UNKNOWN = bytes(12)  # addresses of a frame that had none


class Unreadable(Exception):
    pass


def opened(path):
    with open(path, 'rb') as f:
        packed = f.read(2) == b'\x1f\x8b'
    return gzip.open(path, 'rb') if packed else open(path, 'rb')


def packets(path):
    """(time in seconds, link type, bytes) of each; a file that breaks off just ends."""
    with opened(path) as f:
        try:
            magic = f.read(4)
            if magic == b'\x0a\x0d\x0d\x0a':
                yield from pcapng(f)
            else:
                yield from pcap(f, magic)
        except (struct.error, EOFError, OSError, gzip.BadGzipFile):
            return


def pcap(f, magic):
    kinds = {b'\xd4\xc3\xb2\xa1': ('<', 1e-6), b'\x4d\x3c\xb2\xa1': ('<', 1e-9),
             b'\xa1\xb2\xc3\xd4': ('>', 1e-6), b'\xa1\xb2\x3c\x4d': ('>', 1e-9)}
    if magic not in kinds:
        raise Unreadable('no capture')
    order, unit = kinds[magic]
    link = struct.unpack(order + '16xI', f.read(20))[0] & 0xffff
    while True:
        s, fraction, n, _ = struct.unpack(order + 'IIII', f.read(16))
        if n > MOST:
            return
        yield s + fraction * unit, link, f.read(n)


def resolution(options, order):
    """Seconds of a tick: if_tsresol."""
    while len(options) >= 4:
        code, n = struct.unpack_from(order + 'HH', options)
        if code == 9 and n == 1:
            value = options[4]
            return 2.0 ** -(value & 0x7f) if value & 0x80 else 10.0 ** -value
        options = options[4 + (n + 3) // 4 * 4:] if code else b''
    return 1e-6


def pcapng(f):
    order, interfaces, kind = '<', [], SECTION
    at = 0
    while True:
        if kind == SECTION:
            size = f.read(4)
            magic = f.read(4)
            order, interfaces = '<' if magic == b'\x4d\x3c\x2b\x1a' else '>', []
            n = struct.unpack(order + 'I', size)[0]
            f.read(n - 12)
        else:
            n = struct.unpack(order + 'I', f.read(4))[0]
            if not 12 <= n <= MOST:
                return
            body = f.read(n - 8)[:-4]
            if kind == INTERFACE:
                interfaces.append((struct.unpack_from(order + 'H', body)[0], resolution(body[8:], order)))
            elif kind == ENHANCED:
                i, high, low, length = struct.unpack_from(order + 'IIII', body)
                if i >= len(interfaces):
                    return
                at = (high << 32 | low) * interfaces[i][1]
                yield at, interfaces[i][0], body[20:20 + length]
            elif kind == SIMPLE and interfaces:
                yield at, interfaces[0][0], body[4:4 + struct.unpack_from(order + 'I', body)[0]]
        kind = struct.unpack(order + 'I', f.read(4))[0]


def of_ip(data):
    version = data[0] >> 4 if data else 0
    return {4: UNKNOWN + b'\x08\x00' + data, 6: UNKNOWN + b'\x86\xdd' + data}.get(version)


def ethernet(link, data):
    """The frame, without a VLAN tag; or None.  Addresses are 0 where the link had none."""
    if link == ETHERNET:
        frame = data
    elif link in (RAW, IPV4, IPV6) + RAW_OF_OLD:
        frame = of_ip(data)
    elif link in (NULL, LOOP):
        frame = of_ip(data[4:])
    elif link == LINUX_SLL and len(data) >= 16:
        mac = data[6:12] if data[4:6] == b'\x00\x06' else bytes(6)
        frame = bytes(6) + mac + data[14:]
    elif link == LINUX_SLL2 and len(data) >= 20:
        mac = data[12:18] if data[11] == 6 else bytes(6)
        frame = bytes(6) + mac + data[:2] + data[20:]
    else:
        frame = None
    while frame and frame[12:14] in (b'\x81\x00', b'\x88\xa8'):
        frame = frame[:12] + frame[16:]
    return frame if frame and len(frame) >= 14 else None
