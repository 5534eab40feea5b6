"""Runs of the generator against switches in turn, and what comes out.

A window in which the hypervisor, or other threads, took time from the switch's worker or the
generator says nothing about the switch: it is left out, and counted.  Switches take turns, each
started anew, until each has enough runs with a window that counts.  A figure is the median of its
runs' medians."""

import json
import statistics
import subprocess
import sys
import time

from machine import Disturbance, machine, tasks_on, undisturbed
from switch import OTHER_CPU, WORKER_CPU, ends_with_us

TRIES = 3  # times the runs that are wanted


class Run:
    def __init__(self, windows):
        self.good = list(filter(undisturbed, windows))
        self.discarded = len(windows) - len(self.good)

    def median(self, metric):
        values = [w[metric] for w in self.good if w.get(metric) is not None]
        return statistics.median(values) if values else None


def window(numbers):
    seconds, (sent, received, n_bytes, strangers) = float(numbers[0]), map(int, numbers[1:5])
    return {"pps": received / seconds, "bps": 8 * n_bytes / seconds,
            "lost": max(0, sent - received) / max(1, sent), "strangers": strangers / seconds,
            "seconds": seconds}


def generate(options, switch, words, program="gen"):
    """One run; the switch is there."""
    command = [options.build + "/perf/" + program, "--lcore", str(OTHER_CPU),
               *(["--no-huge"] if options.no_huge else []), *map(str, words),
               *("%s/p%d" % (options.tmp, i) for i in range(switch.n_ports))]
    with open(options.tmp + "/gen.log", "w+") as log:
        gen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True,
                               preexec_fn=ends_with_us)
        disturbance = Disturbance(tasks_on(switch.pid, WORKER_CPU) +
                                  ["/proc/%d/task/%d" % (gen.pid, gen.pid)])
        windows, total = [], []
        for line in gen.stdout:
            word, *numbers = line.split()
            if word == "begin":
                disturbance.look()
                switch.look()
            elif word == "window":
                w = window(numbers)
                w["disturbed"] = disturbance.look() / w["seconds"]
                cycles, packets = switch.look()
                w["cycles"] = cycles / packets if packets else None
                windows.append(w)
            elif word == "total":
                total = list(map(int, numbers))
            elif word == "latency" and windows:
                windows[-1].update(zip(("n", "p50", "p99", "p999", "max"), map(int, numbers)))
        if gen.wait():
            log.seek(0)
            sys.exit("bench: the generator found fault with %s, status %d: %s" %
                     (switch.name, gen.returncode, log.read()[-1000:]))
    switch.check(*total)
    return Run(windows)


def verify(options, switch):
    """What is measured is a firewall: half of these flows are to be denied, and the generator finds
    fault when one is not."""
    switch.start()
    generate(options, switch, ["--flows", 64, "--denied", 32, "--windows", 1, "--warmup", 0])
    switch.stop()


def once(options, switch, words, program="gen"):
    switch.start()
    time.sleep(1)  # a worker may need a moment before it polls
    run = generate(options, switch, words, program)
    switch.stop()
    return run


def alternate(options, switches, words, program="gen"):
    """Runs of each switch, in turn, until each has enough that count; 'words' may be a function of
    the switch."""
    runs = [[] for _ in switches]
    discarded = [0] * len(switches)
    for _ in range(TRIES * options.runs):
        for i, switch in enumerate(switches):
            run = once(options, switch, words(switch) if callable(words) else words,
                       program)
            discarded[i] += run.discarded
            if run.good:
                runs[i].append(run)
        if all(len(r) >= options.runs for r in runs):
            break
    return [Summary(s.name, r, d) for s, r, d in zip(switches, runs, discarded)]


class Summary:
    def __init__(self, name, runs, discarded):
        self.name, self.runs, self.discarded = name, runs, discarded

    def values(self, metric):
        return [v for v in (run.median(metric) for run in self.runs) if v is not None]

    def median(self, metric):
        values = self.values(metric)
        return statistics.median(values) if values else None

    def spread(self, metric):
        values = self.values(metric)
        return (max(values) - min(values)) / statistics.median(values) if values else None


class Report:
    """Lines of a table, or an object a line."""
    COLUMNS = "%-44s %-8s %10s %10s  %-14s %7s %7s %7s %-6s %6s %5s %9s"

    def __init__(self, options):
        self.options, self.floors_met = options, True
        if not options.json:
            print("on %s\n" % machine())
            print(self.COLUMNS % ("case", "metric", "ours", "peer", "", "ratio", "floor", "target",
                                  "", "spread", "runs", "discarded"), flush=True)

    def compare(self, case, metric, ours, peer, floor=None, target=None, scale=1, less=False):
        """'ours' and 'peer' are summaries; with 'less' the ratio says how much less is better."""
        self.line(case, metric, ours.median(metric), peer.median(metric), peer.name, floor, target,
                  scale, less, spread=ours.spread(metric), runs=len(ours.runs),
                  discarded=ours.discarded + peer.discarded)

    def line(self, case, metric, ours, peer, peer_name="", floor=None, target=None, scale=1,
             less=False, spread=None, runs=0, discarded=0, at_most=None):
        """With 'at_most' floor and target are what 'ours' may not exceed."""
        if ours is None or (peer is None and peer_name):
            self.floors_met = False
            print("bench: %s: no window counts: the machine is too busy" % case, file=sys.stderr)
            return
        ratio = (peer / ours if less else ours / peer) if peer else None
        value = ratio if ratio is not None else ours
        if at_most:
            floor, target = at_most
            above, met = value <= floor, value <= target
        else:
            met = target is None or value >= target
            above = floor is None or value >= floor
        self.floors_met &= above
        if self.options.json:
            print(json.dumps({"case": case, "metric": metric, "ours": round(ours, 1),
                              "peer": peer and round(peer, 1), "peer_name": peer_name,
                              "ratio": ratio and round(ratio, 4), "floor": floor, "target": target,
                              "met": met, "spread": spread and round(spread, 4), "runs": runs,
                              "discarded": discarded, "machine": machine()}), flush=True)
            return
        print(self.COLUMNS % (
            case, metric, number(ours / scale), number(peer and peer / scale), peer_name,
            number(ratio), number(floor), number(target),
            "" if target is None else "met" if met else "floor" if above else "BELOW",
            "" if spread is None else "%.0f%%" % (100 * spread), runs or "", discarded), flush=True)


def number(n):
    return "" if n is None else "%d" % n if n >= 1000 else "%.3g" % n
