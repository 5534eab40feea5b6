#!/usr/bin/python3
"""What a hostile host sends to get past the firewalls.  Run in its namespace:

    evasion.py desktop|uplink SWCTL TARGET PORT [--stop]

The cases are in evasion_cases.py.  Each says how many of its frames are dropped, and why; swctl's
counters of the switch's PORT have to agree, exactly.  Frames that are dropped carry MARK, so that
whoever receives one can say so; those that may pass carry CONTROL, to show that it is the crime and
not the rest of the frame for which the others are dropped.  Prints each case; exits 1 when one of them
was not seen for what it is, with --stop at once."""
import collections
import json
import logging
import subprocess
import sys
import time

logging.getLogger('scapy').setLevel(logging.ERROR)
from scapy.all import conf  # noqa: E402

import evasion_cases  # noqa: E402

ROLE, SWCTL, TARGET, PORT = sys.argv[1:5]
PATIENCE = 3   # seconds until what was sent is counted
FRAG_TIME = 9  # ... and until fragments time out


def swctl(*arguments):
    return subprocess.run([SWCTL, '--target', TARGET, *arguments], check=True,
                          stdout=subprocess.PIPE).stdout.decode()


def drops():
    port = json.loads(swctl('-o', 'json', 'counters', '--port', PORT))['ports'][0]
    seen = collections.Counter({d['reason']: int(d['packets']) for d in port.get('drops', [])})
    seen['probe'] = int(port.get('probes', 0))  # not dropped, but seen
    return seen


def since(before):
    """What was dropped since, by reason."""
    now = drops()
    now.subtract(before)
    return {reason: n for reason, n in now.items() if n}


def holds(expected, seen):
    return seen == expected or ('at-least' in expected and all(
        seen.get(reason, 0) >= n for reason, n in expected.items() if reason != 'at-least'))


def run(case, wire):
    before = drops()
    end = time.monotonic() + (FRAG_TIME if 'frag-timeout' in case.drops else PATIENCE)
    done = case.frames() if callable(case.frames) else all(wire.send(f) for f in case.frames)
    seen = since(before)
    while not holds(case.drops, seen) and time.monotonic() < end:
        time.sleep(0.05)
        seen = since(before)
    if not case.drops:
        time.sleep(0.1)
        seen = since(before)
    print('%-72s %s' % (case.name, ', '.join('%d %s' % (n, r) for r, n in sorted(seen.items()))), flush=True)
    if not done or not holds(case.drops, seen):
        print('    EXPECTED %s%s' % (case.drops, '' if done else ', and an answer'), flush=True)
        return False
    return True


def main():
    conf.verb = 0
    wire = conf.L2socket(iface='eth0')
    failed = []
    for case in evasion_cases.cases(ROLE, swctl):
        if not run(case, wire):
            failed.append(case.name)
            if '--stop' in sys.argv:
                break
    for name in failed:
        print('NOT SEEN: %s' % name)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
