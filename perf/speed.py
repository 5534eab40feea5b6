#!/usr/bin/python3
"""How fast packets are forwarded, beside the limit of the I/O and beside others: the cases of
'bench.sh forward', 'opening', 'many', 'denied', 'latency' and 'idle'.  docs/performance.md says what they are.

    speed.py CASE --build DIR --tmp DIR [--memory-dir DIR] [--runs N] [--only WORD] [--json] [--no-huge]

The exit status is 1 when something is below its floor."""

import argparse
import os
import subprocess
import sys
import time

from measure import Report, alternate, once, verify
from peers import Ours, Ovs, Testpmd
from switch import OTHER_CPU, add_arguments, ends_with_us, parse_arguments

WINDOWS = ["--windows", 3, "--seconds", 0.5]
MPPS = 1e6
IDLE_S = 10
PINGS = 500
IMIX = "64,64,64,64,64,64,64,594,594,594,594,1518"
FLOWS = {10000: (0.50, 0.60), 100000: (0.40, 0.45), 1000000: (0.30, 0.35)}


def room(flows):
    """What the table of connections must have for so many."""
    n = max(262144, 2 * flows)
    return {"connections": n, "port_connections": n}


def ours(options, rules=10, flows=10000, n_ports=2):
    return Ours(options, n_ports=n_ports, rules=rules, **room(flows))


def wants(options, case):
    return not options.only or options.only in case


def forward_flows(options, report):
    for rules in (10, 1000, 4000):
        for flows, (floor, target) in FLOWS.items():
            case = "%d rules, %d flows" % (rules, flows)
            if not wants(options, case):
                continue
            us, limit, ovs = alternate(options, [
                ours(options, rules, flows), Testpmd(options),
                Ovs(options, rules=rules)],
                ["--flows", flows, *WINDOWS])
            report.compare(case, "pps", us, limit, floor, target, MPPS)
            report.compare(case, "pps", us, ovs, 3, 5, MPPS)
            report.line(case + ", busy", "cycles", us.median("cycles"), None)


def forward_kinds(options, report):
    """Of other frames: our own IPv4 is the peer of IPv6."""
    base = ["--flows", 10000, *WINDOWS]
    for case, words, peer, floor, target in (
            ("IPv6", ["--v6", "--sizes", 78], "v4", 0.80, 0.90),
            ("IMIX", ["--sizes", IMIX], "limit", 0.80, 0.95),
            ("1,500 B", ["--sizes", 1514], "limit", 0.80, 0.95),
            ("TCP", ["--tcp"], "limit", 0.50, 0.60)):
        if not wants(options, case):
            continue
        switches = [ours(options, 1000), ours(options, 1000) if peer == "v4" else Testpmd(options)]
        us, other = alternate(options, switches, lambda s: base + (
            ["--sizes", 78] if peer == "v4" and s is switches[1] else words))
        if peer == "v4":
            other.name = "our own IPv4"
        report.compare("1000 rules, 10000 flows, " + case, "pps", us, other, floor, target, MPPS)


def forward(options, report):
    forward_flows(options, report)
    forward_kinds(options, report)


def opening(options, report):
    """Connections that are opened and closed again, six segments each."""
    us, ovs = alternate(options, [ours(options, 1000, 1000000), Ovs(options, rules=1000)],
                        WINDOWS, "opener")
    report.compare("connections a second", "pps", us, ovs, 5, scale=1000)
    report.line("connections a second", "pps", us.median("pps"), None, floor=500e3, target=1e6,
                scale=1000, spread=us.spread("pps"), runs=len(us.runs), discarded=us.discarded)


def many(options, report):
    """2 M live connections: cycles a packet against 10k."""
    few, lots = ours(options, 1000), ours(options, 1000, 2000000)
    lots_, few_ = alternate(options, [lots, few], lambda s: [
        "--flows", 2000000 if s is lots else 10000, *WINDOWS])
    few_.name = "10k connections"
    report.compare("2 M connections", "cycles", lots_, few_, 1 / 2.5, 1 / 2, less=True)


def denied(options, report):
    """Every packet a new tuple; and meanwhile a port that minds its own business."""
    if wants(options, "flood"):
        us, limit = alternate(options, [ours(options, 1000, n_ports=4), Testpmd(options)],
                              lambda s: ["--flows", 1, "--rate", 1000, *WINDOWS]
                              if s.n_ports == 4 else ["--flows", 10000, *WINDOWS])
        report.line("flood of new tuples", "pps", us.median("strangers"), limit.median("pps"),
                    limit.name, 0.30, 0.40, MPPS, spread=us.spread("strangers"),
                    runs=len(us.runs), discarded=us.discarded + limit.discarded)
    if wants(options, "victim"):
        victim(options, report)


