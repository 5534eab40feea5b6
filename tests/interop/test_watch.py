#!/usr/bin/python3
"""A controller written with a stock gRPC client (grpcio) lists and watches a live switch.

It is told of every change of ports, policy, bindings and quarantine; it goes on where it was after
its connection broke, and begins anew when the switch was restarted; when it does not read it misses
no last state.  swctl watch does the same on its terminal."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import grpc
from google.protobuf import json_format

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import test_controller as controller  # noqa: E402
from test_controller import BUILD, check, comes_true, ns, sh, status_of  # noqa: E402

PORTS, POLICY, BINDINGS, QUARANTINE = 1, 2, 3, 4
ADDED, CHANGED, REMOVED, SYNCED, RESET = 1, 2, 3, 4, 5
UP, DOWN = 2, 1
WATCH = 'fusuma.v1.WatchService'
N_PORTS = 200


def name_of(event):
    """The kind of the event's object, and its name."""
    kind = event.WhichOneof('object')
    if kind == 'port':
        return kind, event.port.spec.name
    if kind == 'binding':
        return kind, event.binding.port, event.binding.ip
    return (kind, event.quarantine.id[len('port:'):]) if kind == 'quarantine' else (kind,)


class Controller:
    """What docs/controller.md says that a controller does."""

    def __init__(self):
        self.state = {}
        self.position = None
        self.unconfirmed = set()
        self.resets = 0
        self.risen = True
        self.events = []

    def open(self, stubs, *kinds, **options):
        request = stubs.request(WATCH, 'Watch', kinds=kinds)
        if self.position:
            request.resume.epoch, request.resume.revision = self.position
        else:
            self.unconfirmed = set(self.state)
        self.stream = stubs.method(WATCH, 'Watch')(request, timeout=options.get('timeout', 600))
        self.events = []
        return self

    def take(self, event):
        self.events.append(event)
        if event.HasField('position'):
            position = (event.position.epoch, event.position.revision)
            self.risen = self.risen and (not self.position or self.position[0] != position[0]
                                         or self.position[1] <= position[1])
            self.position = position
        if event.type == RESET:
            self.position, self.unconfirmed = None, set(self.state)
            self.resets += 1
        elif event.type == SYNCED:
            for name in self.unconfirmed:
                del self.state[name]
            self.unconfirmed = set()
        elif event.type == REMOVED:
            self.state.pop(name_of(event), None)
        else:
            self.state[name_of(event)] = getattr(event, event.WhichOneof('object'))
            self.unconfirmed.discard(name_of(event))
        return event

    def until(self, condition):
        """Reads up to the first event of which 'condition' holds, and returns it."""
        for event in self.stream:
            if condition(self.take(event)):
                return event
        return None

    def sync(self):
        return self.until(lambda e: e.type == SYNCED)

    def expect(self, type_, *name):
        return self.until(lambda e: e.type == type_ and name_of(e) == name)

    def names(self, kind):
        return sorted(n[1] for n in self.state if n[0] == kind)


def port_of(stubs, number):
    """A port that waits for its guest; no small object."""
    name = 'vd%03d' % number
    spec = stubs.type('fusuma.v1.PortSpec')(
        name=name, role=1, user='user%d' % number, labels={'note': 'n' * 1000}, mac='02:00:00:00:%02x:%02x' % divmod(number, 256),
        ips=['10.77.%d.%d' % divmod(number, 256)])
    spec.vhost_user.socket = name + '.sock'
    return spec


def add_port(stubs, number):
    stubs.call('fusuma.v1.PortService', 'AddPort', spec=port_of(stubs, number))


def delete_port(stubs, number):
    stubs.call('fusuma.v1.PortService', 'DeletePort', name='vd%03d' % number)


def apply(stubs, rules):
    lines = ['version: 1', 'rules:'] + [
        '  - { id: r%d, direction: egress, peer: any, protocol: tcp, ports: [%d], action: allow }'
        % (i, 1000 + i) for i in range(rules)]
    return stubs.call('fusuma.v1.PolicyService', 'ApplyPolicy', yaml='\n'.join(lines) + '\n')


def quarantine(stubs, name, on=True):
    if on:
        stubs.call('fusuma.v1.QuarantineService', 'Quarantine', port=name)
    else:
        stubs.call('fusuma.v1.QuarantineService', 'Release', port=name, reason='over')


