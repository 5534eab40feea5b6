#!/usr/bin/python3
"""Includes run one way (docs/architecture.md): checks every #include of the tree.

    check-includes.py [TOP]       lists what breaks a rule; exits 1 if anything does
    check-includes.py --self-test proves that each rule can fail
"""
import pathlib
import re
import sys
import tempfile

# Which of our modules a module may include, itself aside.
MAY = {
    'acl': set(),
    'proto': {'acl'},
    'datapath': {'acl', 'telemetry'},
    'telemetry': {'acl', 'datapath'},
    'port': {'acl', 'datapath'},
    'report': {'proto'},
    'capture': {'datapath', 'telemetry'},
    'control': {'acl', 'proto', 'datapath', 'telemetry', 'port', 'report', 'capture'},
    'vswitchd': {'acl', 'proto', 'datapath', 'telemetry', 'port', 'control'},
    'ctl': {'acl', 'proto'},
    'perf': {'acl', 'proto', 'datapath', 'telemetry', 'port', 'control', 'tests'},
    'tests': {'acl', 'proto', 'datapath', 'telemetry', 'port', 'report', 'capture', 'control', 'ctl'},
}

# The packet path sees of telemetry only the rings and counters.
TELEMETRY_FOR_DATAPATH = {'capture_ring.h', 'drop_ring.h', 'ledger.h', 'reasons.h', 'sketch.h', 'hll.h', 'stream.h'}

# swctl reads a configuration file of its own; what policies mean it leaves to the switch.
ACL_FOR_CTL = {'yaml.h'}

# What a module may not take from outside, and why.
NOT_FROM_OUTSIDE = [
    ('acl', r'rte_|grpc/|protobuf-c/|openvswitch/|pthread\.h|threads\.h|unistd\.h|fcntl\.h|sys/',
     'acl is pure: no EAL, no threads, no protobuf, no I/O'),
    ('datapath', r'openvswitch/vlog\.h|pthread\.h|sqlite3\.h|grpc/|protobuf-c/|sys/socket\.h',
     'the packet path never allocates, logs, locks or makes a system call'),
    ('report', r'rte_|sqlite3\.h|openvswitch/vlog\.h|pthread\.h|fcntl\.h|sys/|openssl/',
     'a report is made from its message alone: no state, no clock, no file'),
    ('ctl', r'rte_|sqlite3\.h|sys/mman\.h',
     'swctl talks gRPC only'),
]
# The core API of gRPC is not promised stable: it stays inside the files of the server and the client.
GRPC_HEADERS = {'proto/rpc_credentials.h', 'proto/rpc_private.h'}
GRPC_FILES = GRPC_HEADERS | {f'proto/rpc_{name}.c' for name in (
    'call', 'client', 'credentials', 'listen', 'peer', 'send', 'server', 'thread')}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
SOURCE_DIRS = ('acl', 'proto', 'vswitch', 'ctl', 'tests', 'perf')


def module_of(path):
    """The module of a path relative to the top, such as vswitch/port/port.h."""
    parts = path.parts
    if parts[0] == 'vswitch':
        return parts[1] if len(parts) > 2 else 'vswitchd'
    return parts[0]


def resolve(top, source, name):
    """The file of ours that NAME means in SOURCE, relative to the top, or None."""
    if name.endswith('.pb-c.h'):  # generated from proto/, whatever the package
        return pathlib.Path('proto') / name
    for base in (source.parent, pathlib.Path('.'), pathlib.Path('vswitch')):
        found = top / base / name
        if found.is_file():
            return found.resolve().relative_to(top)
    return None


def judge(source, target):
    """Why SOURCE may not include TARGET, or None."""
    mine, other = module_of(source), module_of(target)
    if mine == other:
        return None
    if mine not in MAY:
        return f'{mine}/ is no module of build-aux/check-includes.py'
    if other not in MAY[mine]:
        return f'{mine} may not include {other}'
    if target.name.endswith(('_private.h', '_priv.h')) and mine != 'tests':
        return f'{target.name} is private to {other}'
    if mine == 'datapath' and other == 'telemetry' and target.name not in TELEMETRY_FOR_DATAPATH:
        return 'datapath may include only the rings and counters of telemetry'
    if mine == 'ctl' and other == 'acl' and target.name not in ACL_FOR_CTL:
        return 'ctl may include only the YAML reader of acl'
    return None


