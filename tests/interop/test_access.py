#!/usr/bin/python3
"""Who may do what, of a live switch, with a stock gRPC client (grpcio) over mutual TLS and the unix
socket: every RPC of the table with every role, certificates that are good for nothing, election and
request ids, and the audit log."""
import hashlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import grpc

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from pki import Pki  # noqa: E402
from rpc_stubs import Stubs  # noqa: E402

TOP = os.environ.get('top_srcdir') or os.path.join(os.path.dirname(os.path.abspath(__file__)), '../..')
BUILD = os.path.abspath(os.environ.get('top_builddir') or os.path.join(TOP, 'build'))
ROLES = ('viewer', 'operator', 'responder', 'policy', 'admin')
NOBODY = 65534
CODE = grpc.StatusCode
PORTS, QUARANTINE, SYSTEM = ('fusuma.v1.%sService' % s for s in ('Port', 'Quarantine', 'System'))
AUDIT_LOG = 'fusuma.v1.AuditLogService'
# What changes something, and who may: a slip in the table must not be what the table is tested with.
WRITES = {'AddPort': 'operator', 'DeletePort': 'operator', 'FlushConnections': 'operator',
          'Login': 'operator', 'Logout': 'operator',
          'StartCapture': 'responder', 'StopCapture': 'responder', 'DeleteCapture': 'responder',
          'NoteIncident': 'responder', 'CloseIncident': 'responder',
          'Quarantine': 'responder', 'Release': 'responder', 'ApplyPolicy': 'policy',
          'ConfirmPolicy': 'policy', 'RollbackPolicy': 'policy', 'PutAddressSet': 'policy',
          'PatchAddressSet': 'policy', 'DeleteAddressSet': 'policy', 'ApplyConfig': 'admin'}
# What only shows something, and yet is not for everybody.
PRIVATE = {'ReadCapture': 'responder'}
READS = ('Get', 'List', 'Watch', 'Audit', 'Check', 'Diff', 'Trace', 'Replay',
         'Recommend', 'Scope', 'Pivot')
CONFIG = '''settings: { connections: 1024, buffers: 2048 }
access:
  - { cn: viewer, roles: [viewer] }
  - { cn: operator, roles: [operator] }
  - { cn: responder, roles: [responder] }
  - { cn: policy, roles: [policy] }
  - { cn: admin, roles: [admin] }
  - { cn: expired, roles: [admin] }
  - { cn: brief, roles: [admin] }
  - { dns: ops.example.org, roles: [responder] }
  - { uri: "spiffe://example.org/ops", roles: [operator] }
  - { user: 4242, roles: [responder] }
  - { group: 4343, roles: [policy] }
'''


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def protoset():
    with open(os.path.join(BUILD, 'proto/fusuma.protoset'), 'rb') as f:
        return f.read()