def victim(options, report):
    """A port at 40 % of what it has alone; the loss of another one's flood."""
    us = ours(options, 1000, n_ports=4)
    alone = once(options, us, ["--flows", 1000, "--strangers", 1, *WINDOWS]).median("pps")
    if not alone:
        sys.exit("bench: the machine is too busy")
    flood, = alternate(options, [us], ["--flows", 1000, "--rate", 0.4 * alone, *WINDOWS])
    lost = flood.median("lost")
    report.line("victim of a flood, kept", "share", None if lost is None else 1 - lost, None,
                floor=0.98, target=0.99, runs=len(flood.runs), discarded=flood.discarded)


def latency(options, report):
    us = ours(options, 1000)
    rate = once(options, us, ["--flows", 1000, *WINDOWS]).median("pps")
    if not rate:
        sys.exit("bench: the machine is too busy")
    for share in (0.1, 0.5, 0.9):
        case = "latency at %d %% of %.1f Mpps" % (share * 100, rate / MPPS)
        mine, ovs = alternate(options, [us, Ovs(options, rules=1000)], [
            "--flows", 1000, "--latency", "--burst", 4, "--rate", share * rate, *WINDOWS])
        for metric in ("p50", "p99"):
            report.compare(case, metric, mine, ovs, 1, 2, 1000, less=True)
        report.line(case, "p999", mine.median("p999"), ovs.median("p999"), ovs.name, scale=1000,
                    less=True)


class Desktops:
    """Far ends that do nothing, but for a ping between the first two."""

    def __init__(self, options, first, n):
        self.process = subprocess.Popen(
            ["taskset", "-c", str(OTHER_CPU), options.build + "/perf/idle",
             *("%s/p%d" % (options.tmp, i) for i in range(first, first + n))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=ends_with_us)
        if self.process.stdout.readline() != "ready\n":
            sys.exit("bench: the idle desktops cannot be connected")

    def ping(self):
        """Nanoseconds, or None when it was lost."""
        self.process.stdin.write("ping\n")
        self.process.stdin.flush()
        word, *ns = self.process.stdout.readline().split()
        return int(ns[0]) if word == "pong" else None

    def stop(self):
        self.process.stdin.close()
        self.process.wait(60)


class WithIdlePorts(Ours):
    name = "none idle"

    def __init__(self, options, n_idle, **settings):
        super().__init__(options, n_ports=2 + n_idle, **settings)
        self.n_idle = n_idle

    def start(self):
        super().start()
        self.n_ports = 2  # of the generator's
        self.desktops = Desktops(self.options, 2, self.n_idle) if self.n_idle else None

    def stop(self):
        if self.desktops:
            self.desktops.stop()
        super().stop()
        self.n_ports = 2 + self.n_idle


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle(options, report):
    """200 ports of which nothing comes."""
    busy, alone = alternate(options, [WithIdlePorts(options, 200), WithIdlePorts(options, 0)],
                            ["--flows", 1000, *WINDOWS])
    report.compare("a busy port beside 200 idle ones", "pps", busy, alone, 0.85, 0.95, MPPS)
    switch = Ours(options, n_ports=200, idle_sleep="true")
    switch.start()
    desktops = Desktops(options, 0, 200)
    desktops.ping()
    time.sleep(3)
    before, since = cpu_seconds(switch.pid), time.monotonic()
    time.sleep(IDLE_S)
    share = (cpu_seconds(switch.pid) - before) / (time.monotonic() - since)
    report.line("200 idle ports, all threads", "CPU", share, None, at_most=(0.03, 0.01))
    took = []
    for _ in range(PINGS):
        time.sleep(0.02)
        took.append(desktops.ping())
    desktops.stop()
    switch.stop()
    if None in took:
        sys.exit("bench: a packet after a pause was lost")
    took.sort()
    report.line("first packet after a pause, median", "us", took[len(took) // 2] / 1000, None)
    report.line("first packet after a pause", "p99 us", took[len(took) * 99 // 100] / 1000, None,
                at_most=(1000, 200))


CASES = {f.__name__: f for f in (forward, opening, many, denied, latency, idle)}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("case", choices=CASES)
    add_arguments(p, 5)
    p.add_argument("--only", help="lines whose case has this word")
    options = parse_arguments(p)
    report = Report(options)
    verify(options, ours(options))
    CASES[options.case](options, report)
    return 0 if report.floors_met else 1


if __name__ == "__main__":
    sys.exit(main())