def lists_and_follows(stubs):
    """Every kind, as it happens."""
    c = Controller().open(stubs)
    first = c.sync()
    check('an empty switch is in sync at once', first and c.events == [first] and not c.state)
    add_port(stubs, 1)
    event = c.expect(ADDED, 'port', 'vd001')
    check('ADDED port', event and event.port.spec.user == 'user1' and event.port.state == DOWN
          and event.port.generation > 0 and event.position.epoch == first.position.epoch)
    event = c.expect(ADDED, 'binding', 'vd001', '10.77.0.1')
    check('ADDED binding', event and event.binding.how == 'given')
    reply = apply(stubs, 2)
    event = c.expect(ADDED, 'policy')
    check('ADDED policy: what is in force, by generation and digest',
          event and (event.policy.generation, event.policy.digest, event.policy.rules, event.policy.version)
          == (reply.generation, reply.digest, 2, reply.version)
          and not event.policy.HasField('confirm_by'))
    reply = apply(stubs, 3)
    event = c.expect(CHANGED, 'policy')
    check('CHANGED policy', event and event.policy.digest == reply.digest)
    stubs.call('fusuma.v1.PolicyService', 'ApplyPolicy', confirm_within_s=600,
               yaml='version: 1\nrules: []\n')
    check('CHANGED policy: to be confirmed',
          c.until(lambda e: name_of(e) == ('policy',) and e.policy.HasField('confirm_by')))
    stubs.call('fusuma.v1.PolicyService', 'ConfirmPolicy')
    check('CHANGED policy: for good',
          c.until(lambda e: name_of(e) == ('policy',) and not e.policy.HasField('confirm_by')))
    before = int(time.time())
    quarantine(stubs, 'vd001')
    event = c.expect(CHANGED, 'port', 'vd001')
    check('CHANGED port: in quarantine', event and event.port.quarantined)
    event = c.expect(ADDED, 'quarantine', 'vd001')
    check('ADDED quarantine, with its time',
          event and before <= event.quarantine.since.seconds <= time.time())
    quarantine(stubs, 'vd001', False)
    check('REMOVED quarantine', c.expect(REMOVED, 'quarantine', 'vd001'))
    delete_port(stubs, 1)
    check('REMOVED port', c.expect(REMOVED, 'port', 'vd001'))
    check('REMOVED binding', c.expect(REMOVED, 'binding', 'vd001', '10.77.0.1'))
    c.stream.cancel()
    check('positions rose', c.risen)


def is_learned(event):
    return (event.type == ADDED and event.WhichOneof('object') == 'binding'
            and event.binding.how == 'link-local')


def learns(stubs):
    """A cable that is pulled, and an address that a real kernel chooses."""
    c = Controller().open(stubs, PORTS, BINDINGS)
    c.sync()
    stubs.call('fusuma.v1.PortService', 'AddPort', spec=controller.port_spec(stubs, 'alice', 1))
    check('a port on a cable is up', c.until(lambda e: name_of(e) == ('port', 'alice')
                                             and e.port.state == UP))
    sh('ip', '-n', ns('alice'), 'link', 'set', 'eth0', 'down')
    check('CHANGED port: down, when the cable is pulled',
          c.until(lambda e: name_of(e) == ('port', 'alice') and e.port.state == DOWN))
    sh('ip', '-n', ns('alice'), 'link', 'set', 'eth0', 'addrgenmode', 'random')
    sh('ip', '-n', ns('alice'), 'link', 'set', 'eth0', 'up')
    check('CHANGED port: up again',
          c.until(lambda e: name_of(e) == ('port', 'alice') and e.port.state == UP))
    # It may be bound before the link is seen to be up.
    learned = next((e for e in c.events if is_learned(e)), None) or c.until(is_learned)
    listed = stubs.call('fusuma.v1.PortService', 'ListBindings', port='alice').bindings
    check('ADDED binding: learned', learned.binding.ip in [b.ip for b in listed])
    stubs.call('fusuma.v1.PortService', 'DeletePort', name='alice')
    check('it is gone with its port', c.expect(REMOVED, 'binding', 'alice', learned.binding.ip))
    c.stream.cancel()


