#!/usr/bin/python3
"""Whether a sink got everything.

    relay_verify.py FILE NEWEST [--first N] [--unordered] [--json-after TEXT] [--except N,N,...]
                    [--like DB]

FILE has an event a line (as JSON, behind TEXT of a line when that is given).  Every event of the drop stream
from N (1) to NEWEST must have come, or be in a gap that was told; without --unordered each right behind the
one before, when it comes for the first time.  What comes again is the same event, and no event has two ids.
With DB of consumer.py, what it got under that number is the same, too.  Prints how many came, came again,
and were told as missing.
"""
import argparse
import json
import sqlite3
import sys


def what_of(event):
    """What consumer.py has of a record."""
    source, destination = event["source"], event["destination"]
    return "{}:{} > {}:{}".format(source.get("ip", ""), source.get("port", 0), destination["ip"],
                                  destination.get("port", 0))


def read(path, after):
    with open(path, encoding="utf-8") as f:
        for line in f:
            yield json.loads(line[line.index(after) + len(after):] if after else line)


class Ids:
    """Events by their id."""

    def __init__(self, database):
        self.events, self.records, self.rows, self.again, self.alike = {}, {}, {}, 0, 0
        if database:
            rows = sqlite3.connect(database).execute("SELECT epoch, n, what FROM event")
            self.rows = {f"{epoch}-{n}": what for epoch, n, what in rows}

    def is_new(self, event):
        key = event["event"]["id"]
        same = self.events.setdefault(key, event)
        if same is not event:
            self.again += 1
            assert same["event"]["action"] == event["event"]["action"], (same, event)
        if "ip" in event.get("destination", {}):
            self.check_record(key, same, event)
        return same is event

    def check_record(self, key, same, event):
        its = what_of(event)
        record = (event["@timestamp"], its, event["event"]["action"])
        assert what_of(same) == its and same["@timestamp"] == event["@timestamp"], (same, event)
        assert self.records.setdefault(record, key) == key, f"{self.records[record]} is also {key}"
        assert self.rows.get(key, its) == its, f"{key} is {its}, not {self.rows[key]}"
        self.alike += key in self.rows and same is event


class Stream:
    """What a sink has of the drop stream."""

    def __init__(self, first, but):
        self.at, self.first, self.but = None, first, but
        self.came, self.gaps, self.covered, self.faults = 0, 0, set(), []

    def follows(self, epoch, n):
        """Whether nothing is missing between where it was and this."""
        if self.at is None:
            return n == self.first
        between = range(self.at[1] + 1, n)
        return n > self.at[1] and self.but.issuperset(between)

    def take(self, event):
        gap = event.get("fusuma", {}).get("gap")
        if gap:
            first, last = [(int(p["epoch"]), int(p["n"])) for p in (gap["first"], gap["last"])]
            # After a kill the relay may be behind what the sink has got, and told of a gap from there.
            behind = self.at and first[0] == self.at[0] and first[1] <= self.at[1]
            if self.at and not behind and (first[0] != self.at[0] or not self.follows(*first)):
                self.faults.append(f"{self.at} is followed by a gap from {first}")
            self.gaps += 1
            self.covered.update(range(first[1], last[1] + 1))
            if not behind or last[0] != self.at[0] or last[1] > self.at[1]:
                self.at = last
        elif event["event"]["dataset"] == "fusuma.drops":
            epoch, n = map(int, event["event"]["id"].split("-"))
            if not self.follows(epoch, n):
                self.faults.append(f"{self.at} is followed by {(epoch, n)}")
            self.came += 1
            self.covered.add(n)
            self.at = (epoch, n)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("newest", type=int)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--unordered", action="store_true")
    parser.add_argument("--json-after")
    parser.add_argument("--except", dest="but", default="")
    parser.add_argument("--like")
    args = parser.parse_args()

    but = {int(n) for n in args.but.split(",") if n}
    ids, stream = Ids(args.like), Stream(args.first, but)
    for event in read(args.file, args.json_after):
        if ids.is_new(event):
            stream.take(event)
    missing = set(range(args.first, args.newest + 1)) - stream.covered - but
    print(f"{stream.came} came, {ids.again} events again, {stream.gaps} gaps told", end="")
    print(f", {ids.alike} as the consumer has them" if args.like else "")
    if missing:
        print(f"{len(missing)} are missing: {sorted(missing)[:20]}")
    if stream.faults and not args.unordered:
        print("\n".join(stream.faults[:5]))
    if args.like and not ids.alike:
        print("nothing is as the consumer has it, for nothing is the same")
    return bool(missing or (stream.faults and not args.unordered) or (args.like and not ids.alike))


sys.exit(main())
