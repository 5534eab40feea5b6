#!/usr/bin/python3
"""How soon a desktop that looks around is cut off: the cases of 'bench.sh respond'.

    respond.py --build DIR --tmp DIR [--memory-dir DIR] [--runs N] [--rate PPS] [--json] [--no-huge]

It starts vswitchd with automatic quarantine, and perf/respond as a desktop, which sends allowed
packets without end and then SYNs to three desktops.  'ours' is from when it was about to send the
third SYN to when the last packet that got through was with the receiver.  Half of the trials find
the switch idle (its workers and its telemetry sleep), half busy.

The receipt is when a client that watches quarantines was told.  What was sent after it and got
through is counted in every trial, disturbed or not; one such packet is a failure.

A trial in which the worker was ready and had no CPU, or the hypervisor took a CPU, for more than
machine.MAX_DISTURBED of the time from its first SYN to the end of the silence that follows, is counted
apart and done again.  The desktop has a CPU together with control and telemetry, and goes first, or it
would see what got through only when they have nothing more to do: what they wait for it is in 'ours'.
So it must not be so fast that it leaves them none: see --rate."""

import argparse
import glob
import json
import queue
import statistics
import subprocess
import sys
import threading
import time

from machine import MAX_DISTURBED, Disturbance, machine
from switch import OTHER_CPU, Switch, add_arguments, ends_with_us, parse_arguments

N_DESKTOPS = 5      # the sender, the receiver, and those that are looked for
TRIES = 3           # times the trials that are wanted
TARGET_MS = 10      # at the 99th percentile
QUARANTINE = 4      # WatchKind
POLICY = """version: 1
rules:
  - { id: out, direction: egress, peer: 10.0.0.2, protocol: udp, ports: [5001], action: allow }
  - { id: in, direction: ingress, peer: 10.0.0.1, protocol: udp, ports: [5001], action: allow }
detection: { quarantine: { severity: high, at_most: 0 } }
"""