def filters_and_refuses(stubs):
    only = Controller().open(stubs, QUARANTINE)
    only.sync()
    add_port(stubs, 1)
    quarantine(stubs, 'vd001')
    check('kinds that were not asked for are silent',
          name_of(only.until(lambda e: True)) == ('quarantine', 'vd001'))
    only.stream.cancel()
    watch = stubs.method(WATCH, 'Watch')
    code, text = status_of(lambda: next(watch(stubs.request(WATCH, 'Watch', kinds=[1, 9]))))
    check('a kind that there is not: %s' % text,
          code == grpc.StatusCode.INVALID_ARGUMENT and 'kinds: 9' in text)
    code, text = status_of(lambda: next(watch(stubs.request(WATCH, 'Watch', kinds=[0]))))
    check('no kind: %s' % text, code == grpc.StatusCode.INVALID_ARGUMENT)
    position = {'epoch': only.position[0], 'revision': only.position[1] + 1000}
    code, text = status_of(lambda: next(watch(stubs.request(WATCH, 'Watch', resume=position))))
    check('a position yet to come: %s' % text,
          code == grpc.StatusCode.INVALID_ARGUMENT and 'resume' in text)
    streams = []
    code = None
    while code is None and len(streams) < 100:
        streams.append(watch(stubs.request(WATCH, 'Watch', kinds=[POLICY])))
        try:
            next(streams[-1])
        except grpc.RpcError as error:
            code = error.code()
    check('the 65th watch is RESOURCE_EXHAUSTED',
          code == grpc.StatusCode.RESOURCE_EXHAUSTED and len(streams) == 65)
    for stream in streams:
        stream.cancel()
    check('and there is room again when they are gone',
          comes_true(lambda: status_of(lambda: next(watch(stubs.request(
              WATCH, 'Watch', kinds=[POLICY], ), timeout=5)))[0] == grpc.StatusCode.OK))


def resumes(stubs):
    """The connection breaks; meanwhile things change, more than once."""
    c = Controller().open(stubs)
    c.sync()
    before = dict(c.state)
    c.stream.cancel()
    quarantine(stubs, 'vd001', False)
    add_port(stubs, 2)
    add_port(stubs, 3)
    delete_port(stubs, 3)
    reply = apply(stubs, 1)
    reply = apply(stubs, 4)
    c.open(stubs).sync()
    kinds = [(e.type, *name_of(e)) for e in c.events[:-1]]
    check('a resumed watch is given what was missed, each object once',
          len(kinds) == len({k[1:] for k in kinds})
          and {(REMOVED, 'quarantine', 'vd001'), (ADDED, 'port', 'vd002'), (CHANGED, 'policy'),
               (CHANGED, 'port', 'vd001')} < set(kinds)
          and not any(k[1:] == ('binding', 'vd001', '10.77.0.1') for k in kinds))
    check('without a RESET', c.resets == 0 and c.risen)
    check('and knows what is', c.names('port') == ['vd001', 'vd002'] and c.names('quarantine') == []
          and c.state[('policy',)].digest == reply.digest
          and c.state[('port', 'vd001')] != before[('port', 'vd001')])
    c.stream.cancel()
    position = {'epoch': c.position[0] ^ 1, 'revision': c.position[1]}
    stream = stubs.method(WATCH, 'Watch')(stubs.request(WATCH, 'Watch', resume=position), timeout=20)
    first = next(stream)
    check('the position of another start is a RESET, which has none itself',
          first.type == RESET and not first.HasField('position'))
    stream.cancel()