def table():
    out = subprocess.run([os.path.join(BUILD, 'tests/interop/rpc_table')], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    return [(s, m, role, w == '1') for s, m, role, w in (line.split() for line in out.splitlines())]


class Switch:
    def __init__(self, directory, *options, config=CONFIG):
        self.directory = directory
        self.socket = directory + '/run/vswitchd.sock'
        for name in ('run', 'state'):
            os.makedirs(directory + '/' + name, exist_ok=True)
        with open(directory + '/config.yaml', 'w') as f:
            f.write(config)
        self.command = [os.path.join(BUILD, 'bin/vswitchd'), '--no-huge', '--config',
                        directory + '/config.yaml', '--state-dir', directory + '/state', '--run-dir',
                        directory + '/run', '--listen', 'unix:' + self.socket, *options]
        self.daemon = None

    def start(self):
        with open(self.directory + '/log', 'ab') as log:
            self.daemon = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=log)
        channel = grpc.insecure_channel('unix:' + self.socket)
        try:
            grpc.channel_ready_future(channel).result(timeout=60)
        except grpc.FutureTimeoutError:
            self.end(signal.SIGKILL)
            raise AssertionError(self.log()) from None
        finally:
            channel.close()

    def refused(self, *options):
        """What a switch says that does not start."""
        done = subprocess.run([self.command[0], '--no-huge', '--state-dir', self.directory + '/other',
                               '--run-dir', self.directory + '/other-run', *options],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60, check=False)
        assert done.returncode == 1, done
        return done.stdout.decode()

    def run(self, *options):
        """Of the same state, something that ends by itself."""
        return subprocess.run([self.command[0], '--state-dir', self.directory + '/state', *options],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False)

    def end(self, how=signal.SIGTERM):
        if self.daemon:
            self.daemon.send_signal(how)
            code = self.daemon.wait(30)
            self.daemon = None
            return code
        return 0

    def log(self):
        with open(self.directory + '/log', errors='replace') as f:
            return f.read()

    def unix(self):
        return grpc.insecure_channel('unix:' + self.socket,
                                     options=[('grpc.use_local_subchannel_pool', 1)])

    def audit(self, *arguments):
        files = arguments or (self.directory + '/state/audit.log',)
        return subprocess.run([os.path.join(BUILD, 'bin/swctl'), 'audit-log', 'verify', *files],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


class Test(unittest.TestCase):
    longMessage = True

    def status(self, call, *args, **kw):
        """Its status and sentence; of a stream, after its first message."""
        try:
            reply = call(*args, **kw)
            if hasattr(reply, '__next__'):
                next(reply, None)
                reply.cancel()
            return CODE.OK, ''
        except grpc.RpcError as error:
            return error.code(), error.details()

    def assert_status(self, code, words, *args, **kw):
        got = self.status(*args, **kw)
        self.assertEqual(got[0], code, got)
        self.assertIn(words, got[1])


class Access(Test):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix='fsa')
        cls.pki = Pki(cls.directory + '/pki')
        cls.pki.issue('switch', 'switch', 'IP:127.0.0.1,DNS:localhost')
        for role in ROLES:
            cls.pki.issue(role, role)
        cls.pki.issue('stranger', 'stranger')
        cls.pki.issue('names', None, 'DNS:other.example.org,DNS:ops.example.org,'
                      'URI:spiffe://example.org/ops')
        cls.pki.issue('expired', 'expired', begin=-7200, end=-3600)
        cls.pki.issue('early', 'admin', begin=3600)
        for name in ('ca.pem', 'switch.pem', 'switch.key'):
            shutil.copy(cls.pki.path(name), cls.directory + '/' + name)
        cls.port = free_port()
        cls.switch = Switch(cls.directory, '--listen', '127.0.0.1:%d' % cls.port,
                            '--socket-group', str(NOBODY), '--tls-ca', cls.directory + '/ca.pem',
                            '--tls-cert', cls.directory + '/switch.pem',
                            '--tls-key', cls.directory + '/switch.key')
        os.chmod(cls.directory, 0o755)
        os.chmod(cls.directory + '/run', 0o755)
        cls.switch.start()
        cls.protoset = protoset()

    @classmethod
    def tearDownClass(cls):
        code = cls.switch.end()
        if code:
            print(cls.switch.log()[-3000:])
        shutil.rmtree(cls.directory)
        assert code == 0, code

    def channel(self, name, pki=None, ca=None):
        pki = pki or self.pki
        credentials = grpc.ssl_channel_credentials((ca or pki).read('ca.pem'), pki.read(name + '.key'),
                                                   pki.read(name + '.pem'))
        channel = grpc.secure_channel('127.0.0.1:%d' % self.port, credentials,
                                      options=[('grpc.use_local_subchannel_pool', 1)])
        self.addCleanup(channel.close)
        return channel

    def stubs(self, name, **kw):
        return Stubs(self.channel(name, **kw), self.protoset)

    def root(self):
        channel = self.switch.unix()
        self.addCleanup(channel.close)
        return Stubs(channel, self.protoset)

    # ---- roles ----

    def test_the_table_is_whole_and_says_what_it_should(self):
        rows = table()
        served = {(s.full_name, m.name) for s in self.services() for m in s.methods}
        self.assertEqual({(s, m) for s, m, _, _ in rows}, served)
        self.assertEqual(len(rows), len({(s, m) for s, m, _, _ in rows}))
        self.assertEqual({m for _, m, _, writes in rows if writes}, set(WRITES))
        for _, method, role, writes in rows:
            if writes:
                self.assertEqual(role, WRITES[method], method)
            else:
                self.assertEqual(role, PRIVATE.get(method, 'viewer'), method)
                self.assertTrue(method in PRIVATE or method.startswith(READS), '%s: does it not write?' % method)

    def services(self):
        pool = self.root().pool
        names = {f.name for f in Stubs.files(self.protoset) if f.package == 'fusuma.v1'}
        for name in sorted(names):
            yield from pool.FindFileByName(name).services_by_name.values()

    def test_every_rpc_with_every_role(self):
        rows = table()
        self.assertGreater(len(rows), 15)
        for has in ROLES + ('stranger',):
            stubs = self.stubs(has)
            for service, method, needs, _ in rows:
                may = has == 'admin' or has == needs or (needs == 'viewer' and has in ROLES)
                with self.subTest(has=has, method=method):
                    code, words = self.status(stubs.call, service, method)
                    self.assertEqual(code != CODE.PERMISSION_DENIED, may, words)
                    if not may:
                        self.assertIn('certificate CN=%s may not call %s.%s: it takes the role %s'
                                      % (has, service.split('.')[-1], method, needs), words)
                        self.assertIn('roles here are: %s' % (has if has in ROLES else 'none'), words)

    def test_health_and_reflection_need_a_certificate_only(self):
        stubs = self.stubs('stranger')
        self.assertEqual(stubs.call('grpc.health.v1.Health', 'Check').status, 1)

    def test_names_in_the_certificate_add_up(self):
        stubs = self.stubs('names')
        self.assert_status(CODE.NOT_FOUND, '', stubs.call, QUARANTINE, 'Release', port='none', reason='over')
        self.assert_status(CODE.NOT_FOUND, '', stubs.call, PORTS, 'DeletePort', name='none')
        self.assert_status(CODE.PERMISSION_DENIED, 'URI=spiffe://example.org/ops', stubs.call,
                           'fusuma.v1.PolicyService', 'ApplyPolicy')

    def as_user(self, uid, gid, groups, service, method):
        """Status and sentence of a call by another user of this host."""
        child = ('import os, sys; sys.path.insert(0, %r); os.setgroups(%r); os.setgid(%d); os.setuid(%d)\n'
                 'import grpc; from rpc_stubs import Stubs\n'
                 'stubs = Stubs(grpc.insecure_channel("unix:%s"), sys.stdin.buffer.read())\n'
                 'try: stubs.call(%r, %r, **%r); print("OK")\n'
                 'except grpc.RpcError as e: print(e.code().name, e.details())\n'
                 % (os.path.dirname(os.path.abspath(__file__)), groups, gid, uid, self.switch.socket,
                    service, method, {'port': 'none', 'reason': 'over'} if method == 'Release' else {}))
        return subprocess.run([sys.executable, '-B', '-c', child], input=self.protoset, check=True,
                              stdout=subprocess.PIPE, timeout=60, cwd='/').stdout.decode()

    @unittest.skipIf(os.getuid(), 'only root becomes somebody else')
    def test_unix_users(self):
        source = self.directory + '/rpc_stubs.py'
        shutil.copy(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'rpc_stubs.py'), source)
        for uid, gid, groups, method, words in (
                (4242, NOBODY, [], 'Quarantine.Release', 'NOT_FOUND'),
                (4242, NOBODY, [], 'Policy.ApplyPolicy', 'PERMISSION_DENIED uid 4242 may not call'),
                (5000, 4343, [NOBODY], 'Policy.ApplyPolicy', 'INVALID_ARGUMENT'),
                (5000, NOBODY, [4343], 'Policy.ApplyPolicy', 'INVALID_ARGUMENT'),
                (5000, NOBODY, [4343], 'Port.AddPort', 'PERMISSION_DENIED uid 5000 may not call'),
                (5000, NOBODY, [], 'System.GetInfo', 'the roles here are: none'),
                (5000, 5000, [], 'System.GetInfo', 'UNAVAILABLE')):
            service, name = method.split('.')
            with self.subTest(uid=uid, gid=gid, groups=groups, method=method):
                said = self.as_user(uid, gid, groups, 'fusuma.v1.%sService' % service, name)
                self.assertIn(words, said)

    # ---- certificates ----

    def no_way_in(self, stubs):
        code, words = self.status(stubs.call, SYSTEM, 'GetInfo', timeout=5)
        self.assertIn(code, (CODE.UNAVAILABLE, CODE.DEADLINE_EXCEEDED), words)

    def test_wrong_certificates(self):
        other = Pki(self.directory + '/other-pki')
        other.issue('admin', 'admin')
        self.no_way_in(self.stubs('admin', pki=other, ca=self.pki))
        self.no_way_in(self.stubs('expired'))
        self.no_way_in(self.stubs('early'))
        # Of another CA than the switch's is for the client to see.
        self.no_way_in(self.stubs('admin', ca=other))
        anonymous = grpc.ssl_channel_credentials(self.pki.read('ca.pem'))
        channel = grpc.secure_channel('127.0.0.1:%d' % self.port, anonymous)
        self.no_way_in(Stubs(channel, self.protoset))
        channel.close()
        channel = grpc.insecure_channel('127.0.0.1:%d' % self.port)
        self.no_way_in(Stubs(channel, self.protoset))
        channel.close()
        self.stubs('admin').call(SYSTEM, 'GetInfo')

    def handshake(self, version):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.pki.path('ca.pem'))
        context.load_cert_chain(self.pki.path('admin.pem'), self.pki.path('admin.key'))
        context.set_alpn_protocols(['h2'])
        context.minimum_version = context.maximum_version = version
        with socket.create_connection(('127.0.0.1', self.port), timeout=10) as s:
            with context.wrap_socket(s, server_hostname='127.0.0.1') as tls:
                return tls.version()

    def test_old_tls(self):
        self.assertEqual(self.handshake(ssl.TLSVersion.TLSv1_3), 'TLSv1.3')
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.handshake(ssl.TLSVersion.TLSv1_2)

    def s_client(self, *options, name='admin'):
        """Whether a handshake of openssl's own client comes to its end and a byte can be sent after it."""
        done = subprocess.run(
            ['openssl', 's_client', '-connect', '127.0.0.1:%d' % self.port, '-CAfile', self.pki.path('ca.pem'),
             '-cert', self.pki.path(name + '.pem'), '-key', self.pki.path(name + '.key'), '-alpn', 'h2',
             '-verify_return_error', '-brief', *options],
            input=b'', stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        said = done.stdout.decode(errors='replace')
        return 'CONNECTION ESTABLISHED' in said and done.returncode == 0, said

    def test_nothing_older_than_tls_1_3(self):
        """Also of a client that is ready for every suite there is, and for the ones that gRPC is told of."""
        all_suites = ('-cipher', 'ALL:COMPLEMENTOFALL:@SECLEVEL=0')
        self.assertTrue(*self.s_client('-tls1_3'))
        for options in (('-tls1_2',), ('-tls1_2', *all_suites), ('-tls1_1', *all_suites),
                        ('-tls1', *all_suites), ('-no_tls1_3', *all_suites),
                        ('-tls1_2', '-psk', '00', '-cipher', 'PSK:@SECLEVEL=0'),
                        ('-tls1_2', '-psk', '00', '-cipher', 'PSK-AES256-GCM-SHA384:@SECLEVEL=0')):
            with self.subTest(options):
                ended_well, said = self.s_client(*options)
                self.assertFalse(ended_well, said)
        self.assertTrue(*self.s_client('-tls1_3'))

    def install(self, pki, name='switch', files=('ca.pem', 'switch.pem', 'switch.key')):
        for file in files:
            fresh = self.directory + '/fresh'
            shutil.copy(pki.path(file.replace('switch', name)), fresh)
            os.rename(fresh, self.directory + '/' + file)

    def test_certificates_are_read_again(self):
        new = Pki(self.directory + '/new-pki')
        new.issue('switch', 'switch', 'IP:127.0.0.1')
        new.issue('admin', 'admin')
        old = self.stubs('admin')
        old.call(SYSTEM, 'GetInfo')
        self.addCleanup(self.install, self.pki)
        # Half of a renewal: the key is another certificate's.  What was good stays.
        self.install(new, files=('switch.pem',))
        self.stubs('admin').call(SYSTEM, 'GetInfo')
        self.assertIn('not the key of the certificate in', self.switch.log())
        # So it does when the new one is good for nothing.
        self.pki.issue('late-switch', 'switch', 'IP:127.0.0.1', begin=-7200, end=-3600)
        self.install(self.pki, 'late-switch')
        self.stubs('admin').call(SYSTEM, 'GetInfo')
        self.assertIn('the certificate is not valid any more', self.switch.log())
        self.install(new)
        self.stubs('admin', pki=new).call(SYSTEM, 'GetInfo')
        self.no_way_in(self.stubs('admin', ca=new))
        old.call(SYSTEM, 'GetInfo')  # a connection that is there goes on
        self.install(self.pki)
        self.stubs('admin').call(SYSTEM, 'GetInfo')
        self.no_way_in(self.stubs('admin', pki=new))

    def until_denied(self, stubs, words):
        deadline = time.monotonic() + 60
        while True:
            code, said = self.status(stubs.call, SYSTEM, 'GetInfo')
            if code != CODE.OK:
                break
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.2)
        self.assertEqual(code, CODE.PERMISSION_DENIED, said)
        self.assertIn(words, said)

    def test_certificates_expire_on_live_connections(self):
        self.pki.issue('brief', 'brief', end=8)
        brief = self.stubs('brief')
        brief.call(SYSTEM, 'GetInfo')
        self.until_denied(brief, 'its certificate expired at')
        self.no_way_in(self.stubs('brief'))
        self.pki.issue('brief-switch', 'switch', 'IP:127.0.0.1', end=8)
        self.addCleanup(self.install, self.pki)
        self.install(self.pki, 'brief-switch')
        stubs = self.stubs('admin')
        stubs.call(SYSTEM, 'GetInfo')
        self.until_denied(stubs, "the switch's own certificate has expired")
        self.no_way_in(self.stubs('admin'))
        self.install(self.pki)
        self.stubs('admin').call(SYSTEM, 'GetInfo')

    def test_what_does_not_start(self):
        tls = {k: '%s/switch.%s' % (self.pki.directory, s) for k, s in (('cert', 'pem'), ('key', 'key'))}
        tls['ca'] = self.pki.path('ca.pem')
        junk = self.directory + '/junk'
        with open(junk, 'w') as f:
            f.write('nothing')

        def start(listen='127.0.0.1:%d' % self.port, **files):
            options = [o for k, v in dict(tls, **files).items() if v for o in ('--tls-' + k, v)]
            return self.switch.refused('--listen', listen, *options)

        self.assertIn('junk: no certificate in PEM', start(ca=junk))
        self.assertIn('junk: no private key in PEM', start(key=junk))
        self.assertIn('none: No such file', start(cert=self.directory + '/none'))
        self.assertIn('not the key of the certificate', start(key=self.pki.path('admin.key')))
        self.assertIn('expired.pem: the certificate is not valid any more: it expired at',
                      start(cert=self.pki.path('expired.pem'), key=self.pki.path('expired.key')))
        self.assertIn('not valid before', start(cert=self.pki.path('early.pem'),
                                                key=self.pki.path('early.key')))
        self.assertIn('go together', start(key=None))
        for listen in ('0.0.0.0:0', '[::]:1', '192.0.2.1:50051', '127.0.0.1:50051'):
            words = 'neither unix:PATH' if listen.endswith(':0') else 'TCP needs TLS'
            self.assertIn(words, self.switch.refused('--listen', listen))
        self.assertIn('TCP needs TLS', self.switch.refused('--insecure-loopback', 'viewer', '--listen',
                                                           '0.0.0.0:50051'))
        self.assertIn("'god' is no role", self.switch.refused('--insecure-loopback', 'god'))
        self.assertIn("no group 'nonesuch'", self.switch.refused('--socket-group', 'nonesuch'))

    # ---- writes ----

    def write(self, stubs, metadata, method='Release', service=QUARANTINE, **fields):
        request = stubs.request(service, method, **fields)
        return stubs.method(service, method)(request, metadata=metadata, timeout=20)

    def test_request_ids(self):
        stubs = self.stubs('operator')
        other = self.root()
        ident = (('fusuma-request-id', 'job 1'),)
        spec = {'name': 'twice', 'role': 1, 'mac': '02:00:00:00:00:77', 'vhost_user': {'socket': 't.sock'}}

        def add(who, **change):
            return self.write(who, ident, 'AddPort', PORTS, spec=dict(spec, **change))

        first = add(stubs)
        again = add(stubs)
        self.assertEqual(first.SerializeToString(), again.SerializeToString())
        self.assert_status(CODE.ALREADY_EXISTS, '', stubs.call, PORTS, 'AddPort', spec=spec)
        self.assert_status(CODE.INVALID_ARGUMENT, "'job 1' was the id of another request", add, stubs,
                           user='somebody')
        # Another identity's ids are its own.
        self.assert_status(CODE.ALREADY_EXISTS, '', add, other)
        self.assert_status(CODE.ALREADY_EXISTS, '', add, other)
        lines = [json.loads(x) for x in other.call(AUDIT_LOG, 'ListAuditLog', limit=1000).lines]
        done = [x for x in lines if x.get('request_id') == 'job 1' and x['event'] == 'request']
        self.assertEqual([x['who'] for x in done], ['certificate CN=operator', 'uid 0 (root)'])
        for bad in ('', 'x' * 129):
            self.assert_status(CODE.INVALID_ARGUMENT, 'fusuma-request-id', self.write, other,
                               (('fusuma-request-id', bad),), port='none')
        self.assert_status(CODE.INVALID_ARGUMENT, 'fusuma-request-id', self.write, other, ident * 2,
                           port='none')
        self.write(stubs, (), 'DeletePort', PORTS, name='twice')

    def test_a_request_is_done_once_however_often_it_is_asked_at_once(self):
        stubs = self.root()
        request = stubs.request('fusuma.v1.PolicyService', 'ApplyPolicy', yaml='version: 1\n')
        method = stubs.method('fusuma.v1.PolicyService', 'ApplyPolicy')
        calls = [method.future(request, metadata=(('fusuma-request-id', 'at once'),), timeout=20)
                 for _ in range(20)]
        self.assertEqual(len({c.result().generation for c in calls}), 1)
        lines = [json.loads(x) for x in stubs.call(AUDIT_LOG, 'ListAuditLog', limit=1000).lines]
        self.assertEqual(sum(x.get('request_id') == 'at once' for x in lines), 1)

    # ---- lists ----

    def test_the_lines_that_are_listed_are_chained(self):
        stubs = self.stubs('viewer')
        lines = stubs.call(AUDIT_LOG, 'ListAuditLog', limit=1000).lines
        self.assertEqual(json.loads(lines[0])['event'], 'begin')
        before = '0' * 64
        for line in lines:
            body, own = line[:-75], json.loads(line)['hash']
            self.assertEqual(hashlib.sha256((before + body + '}').encode()).hexdigest(), own)
            before = own
        self.assert_status(CODE.INVALID_ARGUMENT, 'limit: 1001', stubs.call, AUDIT_LOG, 'ListAuditLog',
                           limit=1001)


