#!/usr/bin/python3
"""A small controller: watches the incidents of several switches, cuts suspects off, fetches reports.

    controller.py --protoset fusuma.protoset [--cut high] [--reports DIR] NAME=ADDRESS...

ADDRESS is what gRPC takes: unix:/run/fusuma/vswitchd.sock, or host:port with --ca, --cert and --key.
Everything here is stock: python3-grpcio and python3-protobuf, and the descriptor set that the build
makes of the .proto files.  It takes the role responder (with --cut), else viewer."""
import argparse
import os
import sys
import threading
import time

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SEVERITIES = ('none', 'low', 'medium', 'high', 'critical')
INCIDENTS, HTML = 5, 1  # WATCH_KIND_INCIDENTS, REPORT_FORMAT_HTML
ADDED, CHANGED, RESET = 1, 2, 5
RETRY_S = 1.0


class Api:
    """Calls by name: Api(channel, files).call('IncidentService', 'GetIncident', id=1)"""

    def __init__(self, channel, files):
        self.channel, self.pool = channel, descriptor_pool.DescriptorPool()
        for f in files:  # protoc puts each after what it imports
            self.pool.Add(f)

    def call(self, service, name, metadata=None, **fields):
        method = self.pool.FindServiceByName('fusuma.v1.' + service).methods_by_name[name]
        proto = descriptor_pb2.MethodDescriptorProto()
        method.CopyToProto(proto)
        make = message_factory.MessageFactory(self.pool).GetPrototype
        kind = self.channel.unary_stream if proto.server_streaming else self.channel.unary_unary
        return kind('/fusuma.v1.%s/%s' % (service, name),
                    request_serializer=lambda m: m.SerializeToString(),
                    response_deserializer=make(method.output_type).FromString,
                    )(make(method.input_type)(**fields), metadata=metadata,
                      timeout=None if proto.server_streaming else 30)


class Switch(threading.Thread):
    """One switch: follows its incidents for ever, over broken connections and restarts."""

    def __init__(self, name, api, options):
        super().__init__(name=name, daemon=True)
        self.api, self.options = api, options
        self.position = None  # in the switch's watch: what comes after it is news
        self.seen = {}        # incident -> (revision, severity): what has been said and done
        self.cut = set()      # incidents whose desktop has been cut off

    def run(self):
        while True:
            try:
                self.follow()
            except grpc.RpcError as e:
                print('%s: %s: %s' % (self.name, e.code().name, e.details()), file=sys.stderr)
            time.sleep(RETRY_S)

    def follow(self):
        resume = {'resume': self.position} if self.position else {}
        for event in self.api.call('WatchService', 'Watch', kinds=[INCIDENTS], **resume):
            if event.HasField('position'):
                self.position = event.position
            if event.type == RESET:
                self.position = None
            elif event.type in (ADDED, CHANGED):
                self.take(event.incident)

    def take(self, i):
        """A list that comes again tells nothing new: the revision holds over restarts."""
        revision, severity = self.seen.get(i.id, (0, 0))
        if i.revision <= revision:
            return
        self.seen[i.id] = (i.revision, max(severity, i.severity))
        if i.severity > severity or i.closed:
            print('%s: incident %d, %s: %s, %s: %s' %
                  (self.name, i.id, SEVERITIES[i.severity], i.port, i.user or 'nobody',
                   'closed' if i.closed else i.grounds), flush=True)
        if not i.closed and i.id not in self.cut and i.severity >= self.options.cut:
            self.cut_off(i)

    def cut_off(self, i):
        # With a request id it is safe to ask again, should the answer get lost.
        receipt = self.api.call('QuarantineService', 'Quarantine', port=i.port,
                                comment='incident %d' % i.id,
                                metadata=(('fusuma-request-id', 'cut-%s-%d' % (self.name, i.id)),))
        self.cut.add(i.id)
        print('%s: %s is cut off, %d connections ended, in force after %d us' %
              (self.name, i.port, receipt.connections_ended, receipt.elapsed_us), flush=True)
        if self.options.reports:
            self.fetch(i)

    def fetch(self, i):
        report = self.api.call('IncidentService', 'GetIncidentReport', id=i.id, format=HTML)
        path = os.path.join(self.options.reports, '%s-incident-%d.html' % (self.name, i.id))
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as f:
            f.write(report.text)
        print('%s: %s, SHA-256 %s' % (self.name, path, report.sha256), flush=True)


def channel(address, o):
    if address.startswith('unix:') or not o.ca:
        return grpc.insecure_channel(address)
    ca, key, cert = (open(f, 'rb').read() for f in (o.ca, o.key, o.cert))
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(ca, key, cert))


def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('--protoset', required=True, help='descriptor set of the API')
    p.add_argument('--cut', choices=SEVERITIES[1:], help='quarantine from this severity on')
    p.add_argument('--reports', metavar='DIR', help='where to put the reports of who was cut off')
    for name in ('ca', 'cert', 'key'):
        p.add_argument('--' + name, metavar='FILE', help='PEM, for TLS')
    p.add_argument('switches', nargs='+', metavar='NAME=ADDRESS')
    o = p.parse_args()
    o.cut = SEVERITIES.index(o.cut) if o.cut else len(SEVERITIES)
    wrong = [s for s in o.switches if '=' not in s]
    if wrong:
        p.error('%s: NAME=ADDRESS is expected' % wrong[0])
    with open(o.protoset, 'rb') as f:
        files = descriptor_pb2.FileDescriptorSet.FromString(f.read()).file
    threads = [Switch(name, Api(channel(address, o), files), o)
               for name, address in (s.split('=', 1) for s in o.switches)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
