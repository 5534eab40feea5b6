"""gRPC calls from a descriptor set, without generated code: Debian has no protoc for Python gRPC."""
import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


class Stubs:
    """Stubs(channel, descriptor_set).call('fusuma.v1.PortService', 'GetPort', name='p1')"""

    def __init__(self, channel, descriptor_set):
        self.channel = channel
        self.pool = descriptor_pool.DescriptorPool()
        files = {f.name: f for f in
                 self.files(descriptor_set)}
        self._add_all(files)
        self.factory = message_factory.MessageFactory(self.pool)

    def _add_all(self, files):
        added = set()

        def add(name):
            if name not in added:
                added.add(name)
                for dependency in files[name].dependency:
                    add(dependency)
                self.pool.Add(files[name])

        for name in files:
            add(name)

    @staticmethod
    def files(descriptor_set):
        return descriptor_pb2.FileDescriptorSet.FromString(descriptor_set).file

    def type(self, name):
        return self.factory.GetPrototype(self.pool.FindMessageTypeByName(name))

    def method(self, service, name):
        """The callable of a method, which takes a message (or an iterator of them)."""
        method = self.pool.FindServiceByName(service).methods_by_name[name]
        proto = descriptor_pb2.MethodDescriptorProto()
        method.CopyToProto(proto)
        kind = {(False, False): self.channel.unary_unary,
                (False, True): self.channel.unary_stream,
                (True, True): self.channel.stream_stream,
                }[proto.client_streaming, proto.server_streaming]
        return kind('/%s/%s' % (service, name),
                    request_serializer=lambda m: m.SerializeToString(),
                    response_deserializer=self.factory.GetPrototype(method.output_type).FromString)

    def request(self, service, name, /, **fields):
        method = self.pool.FindServiceByName(service).methods_by_name[name]
        return self.factory.GetPrototype(method.input_type)(**fields)

    def call(self, service, name, /, timeout=10, **fields):
        return self.method(service, name)(self.request(service, name, **fields), timeout=timeout)

    def raw(self, path, data, timeout=10):
        """Bytes in, bytes out, unary."""
        return self.channel.unary_unary(path, request_serializer=None,
                                        response_deserializer=None)(data, timeout=timeout)