class Restarts(Test):
    """What lasts: a switch of its own for each test."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix='fsb')
        self.port = free_port()
        self.switch = Switch(self.directory, '--insecure-loopback', 'responder', '--listen',
                             '127.0.0.1:%d' % self.port)
        self.file = self.directory + '/state/audit.log'
        self.switch.start()
        self.connect()

    def connect(self):
        self.channel = self.switch.unix()
        self.stubs = Stubs(self.channel, protoset())

    def tearDown(self):
        self.channel.close()
        self.switch.end()
        shutil.rmtree(self.directory)

    def restart(self, how=signal.SIGKILL):
        self.channel.close()
        self.switch.end(how)
        self.switch.start()
        self.connect()

    def release(self, *metadata):
        request = self.stubs.request(QUARANTINE, 'Release', port='none', reason='over')
        return self.stubs.method(QUARANTINE, 'Release')(request, metadata=metadata, timeout=20)

    def elect(self, n, code=CODE.NOT_FOUND, words=''):
        self.assert_status(code, words, self.release, ('fusuma-election-id', str(n)))

    def test_elections(self):
        self.elect(5)
        self.elect(5)
        self.elect(7)
        lower = 'election id 5 is lower than 7, the highest so far'
        self.elect(5, CODE.FAILED_PRECONDITION, lower)
        self.assert_status(CODE.NOT_FOUND, '', self.release)  # people's
        # Who may not write is not heard.
        with grpc.insecure_channel('127.0.0.1:%d' % self.port) as channel:
            stubs = Stubs(channel, protoset())
            request = stubs.request(PORTS, 'DeletePort', name='none')
            self.assert_status(CODE.PERMISSION_DENIED, 'anybody on this host', stubs.method(
                PORTS, 'DeletePort'), request, metadata=(('fusuma-election-id', '9'),), timeout=10)
        for how in (signal.SIGKILL, signal.SIGTERM):
            self.restart(how)
            self.elect(5, CODE.FAILED_PRECONDITION, lower)
            self.elect(7)
        for bad in ('0', '-1', 'x', '1.0', '', str(1 << 64)):
            self.elect(bad, CODE.INVALID_ARGUMENT, 'fusuma-election-id')
        self.assert_status(CODE.INVALID_ARGUMENT, 'fusuma-election-id', self.release,
                           ('fusuma-election-id', '8'), ('fusuma-election-id', '9'))
        self.elect((1 << 64) - 1)
        self.restart()
        self.elect(7, CODE.FAILED_PRECONDITION, 'election id 7 is lower than %d' % ((1 << 64) - 1))

    def test_an_election_outlives_its_log(self):
        """What a controller was told holds for ever, also when the log was archived, or is lost."""
        self.elect(7)
        self.channel.close()
        self.switch.end(signal.SIGKILL)
        self.lose_log()
        self.switch.start()
        self.connect()
        self.elect(6, CODE.FAILED_PRECONDITION, 'election id 6 is lower than 7')
        said = self.switch.run('--forget-election')
        self.assertEqual((said.returncode, 'another process' in said.stdout), (1, True), said)
        self.elect(6, CODE.FAILED_PRECONDITION, 'election id 6 is lower than 7')
        self.channel.close()
        self.switch.end()
        said = self.switch.run('--forget-election')
        self.assertEqual((said.returncode, 'election id 7 is forgotten' in said.stdout), (0, True), said)
        self.switch.start()
        self.connect()
        self.elect(2)
        self.elect(1, CODE.FAILED_PRECONDITION, 'election id 1 is lower than 2')
        lines = [x for x in self.lines() if x['event'] == 'forget-election']
        self.assertEqual([x['was'] for x in lines], ['7'])

    def add_port(self, ident, name, **fields):
        spec = dict({'name': name, 'role': 1, 'mac': '02:00:00:00:00:%02x' % (len(name) + 1),
                     'vhost_user': {'socket': name + '.sock'}}, **fields)
        request = self.stubs.request(PORTS, 'AddPort', spec=spec)
        return self.stubs.method(PORTS, 'AddPort')(request, timeout=60,
                                                   metadata=(('fusuma-request-id', ident),))

    def asked(self, ident):
        return sum(x['event'] == 'request' and x.get('request_id') == ident for x in self.lines())

    def test_answers_outlive_the_switch(self):
        ident = ('fusuma-request-id', 'job 2')
        first = self.add_port('job 1', 'one')
        self.assert_status(CODE.NOT_FOUND, 'no port is named "none"', self.release, ident)
        for how in (signal.SIGKILL, signal.SIGTERM):
            self.restart(how)
            self.assertEqual(self.add_port('job 1', 'one').SerializeToString(), first.SerializeToString())
            self.assert_status(CODE.NOT_FOUND, 'no port is named "none"', self.release, ident)
            self.assert_status(CODE.INVALID_ARGUMENT, "'job 1' was the id of another request",
                               self.add_port, 'job 1', 'one', user='somebody')
            self.assert_status(CODE.ALREADY_EXISTS, '', self.add_port, 'job 3 %d' % how, 'one')
        self.assertEqual((self.asked('job 1'), self.asked('job 2')), (1, 1))

    def crash(self, point, call, *arguments, **fields):
        """The call, during which the switch kills itself at this point (tests/system/crash.c)."""
        with open(os.environ['FUSUMA_CRASH'], 'w') as f:
            f.write(point)
        code, words = self.status(call, *arguments, **fields)
        self.assertIn(code, (CODE.UNAVAILABLE, CODE.UNKNOWN), words)
        self.assertEqual(self.switch.daemon.wait(60), -signal.SIGKILL)
        os.unlink(os.environ['FUSUMA_CRASH'])
        self.switch.daemon = None
        self.restart()

    def quarantine(self, ident, port):
        request = self.stubs.request(QUARANTINE, 'Quarantine', port=port)
        return self.stubs.method(QUARANTINE, 'Quarantine')(request, timeout=60,
                                                           metadata=(('fusuma-request-id', ident),))

    def test_killed_between_a_change_and_its_answer(self):
        os.environ['FUSUMA_CRASH'] = self.directory + '/crash'
        self.addCleanup(os.environ.pop, 'FUSUMA_CRASH')
        self.switch.command[0] = os.path.join(BUILD, 'tests/system/vswitchd_crash')
        self.restart()
        # The answer is stored, and never left.
        self.crash('before-reply', self.add_port, 'a', 'one')
        self.assertEqual(self.add_port('a', 'one').spec.name, 'one')
        self.assertEqual(self.asked('a'), 1)
        # Nobody knows what became of it, and it is not done a second time.
        for point, name, done in (('before-commit', 'three', False), ('after-commit', 'fours', True)):
            self.crash(point, self.add_port, point, name)
            for _ in range(2):
                self.assert_status(CODE.ABORTED, 'may be done or not', self.add_port, point, name)
            self.assert_status(CODE.OK if done else CODE.NOT_FOUND, '', self.stubs.call, PORTS, 'GetPort',
                               name=name)
            self.assertEqual(self.asked(point), 1)
        # What ends where it was, is: asking again must be good for something in an emergency.
        self.crash('after-commit', self.quarantine, 'q', 'one')
        self.assertTrue(self.quarantine('q', 'one').quarantined)

    def lose_log(self):
        for name in os.listdir(self.directory + '/state'):
            if name.startswith('audit.'):
                os.unlink(self.directory + '/state/' + name)

    def lines(self):
        with open(self.file) as f:
            return [json.loads(line) for line in f]

    def test_a_reply_is_in_the_log(self):
        for i in range(20):
            self.assert_status(CODE.NOT_FOUND, '', self.release, ('fusuma-request-id', str(i)))
        self.switch.end(signal.SIGKILL)
        lines = self.lines()
        asked = {x['request_id']: x['seq'] for x in lines if x['event'] == 'request'}
        self.assertEqual(set(asked), {str(i) for i in range(20)})
        self.assertLessEqual(set(asked.values()), {x['of'] for x in lines if x['event'] == 'result'})
        result = [x for x in lines if x['event'] == 'result'][-1]
        self.assertEqual((result['who'], result['status']), ('uid 0 (root)', 'NOT_FOUND'))
        self.assertEqual(result['rpc'], 'QuarantineService.Release')
        digest = self.stubs.request(QUARANTINE, 'Release', port='none', reason='over').SerializeToString()
        self.assertEqual([x for x in lines if x['event'] == 'request'][-1]['digest'],
                         hashlib.sha256(digest).hexdigest())

    def test_the_digest_of_a_long_text(self):
        """It stands as its own, which is the policy's, in the digest of its request."""
        text = 'version: 1\n' + '# a comment\n' * 1000
        request = self.stubs.request('fusuma.v1.PolicyService', 'ApplyPolicy', yaml=text, comment='c')
        reply = self.stubs.method('fusuma.v1.PolicyService', 'ApplyPolicy')(request, timeout=20)
        own = hashlib.sha256(text.encode()).hexdigest()
        self.assertEqual(reply.digest, own)
        packed = request.SerializeToString().replace(text.encode(), own.encode())
        self.switch.end(signal.SIGKILL)
        self.assertEqual([x for x in self.lines() if x['event'] == 'request'][-1]['digest'],
                         hashlib.sha256(packed).hexdigest())

    def test_every_write_is_in_the_log(self):
        """Whatever the table of RPCs says that it changes something: done, failed, and refused; and what
        shows something that is not for everybody."""
        writes = {'%s.%s' % (s.split('.')[-1], m): (s, m, role) for s, m, role, w in table() if w}
        self.assertGreater(len(writes), 10)
        self.elect(7)
        with grpc.insecure_channel('127.0.0.1:%d' % self.port) as channel:
            responder = Stubs(channel, protoset())
            for name, (service, method, role) in writes.items():
                request = self.stubs.request(service, method)
                call = self.stubs.method(service, method)
                self.status(call, request, metadata=(('fusuma-request-id', name),), timeout=20)
                self.assert_status(CODE.FAILED_PRECONDITION, 'election', call, request,
                                   metadata=(('fusuma-election-id', '6'),), timeout=20)
                if role != 'responder':
                    self.assert_status(CODE.PERMISSION_DENIED, name, responder.call, service, method)
            for service, method, _, writing in table():
                if not writing:
                    self.status(self.stubs.method(service, method),
                                self.stubs.request(service, method), timeout=20)
        self.switch.end(signal.SIGKILL)
        lines = self.lines()
        asked = {x['request_id']: x for x in lines if x['event'] == 'request' and 'request_id' in x}
        self.assertEqual(set(asked), set(writes))
        results = {x['of']: x for x in lines if x['event'] == 'result'}
        for name, line in asked.items():
            self.assertEqual((line['rpc'], line['who'], line['roles']), (name, 'uid 0 (root)', 'admin'))
            self.assertEqual(line['digest'], hashlib.sha256(b'').hexdigest())
            self.assertRegex(line['time'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$')
            self.assertEqual(results[line['seq']]['rpc'], name)
            self.assertIn('status', results[line['seq']])
        refused = {(x['rpc'], x['status']) for x in lines if x['event'] == 'refused'}
        self.assertEqual(refused, {(n, 'FAILED_PRECONDITION') for n in writes}
                         | {(n, 'PERMISSION_DENIED') for n, w in writes.items() if w[2] != 'responder'})
        private = ['%s.%s' % (s.split('.')[-1], m) for s, m, _, _ in table() if m in PRIVATE]
        self.assertEqual([x['rpc'] for x in lines if x['event'] == 'read'], private)
        self.assertLessEqual({x['rpc'] for x in lines if 'rpc' in x and x['event'] != 'read'}, set(writes))

    def test_kill_under_load(self):
        """Whatever was answered has its line, and the chain goes on whole, after each of some kills."""
        for _ in range(3):
            answered, stop = [], threading.Event()

            def ask(name):
                n = 0
                while not stop.is_set():
                    ident = '%s-%d' % (name, n)
                    try:
                        self.release(('fusuma-request-id', ident))
                    except grpc.RpcError as error:
                        if error.code() != CODE.NOT_FOUND:
                            return
                        answered.append(ident)
                    n += 1

            threads = [threading.Thread(target=ask, args=(t,)) for t in 'abcd']
            for thread in threads:
                thread.start()
            while len(answered) < 200:
                time.sleep(0.01)
            self.switch.end(signal.SIGKILL)
            stop.set()
            for thread in threads:
                thread.join()
            self.channel.close()
            self.switch.start()
            self.connect()
            lines = self.lines()
            done = {x['of'] for x in lines if x['event'] == 'result'}
            written = {x['request_id'] for x in lines if x['event'] == 'request' and x['seq'] in done}
            self.assertLessEqual(set(answered), written)
            said = self.switch.audit()
            self.assertEqual(said.returncode, 0, said.stdout)
        self.assertEqual(sum(x['event'] == 'start' for x in self.lines()), 4)

    def test_a_torn_line_is_told_of(self):
        self.assert_status(CODE.NOT_FOUND, '', self.release)
        self.switch.end(signal.SIGKILL)
        whole = self.lines()
        with open(self.file, 'ab') as f:
            f.write(b'{"seq":99,"time":"2026-\0\xff')
        said = self.switch.audit()
        self.assertEqual(said.returncode, 1)
        self.assertIn('25 bytes that are no whole line', said.stdout)
        self.switch.start()
        self.connect()
        self.assert_status(CODE.NOT_FOUND, '', self.release)
        said = self.switch.audit()
        self.assertEqual(said.returncode, 0, said.stdout)
        self.assertIn('1 lines were not written to their end', said.stdout)
        with open(self.file, 'rb') as f:
            torn = [json.loads(x) for x in f.read().split(b'\n') if x.endswith(b'"}')][len(whole)]
        self.assertEqual((torn['event'], torn['bytes'], torn['seq']), ('torn', 25, whole[-1]['seq'] + 1))

    def test_whoever_changes_the_log_is_found_out(self):
        for _ in range(3):
            self.assert_status(CODE.NOT_FOUND, '', self.release)
        self.switch.end()
        with open(self.file, 'rb') as f:
            good = f.read().splitlines(keepends=True)
        self.assertEqual(self.switch.audit().returncode, 0)
        for what, lines, place in (
                ('changed', good[:2] + [good[2].replace(b'port=none', b'port=nine')] + good[3:], 3),
                ('taken out', good[:2] + good[3:], 3),
                ('swapped', good[:2] + [good[3], good[2]] + good[4:], 3),
                ('put in', good[:2] + [good[1]] + good[2:], 3),
                ('cut in front', good[1:], 1),
                ('cut off at its end', good[:-2], 0),
                ('the last changed', good[:-1] + [good[-1].replace(b'OK', b'KO').replace(b'NOT_', b'TON_')],
                 len(good))):
            with self.subTest(what):
                with open(self.file, 'wb') as f:
                    f.writelines(lines)
                said = self.switch.audit()
                self.assertEqual(said.returncode, 1, said.stdout)
                self.assertIn('BROKEN: ' + ('line %d: ' % place if place else 'its end is cut off'),
                              said.stdout)
        self.assertEqual(self.switch.audit('/nonexistent').returncode, 2)
        # A switch that starts on it keeps it, and says so.
        self.switch.start()
        self.connect()
        kept = [f for f in os.listdir(self.directory + '/state') if f.startswith('audit.log.damaged-')]
        self.assertEqual(len(kept), 1)
        self.assertIn(kept[0], self.lines()[0]['damaged'])
        self.assertEqual(self.switch.audit().returncode, 0)

    def test_loopback_without_tls_has_the_role_that_was_given(self):
        with grpc.insecure_channel('127.0.0.1:%d' % self.port) as channel:
            stubs = Stubs(channel, protoset())
            self.assert_status(CODE.NOT_FOUND, '', stubs.call, QUARANTINE, 'Release', port='none', reason='over')
            self.assert_status(CODE.PERMISSION_DENIED, 'anybody on this host', stubs.call, PORTS,
                               'DeletePort', name='none')

    def test_refusals_cannot_fill_the_disk(self):
        with grpc.insecure_channel('127.0.0.1:%d' % self.port) as channel:
            stubs = Stubs(channel, protoset())
            for _ in range(400):
                self.status(stubs.call, PORTS, 'DeletePort', name='none')
            time.sleep(1.1)
            self.status(stubs.call, PORTS, 'DeletePort', name='none')
        self.switch.end()
        refused = [x for x in self.lines() if x['event'] == 'refused']
        self.assertLess(len(refused), 300)
        self.assertEqual(len(refused) + sum(x.get('unsaid', 0) for x in refused), 401)


if __name__ == '__main__':
    unittest.main(verbosity=2)
