#!/usr/bin/python3
"""How fast policies come into force, and what they cost: the cases of 'bench.sh policy'.

    policy.py --build DIR --top DIR --tmp DIR [--memory-dir DIR] [--runs N] [--json] [--no-huge]
              [--only WORD]

It starts vswitchd, applies policies by gRPC, and takes the times from the replies (Elapsed in
elapsed.proto): 'ours' of what takes time is from when the switch had read the request until every
worker judged by the policy, reading the YAML and storing it included.  Each is the median of the
runs; 'worst' beside it is the longest.  A run in which threads of the switch were ready and had no
CPU for more than a fifth of the time says how busy the machine was: it is done again, up to so many
times, and where too few were undisturbed, 'disturbed' is said.  docs/performance.md says what the
cases are."""

import argparse
import glob
import gzip
import json
import os
import re
import statistics
import subprocess
import sys
import time

from switch import OTHER_CPU, WORKER_CPU, Switch, add_arguments, ends_with_us, parse_arguments

N_PORTS = 200
MAX_RULES = 131000  # N_RULE_SLOTS, less what is there beside the set
FILTER = re.compile(r"@(\S+)\s+(\S+)\s+(\d+) : (\d+)\s+(\d+) : (\d+)\s+0x(\w\w)/0x(\w\w)")
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp"}
# Allowed before everything else: the traffic that is under way while policies change.
TRAFFIC = """tiers:
  emergency:
    - { id: out, direction: egress, peer: 10.0.0.2, protocol: udp, ports: [5001], action: allow }
    - { id: in, direction: ingress, peer: 10.0.0.1, protocol: udp, ports: [5001], action: allow }
"""


# ---- policies ----

def filters(path, first=None):
    with gzip.open(path, "rt") as f:
        return [FILTER.match(line).groups() for line in f][:first]


def rule(name, filter_, action, more=""):
    """What a desktop's table has of a filter: peer, protocol and destination ports."""
    _, dst, _, _, lo, hi, protocol, mask = filter_
    number = int(protocol, 16)
    text = "  - { id: %s, direction: egress, peer: %s" % (name, "any" if dst.endswith("/0") else dst)
    if mask == "FF":
        text += ", protocol: %s" % PROTOCOLS.get(number, number)
        if number in (6, 17) and (lo, hi) != ("0", "65535"):
            text += ", ports: [%s]" % (lo if lo == hi else "%s-%s" % (lo, hi))
    return text + ", action: %s%s }\n" % (action, more)


def policy(rules, flipped=None, head=TRAFFIC):
    """Every other rule allows; 'flipped' is one that does the opposite."""
    actions = ["allow" if (i % 2 == 1) != (i == flipped) else "drop" for i in range(len(rules))]
    return "version: 1\n" + head + "rules:\n" + "".join(
        rule("r%d" % i, f, a) for i, (f, a) in enumerate(zip(rules, actions)))


def distinct_policy(rules, n_own):
    """A table of its own for every port: of 'rules' all but the last are common, and each port has
    'n_own' more that are applied to it alone."""
    groups = "".join("  g%d: { labels: { n: '%d' } }\n" % (p, p) for p in range(N_PORTS))
    own = "".join(
        rule("p%dr%d" % (p, i), rules[(p * n_own + i) % len(rules)], "allow" if i % 2 else "drop",
             ", applied_to: g%d" % p) for p in range(N_PORTS) for i in range(n_own))
    common = "".join(rule("r%d" % i, f, "allow" if i % 2 else "drop")
                     for i, f in enumerate(rules[:-n_own]))
    return "version: 1\n" + TRAFFIC + "groups:\n" + groups + "rules:\n" + own + common


# ---- traffic ----

class Traffic:
    """Packets from p0 to p1, all of which are allowed, for so many seconds."""

    def __init__(self, options, switch, seconds):
        self.switch = switch
        self.not_taken = switch.not_taken()
        command = ["nice", "-n", "19", options.build + "/perf/gen", "--lcore", str(OTHER_CPU),
                   "--flows", "1000", "--windows", "1", "--warmup", "0.2", "--seconds",
                   str(seconds), "--rate", str(options.rate)]
        command += ["--no-huge"] if options.no_huge else []
        self.errors = open(options.tmp + "/gen.log", "w")
        self.process = subprocess.Popen(command + [options.tmp + "/p0", options.tmp + "/p1"],
                                        preexec_fn=ends_with_us, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)
        self.read_until("begin")

    def read_until(self, word):
        for line in self.process.stdout:
            if line.split()[0] == word:
                return line.split()
        with open(self.errors.name) as f:
            sys.exit("policy: the generator found fault: " + f.read()[-1000:])

    def running(self):
        return self.process.poll() is None

    def end(self):
        """Packets sent, of those lost, and those that the generator was too late to take."""
        _, sent, received, _ = self.read_until("total")
        if self.process.wait():
            sys.exit("policy: the generator found fault, status %d" % self.process.returncode)
        self.errors.close()
        late = self.switch.not_taken() - self.not_taken
        return int(sent), int(sent) - int(received) - late, late


