#!/usr/bin/python3
"""Says what of a hostile desktop's traffic reaches a host: frames at its interface, and what its
kernel hands to listeners.  Prints a line for each; "ready" first.

    receiver.py INTERFACE [ask]

With ask it also asks everybody, again and again, for a service and for an address by DHCP: evasion_link.py and
evasion_uplinks.py have answers to that."""
import selectors
import socket
import sys
import time

MARKS = b'EVADED', b'CONTROL', b'FLOODED', b'ISOLATED'
PORTS = 80, 9999


def listeners():
    frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    frames.bind((sys.argv[1], 0))
    yield 'frame', frames
    for family, host in ((socket.AF_INET, '0.0.0.0'), (socket.AF_INET6, '::')):
        for port in PORTS:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                s = socket.socket(family, kind)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                s.bind((host, port))
                if kind == socket.SOCK_STREAM:
                    s.listen()
                yield 'port %d' % port, s


def asking(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, sys.argv[1].encode())
    s.bind(('0.0.0.0', port))
    return s


def discover():
    """The least of a DHCP request (RFC 2131, figure 1): a transaction, and the sender's own MAC address."""
    with open('/sys/class/net/%s/address' % sys.argv[1]) as f:
        mac = bytes.fromhex(f.read().replace(':', ''))
    return (bytes([1, 1, 6, 0]) + (0x5eed).to_bytes(4, 'big') + bytes(20) + mac.ljust(208, b'\0')
            + bytes([99, 130, 83, 99, 53, 1, 1, 255]))


questions = [(asking(6800), b'who?', 6666), (asking(68), discover(), 67)] if 'ask' in sys.argv[2:] else []
asked = 0
kept = []
selector = selectors.DefaultSelector()
for name, s in listeners():
    selector.register(s, selectors.EVENT_READ, name)
print('ready', flush=True)
while True:
    if questions and time.monotonic() > asked + 1:
        asked = time.monotonic()
        for s, question, port in questions:
            s.sendto(question, ('255.255.255.255', port))
    for key, _ in selector.select(1 if questions else None):
        if key.fileobj.type == socket.SOCK_STREAM:
            kept.append(key.fileobj.accept())  # to be closed would reset it
            print(key.data, 'accepted', kept[-1][1], flush=True)
            continue
        data, sender = key.fileobj.recvfrom(65536)
        if key.data == 'frame' and sender[2] == socket.PACKET_OUTGOING:
            continue
        for mark in MARKS:
            if mark in data:
                print(key.data, mark.decode(), data.hex(), flush=True)
