"""Plays captures to a running switch, as one of its desktops: see captures.sh.

    captures.py SOCKET REPORT [--speed N] [--gap S] [--judged FILE] FILE|DIR...

Both ends of every cable are this program: it sends each frame where its sender's port is, and an answer only when
what it answers has come through the switch.  REPORT gets one line of JSON for each capture."""
import argparse
import hashlib
import ipaddress
import json
import os
import select
import socket
import sys
import threading
import time

import grpc

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(HERE, '..', 'system'), HERE]
import capture_cast as cc  # noqa: E402
import capture_file  # noqa: E402
import capture_frame as cf  # noqa: E402
import incidents  # noqa: E402

INCIDENTS, SESSIONS, CONNECTIONS, DROPS = ('fusuma.v1.%sService' % s for s in (
    'Incident', 'Session', 'Conn', 'Drop'))
PORTS = ['gateway', 'server'] + ['d%d' % i for i in range(1, 7)]
PACKET_OUTGOING = 4
ARRIVAL_S = 0.5   # a frame that has not come through by then will not
REPEATS_S = 1.4   # MERGE_NS, in which repeats are told together, and a turn
PROBES_S = 2.5    # SUSPECT_PROBE_S, likewise
RANKS = {'probe': 1, 'port_scan': 2, 'sweep': 2, 'worm': 3}  # what is faster than it was looks worse
ATTEMPTS = ('egress-rule', 'egress-default', 'ingress-rule', 'ingress-default', 'no-policy', 'probe', 'decoy')


class Cables:
    """The far ends of the switch's ports."""

    def __init__(self):
        self.sockets = {}
        self.poll = select.poll()
        self.by_fd = {}
        for name in PORTS:
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            s.bind((name, 0))
            s.setblocking(False)
            self.sockets[name] = self.by_fd[s.fileno()] = s
            self.poll.register(s, select.POLLIN)

    def send(self, port, frame):
        while True:
            try:
                self.sockets[port].send(frame)
                return
            except (BlockingIOError, OSError) as e:
                if not isinstance(e, BlockingIOError) and e.errno != 105:  # ENOBUFS
                    raise
                time.sleep(0.001)

    def arrived(self, timeout):
        """Frames that the switch has sent, after up to so many seconds."""
        for fd, _ in self.poll.poll(timeout * 1000):
            for _ in range(100):
                try:
                    data, where = self.by_fd[fd].recvfrom(65536)
                except BlockingIOError:
                    break
                if where[2] != PACKET_OUTGOING:
                    yield data


class Flow:
    def __init__(self, began, is_open):
        self.began, self.open, self.sent = began, is_open, 0.0


class Player:
    """One capture."""

    def __init__(self, cables, cast, speed, gap):
        self.cables, self.cast, self.speed, self.gap = cables, cast, speed, gap
        self.flows, self.fragments = {}, {}
        self.tried, self.asked = set(), set()
        self.dhcp = Flow(b'', False)  # open: the last request has come through
        self.sent = self.untold = self.oversized = 0

    def port(self, n):
        if n in cc.NEIGHBOURS or n == cc.DESKTOP:
            return 'd%d' % (n - 10)
        return 'server' if n in cc.SERVERS else 'gateway'

    def listen(self, until, flow=None):
        """Takes in what arrives until then, or until the flow is open."""
        while True:
            left = until - time.monotonic()
            for data in self.cables.arrived(max(0, left)):
                f = cf.Frame(data)
                self.dhcp.open |= f.is_dhcp()
                if f.ip and not f.rest and not f.to_all():
                    known = self.flows.get(cc.flow_key(f))
                    if known and known.began == f.src:
                        known.open = True
            if left <= 0 or flow and flow.open:
                return

    def may(self, f, local, sender):
        """Whether the sender would send it, by what has come through so far."""
        if f.rest:
            return self.fragments.get((f.src, f.dst), True)
        flow = self.flows.get(cc.flow_key(f))
        if not flow:
            late = f.protocol == cf.TCP and not f.opens()
            if local and (late or self.is_due_to_another(f, sender)):
                return False  # of a late one: it began before the capture, and would not have begun here
            flow = self.flows[cc.flow_key(f)] = Flow(f.src, late)
            if local:
                self.tried.add((f.src, f.dst))
        if not flow.open and (f.src != flow.began or f.protocol == cf.TCP and not f.opens()):
            self.listen(flow.sent + ARRIVAL_S, flow)
        answer = f.src != flow.began or f.protocol == cf.TCP and not f.opens()
        if not answer and not flow.sent:
            flow.sent = time.monotonic()
        return flow.open or not answer

    def is_due_to_another(self, f, sender):
        """What somebody says because all were asked, and a neighbour because it was itself: the question has not
        come through, for the policy denies what desktops ask each other, and all of them."""
        return (f.dst, f.dport) in self.asked or sender != cc.DESKTOP and (f.dst, f.src) in self.tried

    def play(self, frames):
        before, due = None, time.monotonic()
        for at, f in frames:
            sender = self.cast.sender(f)
            receiver = 0 if f.to_all() or not f.ip else self.cast.station(f.dst)
            inside = [n for n in (sender, receiver) if n in cc.NEIGHBOURS or n == cc.DESKTOP]
            if not inside and not (f.to_all() and sender):
                continue
            if f.type not in (cf.ARP, cf.V4, cf.V6) and sender != cc.DESKTOP:
                continue
            local = sender >= cc.DESKTOP and receiver >= cc.DESKTOP
            if f.type == cf.ARP and not f.to_all() and sender in cc.NEIGHBOURS:
                continue  # an answer: the switch has given it
            due += min(max(0, at - before) / self.speed, self.gap) if before is not None else 0
            before = at if before is None else max(at, before)
            self.listen(due)
            frames_ = cf.rewrite(f, self.cast)
            if f.ip and f.protocol == cf.UDP and f.to_all():
                self.asked.add((f.src, f.sport))
            self.oversized += not frames_
            tell = f.to_all() or not f.ip or f.is_error() or f.is_nd() or self.may(f, local, sender)
            if f.fragment:
                self.fragments[f.src, f.dst] = tell
            if not tell:
                self.untold += 1
                continue
            self.dhcp.open &= not f.is_dhcp()
            for frame in frames_:
                self.cables.send(self.port(sender), frame)
                self.sent += 1
            if f.is_dhcp():
                self.listen(time.monotonic() + ARRIVAL_S, self.dhcp)
        self.listen(time.monotonic() + ARRIVAL_S)


