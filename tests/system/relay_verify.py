#!/usr/bin/python3
"""Whether a sink got everything.

    relay_verify.py FILE NEWEST [--first N] [--unordered] [--json-after TEXT] [--except N,N,...]

FILE has an event a line (as JSON, behind TEXT of a line when that is given).  Every number from N (1) to
NEWEST of the drop stream must have come, or be in a gap that was told; the first time in order.
Prints how many came, came again, and were told as missing.
"""
import argparse
import json
import sys

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("newest", type=int)
parser.add_argument("--first", type=int, default=1)
parser.add_argument("--unordered", action="store_true")
parser.add_argument("--json-after")
parser.add_argument("--except", dest="but", default="")
args = parser.parse_args()

seen, told, ids = {}, set(), {}
again, last, disorder = 0, 0, []
with open(args.file, encoding="utf-8") as f:
    for number, line in enumerate(f, 1):
        if args.json_after:
            line = line[line.index(args.json_after) + len(args.json_after):]
        event = json.loads(line)
        same = ids.setdefault(event["event"]["id"], event)
        if same is not event:
            again += 1
            assert same["event"]["action"] == event["event"]["action"], line
        gap = event.get("fusuma", {}).get("gap")
        if gap:
            told.update(range(gap["first"]["n"], gap["last"]["n"] + 1))
            n = gap["last"]["n"]
            # What a switch had shown and not stored before it was killed has its numbers again.
            if gap["first"]["epoch"] != gap["last"]["epoch"]:
                last = 0
        elif event["event"]["dataset"] == "fusuma.drops":
            n = event["fusuma"]["n"]
            seen.setdefault(n, number)
        else:
            continue
        if same is event:
            if n <= last:
                disorder.append((last, n))
            last = n
missing = set(range(args.first, args.newest + 1)) - set(seen) - told
missing -= {int(n) for n in args.but.split(",") if n}
print(f"{len(seen)} came, {again} of them again, {len(told)} told as missing")
if missing:
    print(f"{len(missing)} are missing: {sorted(missing)[:20]}")
if disorder and not args.unordered:
    print(f"out of order: {disorder[:5]}")
sys.exit(bool(missing or (disorder and not args.unordered)))