# ---- runs ----

MAX_WAITED = 0.2  # of the time
TRIES = 5         # times the runs that are wanted


class Runs:
    """So many runs that were not disturbed, or else all."""

    def __init__(self, switch, wanted):
        self.switch, self.wanted = switch, wanted
        self.all, self.good = [], []

    def more(self):
        return len(self.good) < self.wanted and len(self.all) < TRIES * self.wanted

    def run(self, what):
        before = self.switch.waited()
        elapsed = what()
        waited = self.switch.waited() - before
        self.all.append(elapsed)
        if waited <= MAX_WAITED * elapsed.total_us:
            self.good.append(elapsed)

    def times(self):
        return self.good if len(self.good) >= 3 else self.all


# ---- the cases ----

PARTS = ("parse", "compile", "store", "publish")


class Report:
    def __init__(self, as_json):
        self.as_json = as_json
        self.all_met = True
        if not as_json:
            print("%-34s %10s %10s %8s %8s %5s   %s" % (
                "case", "ours", "peer", "ratio", "target", "met",
                " ".join("%8s" % p for p in PARTS + ("worst",))))

    def line(self, case, unit, ours, target, peer=None, peer_name=None, times=None, **more):
        ratio = peer / ours if peer and ours else None
        met = ours <= target if peer is None else ratio >= target
        self.all_met &= met
        parts = {p: statistics.median(getattr(e, p + "_us") for e in times) / 1e3
                 for p in PARTS} if times else {}
        if times:
            more["worst"] = max(e.total_us for e in times) / 1e3
        if self.as_json:
            row = {"case": case, "unit": unit, "ours": round(ours, 3),
                   "peer": peer and round(peer, 3), "peer_name": peer_name,
                   "ratio": ratio and round(ratio, 2), "target": target, "met": met,
                   "runs": len(times) if times else 1}
            row.update({p + "_ms": round(v, 3) for p, v in parts.items()})
            row.update({k: round(v, 3) if isinstance(v, float) else v for k, v in more.items()})
            print(json.dumps(row), flush=True)
            return
        print("%-34s %10s %10s %8s %8s %5s   %s" % (
            case, "%.2f %s" % (ours, unit), "%.1f" % peer if peer else "", "%.1f" % ratio
            if ratio else "", target, "yes" if met else "NO",
            " ".join("%8.2f" % v for v in [*parts.values(), *([more["worst"]] if times else [])])),
            flush=True)


    def runs_line(self, case, runs, target, peer=None, peer_name=None, **more):
        times = runs.times()
        if times is not runs.good:
            more["disturbed"] = True
            case += " (disturbed)"
        self.line(case, "ms", total(times), target, peer, peer_name, times, tried=len(runs.all),
                  **more)


def total(times):
    return statistics.median(e.total_us for e in times) / 1e3


def ruleset(options, name):
    return "%s/tests/data/rulesets/%s.rules.gz" % (options.top, name)


def sets_of(options):
    """The rule sets that a policy has room for, by name."""
    sets = {}
    for path in sorted(glob.glob(ruleset(options, "*"))):
        name = os.path.basename(path).split(".")[0]
        sets[name] = filters(path)
        if len(sets[name]) > MAX_RULES:
            print("policy: %s is left out: a policy has %d rules at most" % (name, MAX_RULES),
                  file=sys.stderr)
            del sets[name]
    return sets


