#!/usr/bin/python3
"""Measures runs of the generator and compares two switches.

    report.py run --switch NAME --pid PID --cpu CPU --out FILE -- GEN ARGS...
        runs the generator against the switch of process PID, whose worker is on CPU, and appends
        a line about the run to FILE; exit status 3 when none of its windows counts
    report.py compare --case NAME --peer NAME --floor R --target R [--json] FILE
        medians of the windows in FILE, ours beside the peer's
    report.py acl [--json] FILE
        what perf/acl printed, beside what is asked of the rule tables

A window in which the machine took time away from the worker or the generator says nothing about
the switch: it is left out, and counted.
"""

import argparse
import glob
import json
import os
import platform
import statistics
import subprocess
import sys

# The share of a window that may be lost to other virtual machines (stolen) or to other threads
# (waited for the CPU).  /proc/stat counts in ticks, 1 % of a second.
MAX_DISTURBED = 0.05
MIN_RUNS = 3


def stolen_seconds():
    """Time that the hypervisor took, by CPU."""
    with open("/proc/stat") as f:
        rows = [line.split() for line in f if line.startswith("cpu") and line[3].isdigit()]
    ticks = os.sysconf("SC_CLK_TCK")
    return {row[0]: int(row[8]) / ticks for row in rows}


def waited_seconds(task):
    """Time that a thread was ready to run and did not."""
    try:
        with open(task + "/schedstat") as f:
            return int(f.read().split()[1]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0


def tasks_on(pid, cpu):
    """The threads of a process that may run on 'cpu' only: its workers."""
    tasks = []
    for task in glob.glob(f"/proc/{pid}/task/*"):
        with open(task + "/status") as f:
            allowed = [line.split()[1] for line in f if line.startswith("Cpus_allowed_list:")]
        if allowed == [str(cpu)]:
            tasks.append(task)
    return tasks


class Disturbance:
    """What was taken from the measured threads since the last look, in seconds."""

    def __init__(self, tasks):
        self.tasks = tasks
        self.last = self.sample()

    def sample(self):
        return {**stolen_seconds(), **{task: waited_seconds(task) for task in self.tasks}}

    def look(self):
        now = self.sample()
        worst = max(now[key] - self.last[key] for key in now)
        self.last = now
        return worst


def undisturbed(window):
    return window["disturbed"] <= MAX_DISTURBED


def run(args):
    workers = tasks_on(args.pid, args.cpu)
    if not workers:
        sys.exit(f"report: process {args.pid} has no thread of its own on CPU {args.cpu}")
    gen = subprocess.Popen(args.command, stdout=subprocess.PIPE, text=True)
    disturbance = Disturbance(workers + [f"/proc/{gen.pid}/task/{gen.pid}"])
    windows = []
    for line in gen.stdout:
        word, *numbers = line.split()
        if word == "begin":
            disturbance.look()
        elif word == "window":
            seconds, sent, received = float(numbers[0]), int(numbers[1]), int(numbers[2])
            windows.append({
                "pps": received / seconds,
                "lost": max(0, sent - received) / max(1, sent),
                "disturbed": disturbance.look() / seconds,
            })
    if gen.wait():
        sys.exit(f"report: the generator found fault with {args.switch}, status {gen.returncode}"
                 f"{': ' + line.strip() if windows else ''}")
    with open(args.out, "a") as f:
        print(json.dumps({"switch": args.switch, "windows": windows}), file=f)
    return 0 if any(map(undisturbed, windows)) else 3


def machine():
    model = platform.machine()
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}"


def summarise(runs):
    """Median of the runs' medians, their spread, and how many there were."""
    medians, lost, discarded = [], [], 0
    for windows in runs:
        clean = list(filter(undisturbed, windows))
        discarded += len(windows) - len(clean)
        if clean:
            medians.append(statistics.median(w["pps"] for w in clean))
            lost += [w["lost"] for w in clean]
    if len(medians) < MIN_RUNS:
        sys.exit(f"report: only {len(medians)} undisturbed runs of {len(runs)}; {discarded} windows"
                 " discarded: this machine is too busy to measure on")
    median = statistics.median(medians)
    return {
        "pps": median,
        "spread": (max(medians) - min(medians)) / median,
        "lost": statistics.median(lost),
        "runs": len(medians),
        "discarded": discarded,
    }