class Swctl:
    """swctl watch on a terminal, so to say."""
    all = []

    def __init__(self, directory, *words):
        self.process = subprocess.Popen(
            [os.path.join(BUILD, 'bin/swctl'), '--target', 'unix:%s/run/vswitchd.sock' % directory,
             'watch', *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        Swctl.all.append(self)
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip('\n'))

    def says(self, *words):
        return comes_true(lambda: any(all(w in line for w in words) for line in self.lines), 60)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()


def many_ports(stubs, directory):
    """200 ports, ten watchers, one of which does not read."""
    watchers = [Controller().open(stubs) for _ in range(9)]
    for c in watchers:
        c.sync()
    stalled = Swctl(directory, '-o', 'json')
    stalled.says('SYNCED')
    stalled.process.send_signal(signal.SIGSTOP)
    for i in range(4, N_PORTS + 1):
        add_port(stubs, i)
    for _ in range(20):
        for i in range(4, N_PORTS + 1, 4):
            quarantine(stubs, 'vd%03d' % i)
            quarantine(stubs, 'vd%03d' % i, False)
    stubs.call('fusuma.v1.QuarantineService', 'Quarantine', port='vd200', comment='INC-12')
    add_port(stubs, 3)
    want = ['vd%03d' % i for i in range(1, N_PORTS + 1)]
    for c in watchers:
        c.until(lambda e: name_of(e)[:2] == ('binding', 'vd003') and len(c.names('binding')) >= 400)
    check('nine watchers know 200 ports', all(c.names('port') == want for c in watchers))
    check('with their 400 bindings, and the one quarantine',
          all(len(c.names('binding')) == 400 and c.names('quarantine') == ['vd200'] for c in watchers))
    check('and positions rose', all(c.risen for c in watchers))
    stalled.process.send_signal(signal.SIGCONT)
    check('one that did not read catches up', stalled.says('"binding"', '"vd003"', 'fe80::'))
    stalled.stop()
    late = Controller()
    for line in stalled.lines:
        late.take(json_format.Parse(line, stubs.type('fusuma.v1.WatchEvent')()))
    check('and knows the same', late.state == watchers[0].state)
    check('of %d events it was given each object\'s last: %d in all'
          % (len(watchers[0].events), len(late.events)),
          len(late.events) < len(watchers[0].events) * 3 / 4)
    for c in watchers:
        c.stream.cancel()
    fresh = Controller().open(stubs)
    fresh.sync()
    check('a new list is the same', fresh.state == late.state
          and len(fresh.events) == N_PORTS * 3 + 3)
    fresh.stream.cancel()
    return fresh


def after_restart(stubs, c):
    """c has a position of the switch before."""
    before = dict(c.state)
    c.state['port', 'nobody'] = None  # of which the list will not tell
    c.open(stubs).sync()
    check('after a restart: RESET, first of all', c.resets == 1 and c.events[0].type == RESET
          and all(e.type == ADDED for e in c.events[1:-1]))
    check('then all there is, and nothing else', set(c.state) == set(before))
    check('the quarantine is there: since when, by whom, and why',
          c.names('quarantine') == ['vd200']
          and c.state['quarantine', 'vd200'].SerializeToString()
          == before['quarantine', 'vd200'].SerializeToString()
          and c.state['quarantine', 'vd200'].HasField('since')
          and c.state['quarantine', 'vd200'].who.startswith('uid ')
          and c.state['quarantine', 'vd200'].comment == 'INC-12')
    check('the policy is the same, of a new generation',
          c.state[('policy',)].digest == before[('policy',)].digest)
    quarantine(stubs, 'vd200', False)
    check('and it goes on', c.expect(REMOVED, 'quarantine', 'vd200'))
    c.stream.cancel()


def run(directory):
    switch = controller.Switch(directory)
    try:
        for step in (lists_and_follows, learns, filters_and_refuses, resumes):
            step(switch.stubs)
        terminal = Swctl(directory, 'quarantine', 'policy')
        check('swctl watch lists', terminal.says('-- ', 'from here on'))
        c = many_ports(switch.stubs, directory)
        check('swctl watch follows', terminal.says('added', 'quarantine', 'vd200', 'since 2'))
    finally:
        switch.kill()
    check('swctl watch says that the switch is gone', terminal.says('swctl:', 'trying again'))
    switch = controller.Switch(directory)
    try:
        after_restart(switch.stubs, c)
        check('swctl watch is there again, and begins anew', terminal.says('-- forget')
              and terminal.says('removed', 'quarantine', 'vd200'))
    finally:
        code = switch.stop()
    check('the switch stops cleanly', code == 0)


def main():
    directory = tempfile.mkdtemp(prefix='fsc')
    os.makedirs(directory + '/run')
    os.makedirs(directory + '/state')
    try:
        controller.build_network()
        run(directory)
    finally:
        for swctl in Swctl.all:
            swctl.stop()
        controller.remove_network()
        if controller.failures or sys.exc_info()[0]:
            with open(directory + '/vswitchd.log', errors='replace') as f:
                print('--- the switch said:\n' + f.read()[-4000:])
            for what in controller.failures:
                print('FAILED: ' + what)
        shutil.rmtree(directory)
    return 1 if controller.failures else 0


if __name__ == '__main__':
    sys.exit(main())
