#!/usr/bin/python3
"""Reads a pcapng file by its specification (draft-ietf-opsawg-pcapng), strictly, and as scapy reads it.

    pcapng.py FILE [EXPRESSION]...

An EXPRESSION is of 'packets', each with data, frame (scapy's Ether), comment, direction ('in', 'out'), time
(ns), length; of 'section', 'interfaces' and 'statistics', their options by number; each has to be true.
Without any the packets are listed."""
import logging
import struct
import sys
from types import SimpleNamespace

logging.getLogger('scapy').setLevel(logging.ERROR)  # it takes a comment for wrong that has no newline
from scapy.all import ARP, ICMP, IP, TCP, UDP, Dot1Q, Ether, PcapNgReader, Raw  # noqa: E402, F401 (of EXPRESSION)

SECTION, INTERFACE, STATISTICS, PACKET = 0x0a0d0d0a, 1, 5, 6


def options(data):
    """What follows a block's fixed part: {code: value}."""
    found = {}
    while data:
        code, length = struct.unpack_from('<HH', data)
        value, data = data[4:4 + length], data[4 + (length + 3) // 4 * 4:]
        if code == 0:
            assert length == 0 and not data, 'something follows the last option'
            return found
        assert code not in found, 'an option is there twice'
        found[code] = value
    raise AssertionError('options without an end')


def blocks(data):
    while data:
        kind, length = struct.unpack_from('<II', data)
        assert length % 4 == 0 and 12 <= length <= len(data), 'block of %d bytes' % length
        assert struct.unpack_from('<I', data, length - 4)[0] == length, 'its lengths differ'
        yield kind, data[8:length - 4]
        data = data[length:]


def packet(body, interfaces):
    interface, high, low, captured, length = struct.unpack_from('<IIIII', body)
    assert interface < len(interfaces) and captured <= length
    rest = options(body[20 + (captured + 3) // 4 * 4:])
    data = body[20:20 + captured]
    return SimpleNamespace(data=data, frame=Ether(data), comment=rest[1].decode(), length=length,
                           direction={1: 'in', 2: 'out'}[struct.unpack('<I', rest[2])[0]],
                           time=high << 32 | low)


def read(name):
    with open(name, 'rb') as file:
        data = file.read()
    f = SimpleNamespace(section=None, interfaces=[], packets=[], statistics=[])
    for kind, body in blocks(data):
        assert (kind == SECTION) == (f.section is None), 'a section begins the file, and nothing else'
        if kind == SECTION:
            magic, major, minor, length = struct.unpack_from('<IHHq', body)
            assert (magic, major, minor, length) == (0x1a2b3c4d, 1, 0, -1)
            f.section = options(body[16:])
        elif kind == INTERFACE:
            assert struct.unpack_from('<H', body)[0] == 1, 'Ethernet'
            f.interfaces.append(options(body[8:]))
            assert f.interfaces[-1][9] == b'\x09', 'nanoseconds'
        elif kind == PACKET:
            f.packets.append(packet(body, f.interfaces))
        else:
            assert kind == STATISTICS
            f.statistics.append(options(body[12:]))
    return f


def show(f, to):
    print('section %r\ninterfaces %r\nstatistics %r' % (f.section, f.interfaces, f.statistics), file=to)
    for p in f.packets:
        print(p.direction, p.length, p.frame.summary(), '--', p.comment, file=to)


def main():
    f = read(sys.argv[1])
    with PcapNgReader(sys.argv[1]) as reader:
        seen = list(reader)
    assert [bytes(p) for p in seen] == [bytes(p.frame) for p in f.packets], 'scapy sees something else'
    assert all(abs(float(a.time) - b.time / 1e9) < 1e-5 for a, b in zip(seen, f.packets)), 'times'
    if len(sys.argv) < 3:
        show(f, sys.stdout)
    failed = 0
    for expression in sys.argv[2:]:
        if not eval('(%s)' % expression, {**globals(), **vars(f)}):
            print('%s: not so: %s' % (sys.argv[1], expression), file=sys.stderr)
            failed = 1
    if failed:
        show(f, sys.stderr)
    return failed


if __name__ == '__main__':
    sys.exit(main())