def check(top):
    top = top.resolve()
    wrong = []
    files = [f for d in SOURCE_DIRS for f in sorted((top / d).rglob('*.[ch]'))]
    for file in files:
        source = file.relative_to(top)
        text = file.read_text()
        for match in INCLUDE.finditer(text):
            name = match.group(2)
            where = f'{source}:{text.count(chr(10), 0, match.start(2)) + 1}'
            target = resolve(top, source, name)
            if target is not None:
                why = judge(source, target)
                if name in GRPC_HEADERS and str(source) not in GRPC_FILES:
                    why = 'it brings the core API of gRPC with it'
                if why:
                    wrong.append(f'{where}: {name}: {why}')
                continue
            for module, pattern, why in NOT_FROM_OUTSIDE:
                if module_of(source) == module and re.match(pattern, name):
                    wrong.append(f'{where}: {name}: {why}')
            if name.startswith('grpc/') and str(source) not in GRPC_FILES:
                wrong.append(f'{where}: {name}: the core API of gRPC stays in '
                             + ', '.join(sorted(GRPC_FILES)))
    return len(files), wrong


def self_test():
    headers = ['acl/table.h', 'acl/yaml.h', 'proto/rpc.h', 'proto/rpc_private.h', 'vswitch/datapath/port.h',
               'vswitch/port/port.h', 'vswitch/datapath/conn_private.h', 'vswitch/telemetry/ledger.h',
               'vswitch/telemetry/incident.h', 'vswitch/control/publish.h',
               'vswitch/report/report.h', 'ctl/cmd.h']
    good = [('acl/a.c', '<string.h>'), ('proto/a.c', '"acl/table.h"'),
            ('vswitch/datapath/a.c', '"telemetry/ledger.h"'), ('vswitch/control/a.c', '"proto/rpc.h"'),
            ('vswitch/port/a.c', '"datapath/port.h"'), ('vswitch/control/a.c', '"report/report.h"'),
            ('vswitch/report/a.c', '"proto/rpc.h"'), ('ctl/a.c', '"proto/rpc.h"'),
            ('vswitch/main.c', '"control/publish.h"'), ('tests/a.c', '"datapath/conn_private.h"'),
            ('proto/rpc_send.c', '<grpc/grpc.h>'), ('ctl/a.c', '"fusuma/v1/port.pb-c.h"'),
            ('ctl/a.c', '"acl/yaml.h"')]
    bad = [('acl/a.c', '"proto/rpc.h"'), ('acl/a.c', '<rte_mbuf.h>'), ('acl/a.c', '<pthread.h>'),
           ('acl/a.c', '"fusuma/v1/port.pb-c.h"'), ('proto/a.c', '"datapath/port.h"'),
           ('vswitch/datapath/a.c', '"telemetry/incident.h"'),
           ('vswitch/datapath/a.c', '"control/publish.h"'),
           ('vswitch/datapath/a.c', '<openvswitch/vlog.h>'),
           ('vswitch/port/a.c', '"datapath/conn_private.h"'),
           ('vswitch/telemetry/a.c', '"control/publish.h"'),
           ('vswitch/report/a.c', '"telemetry/ledger.h"'), ('vswitch/report/a.c', '<fcntl.h>'),
           ('vswitch/telemetry/a.c', '"report/report.h"'),
           ('vswitch/control/a.c', '"ctl/cmd.h"'), ('vswitch/control/a.c', '<grpc/grpc.h>'),
           ('proto/a.c', '<grpc/grpc.h>'), ('proto/a.c', '"proto/rpc_private.h"'),
           ('ctl/a.c', '"acl/table.h"'), ('ctl/a.c', '"../vswitch/datapath/port.h"')]
    failed = 0
    for cases, expected in ((good, 0), (bad, 1)):
        for path, include in cases:
            with tempfile.TemporaryDirectory() as tmp:
                top = pathlib.Path(tmp)
                for name in headers + [path]:
                    (top / name).parent.mkdir(parents=True, exist_ok=True)
                    (top / name).write_text('')
                (top / path).write_text(f'#include {include}\n')
                if len(check(top)[1]) != expected:
                    print(f'self-test: {path} with #include {include} was judged wrongly')
                    failed = 1
    print('self-test: every rule can fail' if not failed else 'self-test failed')
    return failed


def main():
    if sys.argv[1:] == ['--self-test']:
        return self_test()
    top = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    count, wrong = check(top)
    for line in wrong:
        print(line)
    print(f'{count} files, {len(wrong)} includes against the rules')
    return 1 if wrong or not count else 0


if __name__ == '__main__':
    sys.exit(main())
