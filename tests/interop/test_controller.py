#!/usr/bin/python3
"""A controller written with a stock gRPC client (grpcio) drives a live switch.

It adds ports, applies a policy, receives the drop records of a denied connection, and quarantines;
bad requests get the right status and change nothing.  Desktops and server are network namespaces with
real kernel stacks; messages are built from the descriptor set of the .proto files."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import grpc

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from rpc_stubs import Stubs  # noqa: E402

TOP = os.environ.get('top_srcdir') or os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
BUILD = os.environ.get('top_builddir') or os.path.join(TOP, 'build')
TAG = 'fsc%d' % os.getpid()
HOSTS = {'alice': ('02:00:00:00:01:01', '10.98.0.11'),
         'bob': ('02:00:00:00:01:02', '10.98.0.12'),
         'server': ('02:00:00:00:01:99', '10.98.0.99')}
POLICY = '''version: 1
groups:
  servers: { cidrs: [10.98.0.99/32] }
rules:
  - { id: ping, direction: egress, peer: servers, protocol: icmp, icmp: [8], action: allow }
'''
failures = []


def check(what, ok):
    print('%-66s %s' % (what, 'ok' if ok else 'FAILED'), flush=True)
    if not ok:
        failures.append(what)


def sh(*command, **kw):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kw)


def ns(name):
    return '%s-%s' % (TAG, name)


def build_network():
    """One namespace for the switch, one for each host, a cable between."""
    sh('ip', 'netns', 'add', ns('switch'))
    for name, (mac, ip) in HOSTS.items():
        sh('ip', 'netns', 'add', ns(name))
        sh('ip', 'link', 'add', 'eth0', 'netns', ns(name), 'address', mac,
           'type', 'veth', 'peer', 'name', name, 'netns', ns('switch'))
        sh('ip', '-n', ns('switch'), 'link', 'set', name, 'up')
        sh('ip', '-n', ns(name), 'link', 'set', 'lo', 'up')
        sh('ip', '-n', ns(name), 'link', 'set', 'eth0', 'up')
        sh('ip', '-n', ns(name), 'addr', 'add', ip + '/24', 'dev', 'eth0')


def remove_network():
    for name in list(HOSTS) + ['switch']:
        subprocess.run(['ip', 'netns', 'del', ns(name)], stderr=subprocess.DEVNULL, check=False)


def ping(source, target, count=2):
    return subprocess.run(['ip', 'netns', 'exec', ns(source), 'ping', '-c', str(count), '-W', '1',
                           '-i', '0.2', HOSTS[target][1]], stdout=subprocess.DEVNULL,
                          check=False).returncode == 0


def comes_true(condition, seconds=20):
    deadline = time.time() + seconds
    while not condition():
        if time.time() > deadline:
            return False
        time.sleep(0.2)
    return True


def status_of(call, *args, **kw):
    try:
        call(*args, **kw)
        return grpc.StatusCode.OK, ''
    except grpc.RpcError as error:
        return error.code(), error.details()


def descriptor_set():
    with open(os.path.join(BUILD, 'proto/fusuma.protoset'), 'rb') as f:
        return f.read()


def port_spec(stubs, name, role):
    mac, ip = HOSTS[name]
    spec = stubs.type('fusuma.v1.PortSpec')(
        name=name, role=role, user=name if role == 1 else '',
        mac=mac if role == 1 else '', ips=[ip] if role == 1 else [])
    spec.af_packet.interface = name
    if role == 1:
        spec.labels['pool'] = 'sales'
    return spec


def add_ports(stubs):
    for name in HOSTS:
        role = 2 if name == 'server' else 1
        port = stubs.call('fusuma.v1.PortService', 'AddPort', spec=port_spec(stubs, name, role))
        check('AddPort %s' % name, port.spec.name == name and port.generation > 0)
    listed = stubs.call('fusuma.v1.PortService', 'ListPorts').ports
    check('ListPorts names them all', sorted(p.spec.name for p in listed) == sorted(HOSTS))
    code, text = status_of(stubs.call, 'fusuma.v1.PortService', 'AddPort',
                           spec=port_spec(stubs, 'alice', 1))
    check('a duplicate is ALREADY_EXISTS: %s' % text, code == grpc.StatusCode.ALREADY_EXISTS)
    bad = port_spec(stubs, 'alice', 1)
    bad.name, bad.mac, bad.af_packet.interface = 'x', '02:00:00:00:09:09', 'nosuch0'
    bad.ips[:] = ['10.98.0.200']
    code, text = status_of(stubs.call, 'fusuma.v1.PortService', 'AddPort', spec=bad)
    check('a missing interface is NOT_FOUND: %s' % text, code == grpc.StatusCode.NOT_FOUND)
    bad.name = 'no such name!'
    code, text = status_of(stubs.call, 'fusuma.v1.PortService', 'AddPort', spec=bad)
    check('a bad name is INVALID_ARGUMENT: %s' % text, code == grpc.StatusCode.INVALID_ARGUMENT)
    bad.name = 'long'
    bad.vhost_user.socket = '/tmp/' + 'x' * 110
    code, text = status_of(stubs.call, 'fusuma.v1.PortService', 'AddPort', spec=bad)
    check('a socket path that is too long is INVALID_ARGUMENT', code == grpc.StatusCode.INVALID_ARGUMENT)
    listed = stubs.call('fusuma.v1.PortService', 'ListPorts').ports
    check('refused requests changed nothing', len(listed) == len(HOSTS))


def apply_policy(stubs):
    check('without a policy nothing passes', not ping('alice', 'server'))
    reply = stubs.call('fusuma.v1.PolicyService', 'ApplyPolicy', yaml=POLICY)
    check('ApplyPolicy', reply.rules == 1 and len(reply.digest) == 64)
    took = reply.elapsed
    check('what took time is part of the whole', min(took.parse_us, took.compile_us, took.store_us,
                                                     took.publish_us) > 0 and
          took.total_us >= took.parse_us + took.compile_us + took.store_us + took.publish_us)
    check('what it allows passes', ping('alice', 'server'))
    code, text = status_of(stubs.call, 'fusuma.v1.PolicyService', 'ApplyPolicy',
                           yaml=POLICY.replace('peer: servers', 'peer: nobody'))
    check('an unknown group is INVALID_ARGUMENT: %s' % text,
          code == grpc.StatusCode.INVALID_ARGUMENT and 'line 5' in text)
    policy = stubs.call('fusuma.v1.PolicyService', 'GetPolicy')
    check('GetPolicy returns it byte for byte, with hits',
          policy.yaml == POLICY and policy.digest == reply.digest and policy.rules[0].packets > 0)


def receive_drops(stubs):
    request = stubs.request('fusuma.v1.DropService', 'WatchDrops', follow=True, ports=['alice'],
                            only_new=True)
    stream = stubs.method('fusuma.v1.DropService', 'WatchDrops')(request, timeout=20)
    # Each attempt is a flow of its own: one of them comes after the stream has begun.
    for _ in range(3):
        subprocess.run(['ip', 'netns', 'exec', ns('alice'), 'curl', '-s', '-m', '1', '-o', '/dev/null',
                        'http://%s:445/' % HOSTS['bob'][1]], check=False)
    record = None
    for event in stream:
        if event.WhichOneof('event') == 'record' and event.record.dst_port == 445:
            record = event.record
            break
    stream.cancel()
    check('a denied connection is a record with user, destination and port',
          record is not None and record.port == 'alice' and record.user == 'alice'
          and record.src_ip == HOSTS['alice'][1] and record.dst_ip == HOSTS['bob'][1]
          and record.peer_port == 'bob' and record.reason == 'egress-default'
          and record.rule == 'default-egress' and len(record.packet) >= 54)
    if record is None:
        return
    request = stubs.request('fusuma.v1.DropService', 'WatchDrops')
    request.resume.epoch, request.resume.n = record.cursor.epoch, record.cursor.n - 1
    again = next(iter(stubs.method('fusuma.v1.DropService', 'WatchDrops')(request, timeout=5)))
    check('a resumed stream begins where it was asked to', again.record.cursor == record.cursor)


def quarantine(stubs):
    receipt = stubs.call('fusuma.v1.QuarantineService', 'Quarantine', port='alice')
    check('Quarantine gives a receipt', receipt.quarantined and receipt.generation > 0)
    check('it cannot reach even the server', not ping('alice', 'server'))
    check('others can', ping('bob', 'server'))
    stubs.call('fusuma.v1.QuarantineService', 'Release', port='alice', reason='over')
    check('released, it can again', ping('alice', 'server'))
    code, _ = status_of(stubs.call, 'fusuma.v1.QuarantineService', 'Quarantine', port='nobody')
    check('an unknown port is NOT_FOUND', code == grpc.StatusCode.NOT_FOUND)


SETS = 'fusuma.v1.AddressSetService'
SETS_POLICY = '''version: 1
address_sets:
  peers: { stale_after: 3600 }
rules:
  - { id: to, direction: egress, peer: peers, protocol: icmp, icmp: [8], action: allow }
  - { id: from, direction: ingress, peer: peers, protocol: icmp, icmp: [8], action: allow }
'''


def set_of(stubs, name):
    return list(stubs.call(SETS, 'GetAddressSet', name=name).prefixes)


def patch_address_sets(stubs):
    """What the controller of many hosts does: it puts once, then patches, and confirms."""
    bob = HOSTS['bob'][1]
    code, text = status_of(stubs.call, SETS, 'PatchAddressSet', name='peers', add=[bob])
    check('a patch of a set that is not there is NOT_FOUND', code == grpc.StatusCode.NOT_FOUND)
    first = stubs.call(SETS, 'PutAddressSet', name='peers', prefixes=[], has_expected=True)
    check('PutAddressSet', first.revision > 0 and first.prefix_count == 0 and not first.in_policy and
          not first.HasField('elapsed'))
    code, text = status_of(stubs.call, SETS, 'PutAddressSet', name='peers', has_expected=True)
    check('once more is ABORTED: %s' % text, code == grpc.StatusCode.ABORTED)
    stubs.call('fusuma.v1.PolicyService', 'ApplyPolicy', yaml=SETS_POLICY)
    check('without members nothing passes', not ping('alice', 'bob'))
    both = ['%s/32' % HOSTS[name][1] for name in ('alice', 'bob')]
    added = stubs.call(SETS, 'PatchAddressSet', name='peers', expected_revision=first.revision,
                       add=[bob, HOSTS['alice'][1], bob + '/32'])
    check('PatchAddressSet', (added.added, added.removed, added.in_policy) == (2, 0, True) and
          added.revision > first.revision and set_of(stubs, 'peers') == both)
    check('and how long it took', added.elapsed.total_us >= added.elapsed.store_us +
          added.elapsed.publish_us > 0)
    check('what it allows passes', ping('alice', 'bob'))
    workers = stubs.call('fusuma.v1.SystemService', 'ListWorkers').workers
    check('its generation is in force on every worker',
          all(w.generation >= added.generation for w in workers))
    code, text = status_of(stubs.call, SETS, 'PatchAddressSet', name='peers',
                           expected_revision=first.revision, add=['10.1.0.1'])
    check('an old revision is ABORTED: %s' % text, code == grpc.StatusCode.ABORTED)
    for fields, want in (({'add': ['10.1.0.1', '10.0.0.1/8']}, 'add[1]: "10.0.0.1/8": host bits are set'),
                         ({'remove': ['x']}, 'remove[0]: "x": not an IPv4 or IPv6 address'),
                         ({'add': ['::1'], 'remove': ['::2', '0:0::1']},
                          'add[0]: "::1/128" is in remove, too')):
        code, text = status_of(stubs.call, SETS, 'PatchAddressSet', name='peers', **fields)
        check('INVALID_ARGUMENT: %s' % text, code == grpc.StatusCode.INVALID_ARGUMENT and text == want)
    check('refused patches changed nothing', set_of(stubs, 'peers') == both)
    confirmed = stubs.call(SETS, 'PatchAddressSet', name='peers', expected_revision=added.revision)
    check('an empty patch confirms it, and changes nothing',
          (confirmed.revision, confirmed.generation) == (added.revision, added.generation))
    stubs.call(SETS, 'PatchAddressSet', name='peers', remove=[bob])
    check('what is taken out is cut', not ping('alice', 'bob'))
    listed = stubs.call(SETS, 'ListAddressSets').sets
    check('ListAddressSets', [(s.name, s.prefix_count, s.stale_after_s, s.stale, s.in_policy)
                              for s in listed] == [('peers', 1, 3600, False, True)])
    code, text = status_of(stubs.call, SETS, 'DeleteAddressSet', name='peers')
    check('a set that the policy names is FAILED_PRECONDITION: %s' % text,
          code == grpc.StatusCode.FAILED_PRECONDITION)
    many = stubs.call(SETS, 'PutAddressSet', name='many', timeout=60,
                      prefixes=['fd00::%x' % i for i in range(65536)])
    check('65,536 prefixes', many.prefix_count == 65536)
    check('are read again', len(set_of(stubs, 'many')) == 65536)
    code, text = status_of(stubs.call, SETS, 'PatchAddressSet', name='many', add=['10.1.0.1'])
    check('one more is RESOURCE_EXHAUSTED: %s' % text, code == grpc.StatusCode.RESOURCE_EXHAUSTED)
    stubs.call('fusuma.v1.PolicyService', 'ApplyPolicy', yaml=POLICY)
    for name in ('many', 'peers'):
        stubs.call(SETS, 'DeleteAddressSet', name=name)
    check('DeleteAddressSet', not stubs.call(SETS, 'ListAddressSets').sets)


def fdb_of(stubs):
    return stubs.call('fusuma.v1.SystemService', 'ListFdb').entries


def look_around(stubs):
    audit = stubs.call('fusuma.v1.SystemService', 'Audit')
    check('the ledger adds up', audit.clean and len(audit.ports) == len(HOSTS))
    info = stubs.call('fusuma.v1.SystemService', 'GetInfo')
    check('GetInfo', info.ports == 3 and info.ports_up == 3 and info.rules == 1)
    # A kernel speaks when it likes (router solicitations, neighbour probes), and is then young again.
    check('a learned entry ages while its host is silent',
          comes_true(lambda: any(1 <= e.age_s < 60 for e in fdb_of(stubs)
                                 if e.mac == HOSTS['server'][0])))
    fdb = fdb_of(stubs)
    check('the FDB has bound and learned entries',
          {e.mac for e in fdb if e.bound} == {HOSTS['alice'][0], HOSTS['bob'][0]}
          and any(e.mac == HOSTS['server'][0] and not e.bound for e in fdb))
    bound = stubs.call('fusuma.v1.PortService', 'ListBindings', port='alice').bindings
    check('the bindings of a port are listed',
          {(b.ip, b.how) for b in bound} >= {(HOSTS['alice'][1], 'given')}
          and all(b.mac == HOSTS['alice'][0] for b in bound))
    code, text = status_of(stubs.call, 'fusuma.v1.PortService', 'ListBindings', port='nobody')
    check('of an unknown port: %s' % text, code == grpc.StatusCode.NOT_FOUND)
    connections = stubs.call('fusuma.v1.ConnService', 'ListConnections').connections
    check('connections are listed as their initiator sees them',
          any(c.src_port_name == 'alice' and c.dst_port_name == 'server' and c.protocol == 1
              and c.state == 'replied' for c in connections))
    counters = next(iter(stubs.method('fusuma.v1.CounterService', 'WatchCounters')(
        stubs.request('fusuma.v1.CounterService', 'WatchCounters', ports=['alice']), timeout=5)))
    check('counters show the drops', sum(d.packets for d in counters.ports[0].drops) > 0)
    workers = stubs.call('fusuma.v1.SystemService', 'ListWorkers').workers
    check('workers poll every port', sorted(p for w in workers for p in w.ports) == sorted(HOSTS))


def delete_ports(stubs):
    stubs.call('fusuma.v1.PortService', 'DeletePort', name='bob')
    names = [p.spec.name for p in stubs.call('fusuma.v1.PortService', 'ListPorts').ports]
    check('a deleted port is gone', sorted(names) == ['alice', 'server'])
    connections = stubs.call('fusuma.v1.ConnService', 'ListConnections').connections
    check('with its connections', not any('bob' in (c.src_port_name, c.dst_port_name)
                                          for c in connections))
    stubs.call('fusuma.v1.PortService', 'AddPort', spec=port_spec(stubs, 'bob', 1))
    check('and can come back', ping('bob', 'server'))


def events(stubs, **request):
    """The drop stream up to its present end."""
    return list(stubs.method('fusuma.v1.DropService', 'WatchDrops')(
        stubs.request('fusuma.v1.DropService', 'WatchDrops', **request), timeout=10))


def records_of(stubs, **request):
    return [e.record for e in events(stubs, **request) if e.WhichOneof('event') == 'record']


def before_the_kill(stubs):
    """Leaves a quarantine and a record behind; returns the records that there are."""
    stubs.call('fusuma.v1.QuarantineService', 'Quarantine', port='alice')
    check('denied from alice in quarantine', not ping('alice', 'server'))
    check('the record of it arrives',
          comes_true(lambda: any(r.reason == 'quarantine' for r in records_of(stubs))))
    return records_of(stubs)


def after_the_kill(stubs, records, digest):
    """Ports, policy, quarantine and drop records are as they were, and the stream says that the
    switch was killed."""
    ports = stubs.call('fusuma.v1.PortService', 'ListPorts').ports
    check('after kill -9 the ports are back', sorted(p.spec.name for p in ports) == sorted(HOSTS))
    check('and the quarantine', [p.spec.name for p in ports if p.quarantined] == ['alice'])
    check('and the policy', stubs.call('fusuma.v1.PolicyService', 'GetPolicy').digest == digest)
    check('in force: alice reaches nobody', not ping('alice', 'server'))
    check('bob does his work', ping('bob', 'server'))
    again = records_of(stubs)
    check('every record is still there, byte for byte',
          [r.SerializeToString() for r in again[:len(records)]]
          == [r.SerializeToString() for r in records])
    # More may have been stored between the reading and the kill.
    last = [r for r in again if r.cursor.epoch == records[-1].cursor.epoch][-1].cursor
    resume = {'epoch': last.epoch, 'n': last.n}
    comes_true(lambda: len(records_of(stubs, resume=resume)) > 0)
    rest = events(stubs, resume=resume)
    check('a resumed stream begins with what it cannot know',
          rest[0].WhichOneof('event') == 'gap' and rest[0].gap.events == 0
          and rest[0].gap.first.epoch == last.epoch and rest[0].gap.last.epoch != last.epoch)
    new = [e.record for e in rest if e.WhichOneof('event') == 'record']
    check('and goes on with what came since',
          len(new) > 0 and new[0].cursor.n == last.n + 1 and new[0].cursor.epoch != last.epoch)
    check('the disk takes the records', stubs.call('fusuma.v1.SystemService', 'GetInfo').drops_stored)


class Switch:
    def __init__(self, directory):
        self.log = open(os.path.join(directory, 'vswitchd.log'), 'ab')
        self.daemon = subprocess.Popen(
            ['ip', 'netns', 'exec', ns('switch'), os.path.join(BUILD, 'bin/vswitchd'),
             '--state-dir', directory + '/state', '--run-dir', directory + '/run', '--no-huge'],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.channel = grpc.insecure_channel('unix:%s/run/vswitchd.sock' % directory)
        try:
            grpc.channel_ready_future(self.channel).result(timeout=60)
        except grpc.FutureTimeoutError:
            self.kill()
            raise
        self.stubs = Stubs(self.channel, descriptor_set())

    def kill(self):
        self.channel.close()
        self.daemon.kill()
        self.daemon.wait()

    def stop(self):
        self.channel.close()
        self.daemon.send_signal(signal.SIGTERM)
        try:
            return self.daemon.wait(20)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            return self.daemon.wait()


# A controller with an election id that applies a policy and watches, until it is killed.
ELECTED = '''
import sys, time
import grpc
sys.path.insert(0, %r)
from rpc_stubs import Stubs
stubs = Stubs(grpc.insecure_channel(sys.argv[1]), open(sys.argv[2], 'rb').read())
apply = stubs.method('fusuma.v1.PolicyService', 'ApplyPolicy')
apply(stubs.request('fusuma.v1.PolicyService', 'ApplyPolicy', yaml=sys.argv[3]), timeout=60,
      metadata=(('fusuma-election-id', '9'),))
for event in stubs.method('fusuma.v1.WatchService', 'Watch')(
        stubs.request('fusuma.v1.WatchService', 'Watch')):
    if event.type == 4:
        print('in sync', flush=True)
''' % os.path.dirname(os.path.abspath(__file__))
SALES_POLICY = '''version: 1
groups:
  servers: { cidrs: [10.98.0.99/32] }
  sales: { labels: { pool: sales } }
rules:
  - { id: ping, direction: egress, peer: servers, protocol: icmp, icmp: [8], action: allow,
      applied_to: sales }
'''


def denied(stubs, port):
    counters = next(stubs.method('fusuma.v1.CounterService', 'WatchCounters')(
        stubs.request('fusuma.v1.CounterService', 'WatchCounters', ports=[port]), timeout=20))
    return sum(d.packets for p in counters.ports for d in p.drops if d.reason == 'egress-default')


def the_policy_stays(stubs, digest, when):
    check('%s: the last policy stays' % when,
          stubs.call('fusuma.v1.PolicyService', 'GetPolicy').digest == digest)
    check('... and is enforced: what it allows passes', comes_true(lambda: ping('alice', 'server')))
    check('... and nothing else', not ping('alice', 'bob'))


def the_controller_is_gone(directory):
    """Killed in the middle of its work: nothing is loosened, and who comes now is shut in."""
    switch = Switch(directory)
    try:
        for name in ('alice', 'server'):
            switch.stubs.call('fusuma.v1.PortService', 'AddPort',
                              spec=port_spec(switch.stubs, name, 2 if name == 'server' else 1))
        controller = subprocess.Popen(
            [sys.executable, '-B', '-c', ELECTED, 'unix:%s/run/vswitchd.sock' % directory,
             os.path.join(BUILD, 'proto/fusuma.protoset'), SALES_POLICY], stdout=subprocess.PIPE)
        check('a controller applies a policy and watches', controller.stdout.readline() == b'in sync\n')
        digest = switch.stubs.call('fusuma.v1.PolicyService', 'GetPolicy').digest
        controller.kill()
        controller.communicate()
        the_policy_stays(switch.stubs, digest, 'the controller is killed')
        # By hand, or by a guest that starts: nobody has said what it is for.
        spec = port_spec(switch.stubs, 'bob', 1)
        spec.labels.clear()
        switch.stubs.call('fusuma.v1.PortService', 'AddPort', spec=spec)
        check('a new port denies', not ping('bob', 'server') and not ping('bob', 'alice'))
        check('... by policy, and it is counted', comes_true(lambda: denied(switch.stubs, 'bob') > 0))
    finally:
        switch.kill()
    switch = Switch(directory)
    try:
        the_policy_stays(switch.stubs, digest, 'the switch is killed, too')
        check('the new port still denies', not ping('bob', 'server'))
        request = switch.stubs.request('fusuma.v1.PolicyService', 'ApplyPolicy', yaml=POLICY)
        code, text = status_of(switch.stubs.method('fusuma.v1.PolicyService', 'ApplyPolicy'), request,
                               timeout=20, metadata=(('fusuma-election-id', '8'),))
        check('an older controller does not step into its place: %s' % text,
              code == grpc.StatusCode.FAILED_PRECONDITION)
        switch.stubs.call('fusuma.v1.PolicyService', 'ApplyPolicy', yaml=POLICY)
        check('people may, and then it has its rules', comes_true(lambda: ping('bob', 'server')))
    finally:
        check('the switch stops cleanly again', switch.stop() == 0)


def run(directory):
    switch = Switch(directory)
    try:
        for step in (add_ports, apply_policy, patch_address_sets, receive_drops, quarantine,
                     look_around, delete_ports):
            step(switch.stubs)
        digest = switch.stubs.call('fusuma.v1.PolicyService', 'GetPolicy').digest
        records = before_the_kill(switch.stubs)
    finally:
        switch.kill()
    switch = Switch(directory)
    try:
        after_the_kill(switch.stubs, records, digest)
    finally:
        code = switch.stop()
    check('the switch stops cleanly', code == 0)


def main():
    directory = tempfile.mkdtemp(prefix='fsc')
    alone = directory + '/alone'
    for path in (directory, alone):
        os.makedirs(path + '/run')
        os.makedirs(path + '/state')
    try:
        build_network()
        run(directory)
        the_controller_is_gone(alone)
    finally:
        remove_network()
        if failures or sys.exc_info()[0]:
            for log in (directory + '/vswitchd.log', alone + '/vswitchd.log'):
                if os.path.exists(log):
                    with open(log, errors='replace') as f:
                        print('--- the switch said:\n' + f.read()[-4000:])
            for what in failures:
                print('FAILED: ' + what)
        shutil.rmtree(directory)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
