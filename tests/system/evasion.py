#!/usr/bin/python3
"""What a hostile host sends to get past the firewalls.  Run in its namespace:

    evasion.py desktop|uplink|trunk SWCTL TARGET PORT

The cases are in evasion_cases.py and what that imports.  Each says how many of its frames are dropped,
and why; the counters of the switch's PORT have to agree, exactly.  Frames that are dropped carry MARK, so that
whoever receives one can say so; those that may pass carry CONTROL, to show that it is the crime and
not the rest of the frame for which the others are dropped.  Prints each case; exits 1 when one of them
was not seen for what it is.  In the environment, EVASION_STOP: at the first of these, EVASION_FIRST: the
part of the cases to begin with."""
import collections
import logging
import os
import subprocess
import sys
import time

import grpc

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)) + '/../interop')
from rpc_stubs import Stubs  # noqa: E402

logging.getLogger('scapy').setLevel(logging.ERROR)
from scapy.all import conf  # noqa: E402

import evasion_cases  # noqa: E402

ROLE, SWCTL, TARGET, PORT = sys.argv[1:5]
FIRST, STOP = os.environ.get('EVASION_FIRST'), 'EVASION_STOP' in os.environ
PATIENCE = 3   # seconds until what was sent is counted
FRAG_TIME = 9  # ... and until fragments time out


def swctl(*arguments):
    return subprocess.run([SWCTL, '--target', TARGET, *arguments], check=True,
                          stdout=subprocess.PIPE).stdout.decode()


with open(os.path.dirname(SWCTL) + '/../proto/fusuma.protoset', 'rb') as protoset:
    STUBS = Stubs(grpc.insecure_channel(TARGET), protoset.read())


def drops():
    """Asked without swctl, which would take longer to start than a case takes."""
    counters, = STUBS.call('fusuma.v1.CounterService', 'WatchCounters', ports=[PORT])
    port, = counters.ports
    seen = collections.Counter({d.reason: d.packets for d in port.drops})
    seen['probe'] = port.probes  # not dropped, but seen
    seen['arrived'] = port.received + port.lost_before
    return seen


def since(before, now):
    """What was dropped between, by reason."""
    return {reason: n - before[reason] for reason, n in now.items() if n != before[reason] and reason != 'arrived'}


def holds(expected, seen):
    return seen == expected or ('at-least' in expected and all(
        seen.get(reason, 0) >= n for reason, n in expected.items() if reason != 'at-least'))


def run(case, wire, before):
    """What is counted after it, and whether that is what it says."""
    end = time.monotonic() + (FRAG_TIME if 'frag-timeout' in case.drops else PATIENCE)
    done = case.frames() if callable(case.frames) else all(wire.send(f) for f in case.frames)
    due = before['arrived'] + (0 if callable(case.frames) else len(case.frames))
    now = drops()
    while (now['arrived'] < due or not holds(case.drops, since(before, now))) and time.monotonic() < end:
        time.sleep(0.02)
        now = drops()
    seen = since(before, now)
    print('%-72s %s' % (case.name, ', '.join('%d %s' % (n, r) for r, n in sorted(seen.items()))), flush=True)
    if not done or not holds(case.drops, seen):
        print('    EXPECTED %s%s' % (case.drops, '' if done else ', and an answer'), flush=True)
        return now, False
    return now, True


def main():
    conf.verb = 0
    wire = conf.L2socket(iface='eth0')
    failed = []
    counted = drops()
    for case in evasion_cases.cases(ROLE, swctl, FIRST):
        counted, holds_true = run(case, wire, counted)
        if not holds_true:
            failed.append(case.name)
            if STOP:
                break
    for name in failed:
        print('NOT SEEN: %s' % name)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