def peers(options, names):
    """Milliseconds of rte_acl's builds, of whole tuples and of a port's fields.  They go before the
    switch starts, which leaves no hugepages."""
    command = ["taskset", "-c", str(WORKER_CPU), options.build + "/perf/rte_build", "--lcore",
               str(WORKER_CPU)] + (["--no-huge"] if options.no_huge else [])
    lines = subprocess.run(command + [ruleset(options, name) for name in names], check=True,
                           stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return {name: [float(ms) for ms in line.split()[2:]] for name, line in zip(names, lines)}


def case_sets(options, switch, report, sets, built):
    """Every set from nothing, beside rte_acl's build of it."""
    for name, rules in sets.items():
        text = policy(rules)
        runs = Runs(switch, options.runs)
        while runs.more():
            switch.apply("version: 1\n" + TRAFFIC)
            runs.run(lambda: switch.apply(text))
        times = runs.times()
        unread = statistics.median((e.total_us - e.parse_us) / 1e3 for e in times)
        report.runs_line("apply " + name, runs, 20, built[name][0], "rte_acl build",
                         ratio_without_yaml=round(built[name][0] / unread, 2),
                         peer_of_port_fields=built[name][1])


def lost_line(report, case, traffic):
    sent, lost, late = traffic.end()
    report.line("lost, " + case, "packets", lost, 0, sent=sent, not_taken=late)


def change_rules(options, switch, report, name, target, where):
    rules = filters(ruleset(options, name), 4000)
    case = "one rule of 4,000, %s%s" % (name.split("-")[0], where)
    texts = [policy(rules), policy(rules, 2000)]
    switch.apply(texts[0])
    traffic = Traffic(options, switch, 0.6 * options.runs + 1)
    runs = Runs(switch, 2 * options.runs)
    while runs.more() and traffic.running():
        runs.run(lambda: switch.apply(texts[(len(runs.all) + 1) % 2]))
        time.sleep(0.02)
    report.runs_line(case, runs, target)
    lost_line(report, case, traffic)


def change_member(options, switch, report, where):
    rules = filters(ruleset(options, "acl3-10k"), 4000)
    head = TRAFFIC + ("    - { id: set, direction: egress, peer: others, protocol: tcp, ports: [445],"
                      " action: allow }\naddress_sets:\n  others: {}\n")
    case = "one of 1,000 members of a set" + where
    switch.set("PutAddressSet", name="others",
               prefixes=["172.20.%d.%d" % (i // 250, i % 250) for i in range(1000)])
    switch.apply(policy(rules, head=head))
    traffic = Traffic(options, switch, 0.6 * options.runs + 1)
    runs = Runs(switch, 4 * options.runs)
    while runs.more() and traffic.running():
        change = {("remove" if len(runs.all) % 2 else "add"): ["172.30.1.1"]}
        runs.run(lambda: switch.set("PatchAddressSet", name="others", **change))
        time.sleep(0.02)
    report.runs_line(case, runs, 1)
    lost_line(report, case, traffic)


def case_changes(options, switch, report, where=""):
    change_rules(options, switch, report, "acl3-10k", 5, where)
    change_rules(options, switch, report, "fw1-10k", 20, where)
    change_member(options, switch, report, where)


def growth(options, n_ports):
    """By how much a policy of 4,000 rules makes the switch larger."""
    switch = Switch(options, options.memory_dir, n_ports)
    before = switch.memory()
    switch.apply(policy(filters(ruleset(options, "acl3-10k"), 4000)))
    grown = switch.memory() - before
    switch.stop()
    return grown


def case_memory(options, report):
    one, all_ = growth(options, 1), growth(options, N_PORTS)
    report.line("a policy that 200 ports share", "MiB", all_, round(1.1 * one + 1, 1), one_port=one)


def case_distinct(options, report):
    rules = filters(ruleset(options, "acl3-10k"), 4000)
    switch = Switch(options, options.memory_dir, N_PORTS)
    times = [switch.apply(distinct_policy(rules, 60))]
    report.line("200 distinct policies, in force", "ms", total(times), 10000, times=times)
    report.line("200 distinct policies, resident", "MiB", switch.memory(), 2048)
    switch.stop()


def run(options, report):
    def wanted(*words):
        return not options.only or any(options.only in w for w in words)

    if wanted("sets", "changes"):
        sets = sets_of(options) if wanted("sets") else {}
        built = peers(options, sets) if sets else {}
        switch = Switch(options, options.memory_dir, N_PORTS)
        if wanted("sets"):
            case_sets(options, switch, report, sets, built)
        if wanted("changes"):
            case_changes(options, switch, report)
        switch.stop()
    if wanted("disk"):
        switch = Switch(options, options.tmp + "/state", N_PORTS)
        case_changes(options, switch, report, ", on disk")
        switch.stop()
    if wanted("memory"):
        case_memory(options, report)
    if wanted("distinct"):
        case_distinct(options, report)


def main():
    parser = argparse.ArgumentParser()
    add_arguments(parser, 5)
    parser.add_argument("--top", required=True)
    parser.add_argument("--rate", type=int, default=50000, help="packets a second while it changes")
    parser.add_argument("--only", help="sets, changes, disk, memory or distinct")
    options = parse_arguments(parser)
    report = Report(options.json)
    run(options, report)
    return 0 if report.all_met else 1


if __name__ == "__main__":
    sys.exit(main())