class Drops(threading.Thread):
    """Counts what was denied to single stations, as it is told."""

    def __init__(self, stubs):
        super().__init__(daemon=True)
        self.attempts = self.probes = 0
        request = stubs.request(DROPS, 'WatchDrops', follow=True, only_new=True)
        self.stream = stubs.method(DROPS, 'WatchDrops')(request)
        self.start()

    def run(self):
        try:
            for event in self.stream:
                if event.HasField('record'):
                    self.count(event.record)
        except grpc.RpcError:
            pass


    def count(self, record):
        self.probes += record.reason == 'probe'
        if record.reason in ATTEMPTS and not int(record.dst_mac[:2], 16) & 1:
            self.attempts += record.count


class Office:
    def __init__(self, path):
        self.stubs = incidents.connect(path)
        self.drops = Drops(self.stubs)
        self.number, self.open, self.captures, self.last = 0, [], {}, None

    def newcomers(self, ports, said):
        """Other users: nothing that was tried before is theirs.  'said' gets what they will be found to do."""
        self.number, self.last = self.number + 1, said
        for s in self.open:
            self.stubs.call(SESSIONS, 'Logout', broker_session=s)
        self.open = ['%s-%d' % (port, self.number) for port in ports]
        for port, s in zip(ports, self.open):
            self.captures['user-' + s] = said
            self.stubs.call(SESSIONS, 'Login', port=port, user='user-' + s, broker_session=s)
        self.stubs.call(CONNECTIONS, 'FlushConnections', all=True)

    def close(self, seconds):
        """Takes what has been found after so long to the capture that it is of, and closes it.  A busy machine
        is late: it may be an earlier one's, and a late record opens one that has been seen again."""
        time.sleep(seconds)
        for i in self.stubs.call(INCIDENTS, 'ListIncidents', open=True, limit=100).incidents:
            said = self.captures.get(i.user, self.last)
            if i.port not in (other['port'] for other in said['incidents']):
                said['incidents'].append(as_said(self.stubs.call(INCIDENTS, 'GetIncident', id=i.id), said['names']))
            self.stubs.call(INCIDENTS, 'CloseIncident', id=i.id, text='seen')


def frames_of(path):
    for at, link, data in capture_file.packets(path):
        frame = capture_file.ethernet(link, data)
        if frame:
            yield at, cf.Frame(frame)


def as_said(incident, old):
    """An incident in words that do not depend on the run; 'old' has the capture's own addresses."""
    return {'port': incident.port, 'user': incident.user, 'grounds': incident.grounds,
            'kind': incidents.enum_name(incident, 'kind').replace('INCIDENT_KIND_', '').lower(),
            'severity': incidents.enum_name(incident, 'severity').replace('INCIDENT_SEVERITY_', '').lower(),
            'services': {s.service: s.targets for s in incident.services[:12]},
            'targets': ['%s %s' % (old.get(t.address, t.address), ' '.join(t.services[:4]))
                        for t in incident.targets[:12]],
            'distinct': [incident.distinct_targets, incident.distinct_services]}


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


