"""What test_incidents.sh asks and does: an own client of the API, and stacks that misbehave.

    incidents.py expect SOCKET PORT USER KIND N-INCIDENTS [--targets A,B] [--only] [--service S]...
    incidents.py worm                      random addresses, tcp/445
    incidents.py arp NET                   asks for all 254 addresses of NET ("10.99.0")
    incidents.py flood NET GATEWAY         denied packets as fast as it goes, and slowly a scan, until SIGTERM
    incidents.py burst ADDRESS PORT N      so many datagrams
    incidents.py arrives SOCKET PORT SERVICE  whether a record of the port has the service ("udp/777")
    incidents.py totals SOCKET PORT        the stream's records and totals against the counters
"""
import argparse
import json
import os
import random
import signal
import socket
import struct
import sys
import time

import grpc

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'interop'))
from rpc_stubs import Stubs  # noqa: E402

INCIDENTS = 'fusuma.v1.IncidentService'
BUILD = os.environ.get('FUSUMA_BUILD') or os.path.join(HERE, '..', '..', 'build')


def connect(path):
    with open(os.path.join(BUILD, 'proto', 'fusuma.protoset'), 'rb') as f:
        return Stubs(grpc.insecure_channel('unix:' + path), f.read())


def enum_name(message, field):
    value = getattr(message, field)
    return message.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[value].name


# ---- what is to be found ----

def faults(incidents, o):
    """Why the port's incidents are not what is expected; None: they are."""
    if len(incidents) != o.n:
        return '%d incidents instead of %d' % (len(incidents), o.n)
    i = incidents[0]
    kind = enum_name(i, 'kind').replace('INCIDENT_KIND_', '').lower()
    targets = {t.address: t for t in i.targets}
    tried = {s for t in i.targets for s in t.services}
    if kind != o.kind:
        return 'kind %s instead of %s (%s)' % (kind, o.kind, i.grounds)
    if i.user != o.user:
        return 'user %r instead of %r' % (i.user, o.user)
    missing = set(o.targets) - set(targets)
    if missing:
        return 'targets are missing: %s' % ', '.join(sorted(missing))
    if o.only and set(targets) != set(o.targets):
        return 'more targets: %s' % ', '.join(sorted(set(targets) - set(o.targets)))
    missing = set(o.service) - tried
    if missing:
        return 'services are missing: %s of %s' % (', '.join(missing), ', '.join(sorted(tried)))
    if o.all_services:
        for address in o.targets:
            if not set(o.service) <= set(targets[address].services):
                return '%s: services %s' % (address, ', '.join(targets[address].services))
    return None


def expect(o):
    stubs = connect(o.socket)
    why = None
    for _ in range(60):
        found = stubs.call(INCIDENTS, 'ListIncidents', port=o.port, limit=1000).incidents
        why = faults([stubs.call(INCIDENTS, 'GetIncident', id=i.id) for i in found], o)
        if not why:
            i = stubs.call(INCIDENTS, 'GetIncident', id=found[0].id)
            print('%s, %s: incident %d, %s: %s; %d targets, %d services, %d packets'
                  % (o.port, i.user, i.id, o.kind, i.grounds, i.distinct_targets,
                     i.distinct_services, i.packets))
            return 0
        time.sleep(0.1)
    print('%s: %s' % (o.port, why), file=sys.stderr)
    return 1


# ---- what is done ----