def compare(args):
    runs = {"ours": [], "peer": []}
    with open(args.file) as f:
        for line in f:
            record = json.loads(line)
            runs[record["switch"]].append(record["windows"])
    ours, peer = summarise(runs["ours"]), summarise(runs["peer"])
    ratio = ours["pps"] / peer["pps"]
    if args.json:
        print(json.dumps({
            "case": args.case, "metric": "pps", "ours": round(ours["pps"]),
            "peer": round(peer["pps"]), "peer_name": args.peer, "ratio": round(ratio, 4),
            "floor": args.floor, "target": args.target, "met": ratio >= args.target,
            "spread": {"ours": round(ours["spread"], 4), "peer": round(peer["spread"], 4)},
            "runs": {"ours": ours["runs"], "peer": peer["runs"]},
            "discarded": ours["discarded"] + peer["discarded"], "machine": machine(),
        }))
    else:
        print(f"{args.case}, on {machine()}\n")
        print(f"{'':12}{'Mpps':>8}{'ns/packet':>11}{'lost':>8}{'spread':>8}{'runs':>6}{'discarded':>11}")
        for name, s in (("vswitchd", ours), (args.peer, peer)):
            print(f"{name:12}{s['pps'] / 1e6:8.2f}{1e9 / s['pps']:11.1f}{s['lost']:8.2%}"
                  f"{s['spread']:8.1%}{s['runs']:6}{s['discarded']:11}")
        verdict = ("meets the target" if ratio >= args.target else
                   "is above the floor" if ratio >= args.floor else "is BELOW the floor")
        print(f"\nratio {ratio:.2f} {verdict} (floor {args.floor}, target {args.target})")
    return 0 if ratio >= args.floor else 1


# Times of rte_acl's over ours: of a lookup on each set and in the geometric mean of the sets of
# some 10,000 rules, and of a build on each.
LOOKUP_TARGET = 0.95
LOOKUP_MEAN_TARGET = 1.3
BUILD_TARGET = 20


def acl_object(case, metric, ours, peer, target, **more):
    return {"case": case, "metric": metric, "ours": ours, "peer": peer, "peer_name": "rte_acl",
            "ratio": round(peer / ours, 3), "target": target, "met": peer / ours >= target, **more}


def acl_objects(lines):
    at_10k = []
    for line in lines:
        path, *numbers, algorithm = line.split()
        rules, headers, hits = map(int, numbers[:3])
        ns, peer_ns, ms, peer_ms = map(float, numbers[3:7])
        bytes_, peer_bytes = map(int, numbers[7:])
        name = os.path.basename(path).removesuffix(".rules.gz")
        lookup = acl_object(f"{name} lookup", "ns", ns, peer_ns, LOOKUP_TARGET, rules=rules,
                            headers=headers, hits=hits, algorithm=algorithm)
        if 5000 <= rules <= 20000:
            at_10k.append(lookup)
        yield lookup
        yield acl_object(f"{name} build", "ms", ms, peer_ms, BUILD_TARGET)
        # No target; less is better here too.
        yield acl_object(f"{name} memory", "bytes", bytes_, peer_bytes, 0)
    if at_10k:
        mean = {key: round(statistics.geometric_mean(o[key] for o in at_10k), 2)
                for key in ("ours", "peer")}
        yield acl_object("10k lookup, geometric mean", "ns", mean["ours"], mean["peer"],
                         LOOKUP_MEAN_TARGET)


def acl(args):
    with open(args.file) as f:
        objects = list(acl_objects(f))
    if args.json:
        for o in objects:
            print(json.dumps({**o, "machine": machine()}))
    else:
        print(f"rule tables beside rte_acl, on {machine()}\n")
        print(f"{'':28}{'':6}{'ours':>14}{'rte_acl':>14}{'ratio':>8}{'target':>8}")
        for o in objects:
            target = f"{o['target']:8}" if o["target"] else " " * 8
            print(f"{o['case']:28}{o['metric']:6}{o['ours']:14}{o['peer']:14}{o['ratio']:8.2f}"
                  f"{target}{'' if o['met'] else '  missed'}")
    return 0 if all(o["met"] for o in objects) else 1


def main():
    parser = argparse.ArgumentParser(prog="report.py")
    commands = parser.add_subparsers(required=True)

    p = commands.add_parser("run")
    p.add_argument("--switch", required=True, choices=("ours", "peer"))
    p.add_argument("--pid", type=int, required=True)
    p.add_argument("--cpu", type=int, required=True)
    p.add_argument("--out", required=True)
    p.add_argument("command", nargs="+")
    p.set_defaults(handler=run)

    p = commands.add_parser("compare")
    p.add_argument("--case", required=True)
    p.add_argument("--peer", required=True)
    p.add_argument("--floor", type=float, required=True)
    p.add_argument("--target", type=float, required=True)
    p.add_argument("--json", action="store_true")
    p.add_argument("file")
    p.set_defaults(handler=compare)

    p = commands.add_parser("acl")
    p.add_argument("--json", action="store_true")
    p.add_argument("file")
    p.set_defaults(handler=acl)

    args = parser.parse_args()
    sys.exit(args.handler(args))


if __name__ == "__main__":
    main()