def replay(path, sha256, office, cables, o):
    said = {'name': path, 'sha256': sha256, 'names': {}, 'incidents': []}
    try:
        scene = cc.Scene(f for _, f in frames_of(path))
    except capture_file.Unreadable:
        return dict(said, skipped='no capture')
    desktop = scene.desktop()
    if not desktop:
        return dict(said, skipped='no desktop')
    cast = cc.Cast(scene, desktop)
    office.newcomers(['d1'] + ['d%d' % (n - 10) for n in sorted(set(cast.stations.values())) if n in cc.NEIGHBOURS],
                     said)
    attempts, probes, begin = office.drops.attempts, office.drops.probes, time.monotonic()
    player = Player(cables, cast, o.speed, o.gap)
    player.play(frames_of(path))
    took = time.monotonic() - begin
    said['names'] = {str(ipaddress.ip_address(new)): str(ipaddress.ip_address(a)) for a, new in cast.renamed.items()}
    time.sleep(0.1)
    office.close(PROBES_S if office.drops.probes > probes else REPEATS_S if office.drops.attempts > attempts else 0)
    times = [at for at, _, _ in capture_file.packets(path)]
    spans = [max(0, b - a) for a, b in zip(times, times[1:])]
    said.update(desktop=str(ipaddress.ip_address(desktop)), sent=player.sent, untold=player.untold,
                oversized=player.oversized, attempts=office.drops.attempts - attempts,
                flows=len(player.flows), opened=sum(f.open for f in player.flows.values()),
                span=round(sum(min(s, 60) for s in spans), 1), took=round(took, 1))
    return said


def files_of(paths):
    for path in paths:
        if os.path.isdir(path):
            for where, folders, names in os.walk(path):
                folders.sort()
                yield from (os.path.join(where, n) for n in sorted(names))
        else:
            yield path


def judgements(path):
    """(sha256, port) -> (the worst kind that is right, why)."""
    found = {}
    if path:
        with open(path) as f:
            for line in f:
                if line.strip() and not line.startswith('#'):
                    sha, port, kind, verdict = line.rstrip('\n').split(None, 3)
                    found[sha, port] = kind, verdict
    return found


def main():
    p = argparse.ArgumentParser()
    p.add_argument('socket')
    p.add_argument('report')
    p.add_argument('paths', nargs='+')
    p.add_argument('--speed', type=float, default=50)
    p.add_argument('--gap', type=float, default=0.05)
    p.add_argument('--judged')
    o = p.parse_args()
    for path in o.paths:
        if not os.path.exists(path):
            sys.exit('%s: there is no such file' % path)
    office, cables = Office(o.socket), Cables()
    teller = Teller(o.report, judgements(o.judged))
    seen = set()
    for path in files_of(o.paths):
        sha256 = digest(path)
        if sha256 not in seen:
            seen.add(sha256)
            teller.take(replay(path, sha256, office, cables, o))
    office.close(2 * PROBES_S)
    teller.finish()
    return 1 if teller.unjudged else 0


class Teller:
    """Tells of captures, a few behind: what is found late belongs to one that has been played."""
    BEHIND = 8

    def __init__(self, path, judged):
        self.report, self.judged = open(path, 'w'), judged
        self.waiting, self.total, self.unjudged = [], {}, 0

    def take(self, said):
        self.waiting.append(said)
        if len(self.waiting) > self.BEHIND:
            self.tell(self.waiting.pop(0))

    def tell(self, said):
        del said['names']
        self.report.write(json.dumps(said) + '\n')
        self.report.flush()
        self.unjudged += tell(said, self.judged)
        add(self.total, said)

    def finish(self):
        for said in self.waiting:
            self.tell(said)
        self.report.close()
        print(', '.join('%d %s' % (n, what) for what, n in self.total.items()))


def tell(said, judged):
    """One line for each incident.  How many of them nobody has judged right."""
    n = 0
    for i in said.get('incidents', ()):
        kind, verdict = judged.get((said['sha256'][:16], i['port']), ('', ''))
        right = RANKS.get(kind, 0) >= RANKS[i['kind']] and verdict
        n += not right
        print('%s: %s of %s, %s (%s): %s; %s: %s' % (
            said['name'], i['port'], said['desktop'], i['kind'], i['severity'], i['grounds'],
            ', '.join('%s of %d' % s for s in i['services'].items()), right or 'nobody has judged it'), flush=True)
    return n


def add(total, said):
    if 'skipped' in said:
        what = 'captures without a desktop' if said['skipped'] == 'no desktop' else 'that are none'
        total[what] = total.get(what, 0) + 1
        return
    for what, n in (('captures played', 1), ('frames', said['sent']), ('conversations', said['flows']),
                    ('let through', said['opened']), ('denied packets', said['attempts']),
                    ('incidents', len(said['incidents']))):
        total[what] = total.get(what, 0) + n


if __name__ == '__main__':
    sys.exit(main())
