#!/usr/bin/python3
"""The transport against Python's stock gRPC client, which is not told of our code but the protoset."""
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import grpc

from rpc_stubs import Stubs

PORTS = 'fusuma.v1.PortService'
COUNTERS = 'fusuma.v1.CounterService'
DROPS = 'fusuma.v1.DropService'
HEALTH = 'grpc.health.v1.Health'
REFLECTION = 'grpc.reflection.v1alpha.ServerReflection'
MAX_REQUEST = 16 << 20

BUILD = os.environ.get('top_builddir', 'build')
toy_server = os.environ.get('TOY_SERVER', BUILD + '/tests/interop/toy_server')
protoset = os.path.abspath(os.environ.get('PROTOSET', BUILD + '/proto/fusuma.protoset'))


class Rpc(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.socket = cls.directory.name + '/100% toy.sock'  # '%' has a meaning to gRPC's URIs
        cls.server = subprocess.Popen([toy_server, 'unix:' + cls.socket], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE)
        assert cls.server.stdout.readline() == b'ready\n'
        cls.address = 'unix:' + cls.socket.replace('%', '%25').replace(' ', '%20')
        cls.channel = grpc.insecure_channel(
            cls.address, options=[('grpc.max_send_message_length', -1),
                                  ('grpc.max_receive_message_length', -1)])
        with open(protoset, 'rb') as f:
            cls.protoset = f.read()
        cls.stubs = Stubs(cls.channel, cls.protoset)

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        cls.server.stdin.close()
        cls.server.stdout.close()
        assert cls.server.wait(timeout=10) == 0
        cls.directory.cleanup()

    def assert_status(self, code, words, call):
        with self.assertRaises(grpc.RpcError) as caught:
            call()
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        self.assertIn(words, caught.exception.details())

    def toy(self, name):
        return self.stubs.call(PORTS, 'GetPort', name=name).generation

    def wait_until(self, name, n):
        deadline = time.monotonic() + 10
        while self.toy(name) != n:
            self.assertLess(time.monotonic(), deadline, '%s is not %d' % (name, n))
            time.sleep(0.01)

    def wait_until_closed(self):
        self.wait_until('open', 0)

    def test_unary(self):
        spec = {'name': 'd1', 'role': 'PORT_ROLE_DESKTOP', 'mac': '02:00:00:00:00:01',
                'ips': ['10.0.0.1', 'fd00::1'], 'user': 'frühling',
                'labels': {'pool': 'sales', 'site': 'b'}, 'vhost_user': {'client': True}}
        port = self.stubs.call(PORTS, 'AddPort', spec=spec)
        self.assertEqual(port.spec, self.stubs.type('fusuma.v1.PortSpec')(**spec))
        self.assertEqual((port.id, port.state), (7, 2))

    def test_status_and_sentence(self):
        self.assert_status(grpc.StatusCode.ALREADY_EXISTS, "port 'taken' exists",
                           lambda: self.stubs.call(PORTS, 'AddPort', spec={'name': 'taken'}))

    def test_the_peer_is_who_the_kernel_says(self):
        self.assertEqual((self.toy('uid'), self.toy('pid')), (os.getuid(), os.getpid()))

    def test_request_metadata(self):
        for sent, words in (((), '(none)'), ((('fusuma-test', 'x y'),), 'x y'),
                            ((('fusuma-test', 'a'), ('fusuma-test', 'b')), 'a, and more')):
            method = self.stubs.method(PORTS, 'GetPort')
            request = self.stubs.request(PORTS, 'GetPort', name='header')
            with self.assertRaises(grpc.RpcError) as caught:
                method(request, metadata=sent, timeout=10)
            self.assertEqual(caught.exception.details(), words)

    def sockets(self):
        directory = '/proc/%d/fd/' % self.server.pid
        return sum('socket:' in os.readlink(directory + fd) for fd in os.listdir(directory))

    def test_a_descriptor_is_not_reused_while_a_call_on_it_lives(self):
        """It says whose the call is: of another connection it would say somebody else's."""
        self.toy('open')
        before, held = self.sockets(), self.toy('held')
        for i in range(5):
            # Without a pool of its own, grpcio would use the connection of setUpClass.
            channel = grpc.insecure_channel(
                self.address, options=[('grpc.use_local_subchannel_pool', 1)])
            stubs = Stubs(channel, self.protoset)
            future = stubs.method(PORTS, 'GetPort').future(
                stubs.request(PORTS, 'GetPort', name='never'))
            self.wait_until("held", held + i + 1)
            future.cancel()
            channel.close()
        time.sleep(1)  # gRPC closes what it may close
        self.assertEqual(self.sockets(), before + 5)

    def test_answer_in_a_later_turn(self):
        self.assertEqual(self.toy('late'), 42)

    def test_deadline(self):
        self.assert_status(grpc.StatusCode.DEADLINE_EXCEEDED, '',
                           lambda: self.stubs.call(PORTS, 'GetPort', name='never', timeout=0.2))
        self.assertEqual(self.toy('late'), 42)

    def test_unknown_method(self):
        for path in '/fusuma.v1.PortService/Nope', '/no.such.Service/GetPort', '/x':
            self.assert_status(grpc.StatusCode.UNIMPLEMENTED, 'no such method',
                               lambda: self.stubs.raw(path, b''))

    def test_malformed(self):
        for data in b'\xff', b'\x0a\x05abc', b'\x0b', b'\x08\x01', b'\x0a\xff\xff\xff\xff\x0f':
            self.assert_status(grpc.StatusCode.INVALID_ARGUMENT, 'GetPortRequest',
                               lambda: self.stubs.raw('/fusuma.v1.PortService/GetPort', data))

    def test_strings(self):
        get, add = '/fusuma.v1.PortService/GetPort', '/fusuma.v1.PortService/AddPort'
        for data in b'\x80', b'\xc0\x80', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xe4\xbd':
            self.assert_status(grpc.StatusCode.INVALID_ARGUMENT, "'name' is not valid UTF-8",
                               lambda: self.stubs.raw(get, b'\x0a' + bytes([len(data)]) + data))
        self.assert_status(grpc.StatusCode.INVALID_ARGUMENT, "'name' holds a NUL",
                           lambda: self.stubs.raw(get, b'\x0a\x06sent\0x'))
        # PortSpec.labels["pool"] = "a\0b": a string in a map in a message.
        entry = b'\x0a\x04pool\x12\x03a\0b'
        spec = b'\x4a' + bytes([len(entry)]) + entry
        self.assert_status(grpc.StatusCode.INVALID_ARGUMENT, "'value' holds a NUL",
                           lambda: self.stubs.raw(add, b'\x0a' + bytes([len(spec)]) + spec))
        for name in 'é', '漢字', '😀', '\ud7ff\ue000\U0010ffff':
            self.assertEqual(self.stubs.call(PORTS, 'AddPort', spec={'name': name}).spec.name, name)

    def test_unknown_fields_are_ignored(self):
        self.stubs.raw('/fusuma.v1.PortService/GetPort', b'\x0a\x04sent\x7a\x02\xff\xff')

    def test_sizes(self):
        room = MAX_REQUEST - 100
        reply = self.stubs.call(PORTS, 'AddPort', spec={'user': 'x' * room})
        self.assertEqual(len(reply.spec.user), room)
        self.assert_status(
            grpc.StatusCode.RESOURCE_EXHAUSTED, 'larger than max',
            lambda: self.stubs.call(PORTS, 'AddPort', spec={'user': 'x' * MAX_REQUEST}))
        self.toy('sent')

    def test_small_bytes_of_large_structs(self):
        n = 1 << 20
        spec = b'\x4a\x00' * n  # as many empty labels
        varint = bytes([2 * n & 0x7f | 0x80, 2 * n >> 7 & 0x7f | 0x80, 2 * n >> 14 & 0x7f | 0x80,
                        2 * n >> 21])
        self.assert_status(
            grpc.StatusCode.INVALID_ARGUMENT, 'too many fields',
            lambda: self.stubs.raw('/fusuma.v1.PortService/AddPort', b'\x0a' + varint + spec))

    def test_no_message(self):
        call = self.channel.stream_unary('/fusuma.v1.PortService/GetPort')
        self.assert_status(grpc.StatusCode.INVALID_ARGUMENT, 'no request message',
                           lambda: call(iter(()), timeout=10))

    def test_many_at_once(self):
        method = self.stubs.method(PORTS, 'AddPort')
        calls = [method.future(self.stubs.request(PORTS, 'AddPort', spec={'name': 'p%d' % i}),
                               timeout=30) for i in range(500)]
        self.assertEqual([c.result().spec.name for c in calls], ['p%d' % i for i in range(500)])

    def test_stream(self):
        stream = self.stubs.call(COUNTERS, 'WatchCounters', interval_ms=1000, ports=['a', 'b'])
        messages = list(stream)
        self.assertEqual([m.monotonic_ns for m in messages], list(range(1, 1001)))
        self.assertEqual([p.port for p in messages[-1].ports], ['a', 'b'])
        self.assertEqual(stream.code(), grpc.StatusCode.OK)
        self.wait_until_closed()

    def test_stream_refused(self):
        self.assert_status(grpc.StatusCode.NOT_FOUND, "no port 'refused'", lambda: list(
            self.stubs.call(COUNTERS, 'WatchCounters', interval_ms=1, ports=['refused'])))

    def test_stream_cancelled(self):
        stream = self.stubs.call(COUNTERS, 'WatchCounters')
        self.assertEqual(next(stream).monotonic_ns, 1)
        stream.cancel()
        self.wait_until_closed()

    def test_client_vanishes(self):
        code = ('import sys; sys.argv[1:] = %r; from rpc_stubs import Stubs; import grpc, os\n'
                's = Stubs(grpc.insecure_channel(sys.argv[1]), open(sys.argv[2], "rb").read())\n'
                'next(s.call("%s", "WatchCounters")); os.kill(os.getpid(), 9)'
                % ([self.address, protoset], COUNTERS))
        subprocess.run([sys.executable, '-c', code], cwd=os.path.dirname(__file__) or '.')
        self.wait_until_closed()

    def test_back_pressure(self):
        """A reader that does not read stops the sender, and then misses nothing."""
        with grpc.insecure_channel(self.address, options=[('slow', 1)]) as channel:
            with open(protoset, 'rb') as f:
                slow = Stubs(channel, f.read())
            before = self.toy('sent')
            stream = slow.call(COUNTERS, 'WatchCounters', timeout=30, interval_ms=2000,
                               ports=['x' * 65536])
            self.assertEqual(next(stream).monotonic_ns, 1)
            sent = -1
            while sent != self.toy('sent'):
                sent = self.toy('sent')
                time.sleep(0.3)
            self.assertLess(sent - before, 1000, 'bytes queue up without a bound')
            self.assertEqual([m.monotonic_ns for m in stream], list(range(2, 2001)))
        self.wait_until_closed()

    def test_idle_streams_are_kicked(self):
        streams = [self.stubs.call(DROPS, 'WatchDrops') for _ in range(3)]
        for stream in streams:
            stream.initial_metadata()  # accepted: from here on nothing is missed
        pusher = threading.Thread(target=lambda: [
            self.stubs.call(PORTS, 'DeletePort', name='e%d' % i) for i in range(200)])
        pusher.start()
        for stream in streams:
            self.assertEqual([next(stream).record.port for _ in range(200)],
                             ['e%d' % i for i in range(200)])
            stream.cancel()
        pusher.join()
        self.wait_until_closed()

    def test_socket_mode(self):
        self.assertFalse(stat.S_IMODE(os.stat(self.socket).st_mode) & 0o117)

    def test_health(self):
        for service in '', PORTS, DROPS:
            self.assertEqual(self.stubs.call(HEALTH, 'Check', service=service).status, 1)
            watch = self.stubs.call(HEALTH, 'Watch', service=service)
            self.assertEqual(next(watch).status, 1)
            watch.cancel()
        self.assert_status(grpc.StatusCode.NOT_FOUND, "'nope'",
                           lambda: self.stubs.call(HEALTH, 'Check', service='nope'))
        watch = self.stubs.call(HEALTH, 'Watch', service='nope')
        self.assertEqual(next(watch).status, 3)
        watch.cancel()

    def reflect(self, *requests):
        message = self.stubs.type('grpc.reflection.v1alpha.ServerReflectionRequest')
        return list(self.stubs.method(REFLECTION, 'ServerReflectionInfo')(
            iter([message(**r) for r in requests]), timeout=10))

    def test_reflection_services(self):
        response, = self.reflect({'list_services': '*', 'host': 'h'})
        self.assertEqual({s.name for s in response.list_services_response.service},
                         {PORTS, COUNTERS, DROPS, HEALTH, REFLECTION})
        self.assertEqual((response.valid_host, response.original_request.list_services), ('h', '*'))

    def test_reflection_files(self):
        with open(protoset, 'rb') as f:
            want = {f.name: f for f in self.stubs_set(f.read()).file}
        symbols = {
            'fusuma.v1.PortService': 'port', 'fusuma.v1.PortService.AddPort': 'port',
            'fusuma.v1.PortSpec': 'port', 'fusuma.v1.PortSpec.LabelsEntry': 'port',
            'fusuma.v1.PortSpec.mac': 'port', 'fusuma.v1.PortRole': 'port',
            'fusuma.v1.PORT_ROLE_UPLINK': 'port', 'fusuma.v1.DropRecord': 'drop'}
        responses = self.reflect({'file_by_filename': 'fusuma/v1/drop.proto'},
                                 *({'file_containing_symbol': s} for s in symbols))
        got = [self.files(r) for r in responses]
        self.assertEqual([f.name for f in got[0]],
                         ['fusuma/v1/drop.proto', 'google/protobuf/timestamp.proto'])
        self.assertEqual(got[0][0], want['fusuma/v1/drop.proto'])
        self.assertEqual([f[0].name for f in got[1:]],
                         ['fusuma/v1/%s.proto' % f for f in symbols.values()])

    def test_reflection_errors(self):
        responses = self.reflect({'file_by_filename': 'nope.proto'},
                                 {'file_containing_symbol': 'fusuma.v1.Nope'},
                                 {'file_containing_symbol': 'fusuma.v1'},
                                 {'all_extension_numbers_of_type': 'x'}, {})
        self.assertEqual([r.error_response.error_code for r in responses], [5, 5, 5, 12, 12])

    @staticmethod
    def stubs_set(data):
        from google.protobuf import descriptor_pb2
        return descriptor_pb2.FileDescriptorSet.FromString(data)

    @staticmethod
    def files(response):
        from google.protobuf import descriptor_pb2
        return [descriptor_pb2.FileDescriptorProto.FromString(b)
                for b in response.file_descriptor_response.file_descriptor_proto]


if __name__ == '__main__':
    unittest.main(verbosity=2)
