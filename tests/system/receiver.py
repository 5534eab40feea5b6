#!/usr/bin/python3
"""Says what of a hostile desktop's traffic reaches a host: frames at its interface, and what its
kernel hands to listeners.  Prints a line for each; "ready" first.  receiver.py INTERFACE"""
import selectors
import socket
import sys

MARKS = b'EVADED', b'CONTROL', b'FLOODED'
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


kept = []
selector = selectors.DefaultSelector()
for name, s in listeners():
    selector.register(s, selectors.EVENT_READ, name)
print('ready', flush=True)
while True:
    for key, _ in selector.select():
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