class Desktop:
    def __init__(self, options):
        command = ["chrt", "-f", "1", options.build + "/perf/respond", "--lcore", str(OTHER_CPU),
                   "--rate", str(options.rate)] + (["--no-huge"] if options.no_huge else [])
        self.errors = open(options.tmp + "/respond.log", "w+")
        self.process = subprocess.Popen(command + [options.tmp + "/p0", options.tmp + "/p1"],
                                        preexec_fn=ends_with_us, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True,
                                        bufsize=1)

    def say(self, word):
        self.process.stdin.write(word + "\n")

    def answer(self, word):
        for line in self.process.stdout:
            if line.split()[0] == word:
                return [int(number) for number in line.split()[1:]]
        self.errors.seek(0)
        sys.exit("respond: " + self.errors.read()[-1000:])

    def end(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.errors.close()


class Receipts:
    """When a client was told that p0 is cut off, or no longer."""

    def __init__(self, switch):
        stubs = switch.stubs
        self.stream = stubs.method("fusuma.v1.WatchService", "Watch")(
            stubs.request("fusuma.v1.WatchService", "Watch", kinds=[QUARANTINE]))
        self.told = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            for event in self.stream:
                now = time.monotonic_ns()
                if event.HasField("quarantine"):
                    self.told.put((event.type, now))
        except Exception:
            pass  # the switch has ended

    def next(self, type_):
        ADDED, CHANGED, REMOVED = 1, 2, 3
        while True:
            try:
                found, now = self.told.get(timeout=10)
            except queue.Empty:
                sys.exit("respond: the switch does not say that the desktop is cut off, or released")
            if found in ((ADDED, CHANGED) if type_ == "on" else (REMOVED,)):
                return now


def give_back(switch):
    """Closes the incident, so that the next trial has one of its own, and releases the port."""
    stubs, listed = switch.stubs, []
    while not listed:  # it shows when it is stored
        listed = stubs.call("fusuma.v1.IncidentService", "ListIncidents", open=True).incidents
    stubs.call("fusuma.v1.IncidentService", "CloseIncident", id=listed[0].id, text="benchmark")
    release = stubs.request("fusuma.v1.QuarantineService", "Release", port="p0")
    if "reason" in release.DESCRIPTOR.fields_by_name:
        release.reason = "benchmark"
    stubs.method("fusuma.v1.QuarantineService", "Release")(release, timeout=10)


def threads(pid, *names):
    """The threads of a process whose names begin so."""
    tasks = glob.glob("/proc/%d/task/*" % pid)
    return [task for task in tasks if open(task + "/comm").read().startswith(names)]


class Trial:
    def __init__(self, switch, desktop, receipts, disturbance, kind):
        desktop.say(kind)
        desktop.answer("ready")
        disturbance.look()
        start = time.monotonic()
        desktop.say("go")
        denied, last_sent, last_received, self.through = desktop.answer("trial")
        self.disturbed = disturbance.look() / (time.monotonic() - start) > MAX_DISTURBED
        receipt = receipts.next("on")
        self.ms = (last_received - denied) / 1e6
        self.receipt_ms = (receipt - denied) / 1e6
        self.after_receipt = last_sent > receipt
        give_back(switch)
        receipts.next("off")


def percentile(times, share):
    """The smallest time that so many are not above."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, -(-len(ordered) * share // 100) - 1)]


class Report:
    def __init__(self, as_json):
        self.as_json, self.all_met = as_json, True
        if not as_json:
            print("automatic quarantine, from the denied packet to the last that gets through,"
                  " on %s\n" % machine())
            print("%-18s %8s %8s %8s %8s %5s %9s %9s %10s %9s %14s" % (
                "case", "p99 ms", "median", "max", "target", "met", "receipt", "trials",
                "disturbed", "p99, all", "after receipt"))

    def line(self, case, tried, wanted):
        good = [t for t in tried if not t.disturbed]
        enough = len(good) >= wanted
        times = [t.ms for t in (good if enough else tried)]
        p99, after = percentile(times, 99), sum(t.after_receipt for t in tried)
        met = p99 < TARGET_MS and after == 0
        self.all_met &= met
        row = {
            "case": case, "unit": "ms", "ours": round(p99, 3), "peer": None, "target": TARGET_MS,
            "met": met, "median": round(statistics.median(times), 3), "max": round(max(times), 3),
            "receipt": round(statistics.median(t.receipt_ms for t in tried), 3),
            "trials": len(times), "disturbed": len(tried) - len(good),
            "p99_of_all": round(percentile([t.ms for t in tried], 99), 3),
            "max_of_all": round(max(t.ms for t in tried), 3),
            "packets_between": round(statistics.median(t.through for t in tried)),
            "trials_with_packets_after_receipt": after,
        }
        if self.as_json:
            print(json.dumps({**row, "too_few_undisturbed": not enough, "machine": machine()}),
                  flush=True)
            return
        print("%-18s %8.2f %8.2f %8.2f %8s %5s %9.2f %9d %10d %9.2f %14d" % (
            case + ("" if enough else " (!)"), p99, row["median"], row["max"], "< 10",
            "yes" if met else "NO", row["receipt"], row["trials"], row["disturbed"],
            row["p99_of_all"], after), flush=True)
        if not enough:
            print("(!) too few trials were undisturbed: the figures are of all")


def run(options):
    switch = Switch(options, options.memory_dir, N_DESKTOPS, idle_sleep="true")
    switch.apply(POLICY)
    desktop, receipts = Desktop(options), Receipts(switch)
    disturbance = Disturbance(threads(switch.process.pid, "rte-worker"))
    tried = {"idle": [], "busy": []}
    wanted = {"idle": options.runs // 2, "busy": options.runs - options.runs // 2}
    while True:
        due = [kind for kind in tried if len(tried[kind]) < TRIES * wanted[kind] and
               sum(not t.disturbed for t in tried[kind]) < wanted[kind]]
        if not due:
            break
        for kind in due:
            tried[kind].append(Trial(switch, desktop, receipts, disturbance, kind))
    desktop.end()
    switch.stop()
    report = Report(options.json)
    report.line("respond", sum(tried.values(), []), options.runs)
    for kind in tried:
        report.line("respond, " + kind, tried[kind], wanted[kind])
    return 0 if report.all_met else 1


def main():
    parser = argparse.ArgumentParser()
    add_arguments(parser, 1000)
    parser.add_argument("--rate", type=int, default=10000,
                        help="allowed packets a second; above 25000 the switch has no CPU left")
    options = parse_arguments(parser)
    if options.runs < 2:
        parser.error("two trials at least: one of an idle switch, one of a busy one")
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
