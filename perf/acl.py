#!/usr/bin/python3
"""What perf/acl printed, beside what is asked of the rule tables.

    acl.py [--json] FILE"""

import argparse
import json
import os
import statistics
import sys

from machine import machine

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
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("file")
    sys.exit(acl(parser.parse_args()))


if __name__ == "__main__":
    main()