def tcp_attempt(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    s.setblocking(False)
    try:
        s.connect((address, port))
    except BlockingIOError:
        pass
    return s


def worm(o):
    chance = random.Random(5)
    held = []
    for _ in range(60):
        held.append(tcp_attempt('10.%d.%d.%d' % (chance.randrange(100, 256), chance.randrange(256),
                                                chance.randrange(1, 255)), 445))
        time.sleep(0.005)
    return 0


def mac_of(name):
    with open('/sys/class/net/%s/address' % name) as f:
        return bytes.fromhex(f.read().strip().replace(':', ''))


def address_of(net):
    """This station's address in NET, by asking the stack which one it would use."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((net + '.2', 9))
        return socket.inet_aton(s.getsockname()[0])


def arp(o):
    me, ip = mac_of('eth0'), address_of(o.net)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(('eth0', 0))
        for host in range(1, 255):
            target = socket.inet_aton('%s.%d' % (o.net, host))
            if target != ip:
                s.send(b'\xff' * 6 + me + struct.pack('>HHHBBH', 0x806, 1, 0x800, 6, 4, 1) + me + ip
                       + bytes(6) + target + bytes(18))
            time.sleep(0.004)  # below what is cut off as a storm
    return 0


def checksum(data):
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def syn(me, gateway, src, dst, sport, dport):
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 40, 1, 0, 64, 6, 0, src, dst)
    ip = ip[:10] + struct.pack('>H', checksum(ip)) + ip[12:]
    tcp = struct.pack('>HHIIBBHHH', sport, dport, 1, 0, 0x50, 2, 1024, 0, 0)
    pseudo = src + dst + struct.pack('>BBH', 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack('>H', checksum(pseudo + tcp)) + tcp[18:]
    return gateway + me + b'\x08\x00' + ip + tcp + bytes(6)


def flood(o):
    """Frames made beforehand, of addresses and ports by chance; every second one look at a desktop."""
    me, ip = mac_of('eth0'), address_of(o.net)
    gateway = bytes.fromhex(o.gateway.replace(':', ''))
    chance = random.Random()
    frames = [syn(me, gateway, ip, bytes([10, chance.randrange(100, 256), chance.randrange(256),
                                          chance.randrange(1, 255)]),
                  chance.randrange(1024, 65536), chance.randrange(1, 65536)) for _ in range(30000)]
    over, sent, next_look, look = [], 0, 0, 0
    signal.signal(signal.SIGTERM, lambda *_: over.append(True))
    peers = [h for h in range(11, 17) if ip != socket.inet_aton('%s.%d' % (o.net, h))]
    held = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(('eth0', 0))
        while not over or look < len(peers):
            for _ in range(500):
                try:
                    s.send(frames[sent % len(frames)])
                    sent += 1
                except OSError:
                    break
            if time.monotonic() > next_look and look < len(peers):
                held.append(tcp_attempt('%s.%d' % (o.net, peers[look]), 3389))
                look += 1
                next_look = time.monotonic() + 0.5
    print('%d frames' % sent)
    return 0


def burst(o):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for i in range(o.n):
            s.sendto(b'x', (o.address, o.number))
            if i % 50 == 0:
                time.sleep(0.01)
    return 0


# ---- the stream ----

def arrives(o):
    stubs = connect(o.socket)
    request = stubs.request('fusuma.v1.DropService', 'WatchDrops', ports=[o.port], follow=True)
    for e in stubs.method('fusuma.v1.DropService', 'WatchDrops')(request, timeout=60):
        if e.HasField('record') and e.record.service.split(' ')[0] == o.service:
            print('%s: %s has arrived' % (o.port, o.service))
            return 0
    return 1


# ---- ... against the counters ----

def stream(stubs, port):
    """By reason, since the switch started: packets in records, and the last totals of what has none."""
    request = stubs.request('fusuma.v1.DropService', 'WatchDrops', ports=[port])
    recorded, unsaid = {}, {}
    for e in stubs.method('fusuma.v1.DropService', 'WatchDrops')(request, timeout=60):
        if e.HasField('record'):
            r = e.record
            recorded[r.reason] = recorded.get(r.reason, 0) + r.count
        elif e.HasField('unsaid'):
            unsaid[e.unsaid.reason] = e.unsaid.suppressed + e.unsaid.lost
        else:  # the switch was killed: what counts begins after that
            recorded, unsaid = {}, {}
    return {r: recorded.get(r, 0) + unsaid.get(r, 0) for r in {**recorded, **unsaid}}


def counted(stubs, port):
    request = stubs.request('fusuma.v1.CounterService', 'WatchCounters')
    first = next(iter(stubs.method('fusuma.v1.CounterService', 'WatchCounters')(request,
                                                                                timeout=10)))
    for p in first.ports:
        if p.port == port:
            return {**{d.reason: d.packets for d in p.drops}, 'probe': p.probes}
    raise SystemExit('no counters of %s' % port)


def totals(o):
    stubs = connect(o.socket)
    for _ in range(40):  # repeats are told a second later
        told, counts = stream(stubs, o.port), counted(stubs, o.port)
        difference = {r: (told.get(r, 0), counts.get(r, 0)) for r in {**told, **counts}
                      if told.get(r, 0) != counts.get(r, 0)}
        if not difference:
            print('%s: the stream and the counters agree: %s'
                  % (o.port, json.dumps({r: n for r, n in counts.items() if n})))
            return 0
        time.sleep(0.5)
    print('%s: told and counted differ: %s' % (o.port, difference), file=sys.stderr)
    return 1


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest='command', required=True)
    p = commands.add_parser('expect')
    for name in ('socket', 'port', 'user', 'kind'):
        p.add_argument(name)
    p.add_argument('n', type=int)
    p.add_argument('--targets', type=lambda s: s.split(','), default=[])
    p.add_argument('--only', action='store_true', help='and no other targets')
    p.add_argument('--service', action='append', default=[])
    p.add_argument('--all-services', action='store_true', help='of each of the targets')
    commands.add_parser('worm')
    p = commands.add_parser('arp')
    p.add_argument('net')
    p = commands.add_parser('flood')
    p.add_argument('net')
    p.add_argument('gateway')
    p = commands.add_parser('burst')
    p.add_argument('address')
    p.add_argument('number', type=int)
    p.add_argument('n', type=int)
    p = commands.add_parser('arrives')
    for name in ('socket', 'port', 'service'):
        p.add_argument(name)
    p = commands.add_parser('totals')
    p.add_argument('socket')
    p.add_argument('port')
    o = parser.parse_args()
    return globals()[o.command](o)


if __name__ == '__main__':
    sys.exit(main())
