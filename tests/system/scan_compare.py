#!/usr/bin/python3
"""Compares what test_scan.sh counted outside the switch with what the switch says.

    scan_compare.py DIR NET PORTS

Exits with 1 and says why when something does not agree."""

import json
import sys

failures = 0


def check(what, left, right):
    global failures
    verdict = "ok" if left == right else "NOT EQUAL"
    failures += left != right
    print(f"{what}: {left} = {right}: {verdict}")


def documents(path):
    """All JSON documents of a file, however they are laid out."""
    decoder = json.JSONDecoder()
    with open(path, encoding="utf-8") as file:
        text = file.read().strip()
    at = 0
    while at < len(text):
        document, at = decoder.raw_decode(text, at)
        yield document
        while at < len(text) and text[at].isspace():
            at += 1


def outside(path):
    items = next(documents(path))["nftables"]
    return {i["counter"]["name"]: i["counter"]["packets"] for i in items if "counter" in i}


def inside(path):
    port = next(documents(path))["ports"][0]
    numbers = {k: int(port.get(k, 0)) for k in ("received", "probes", "lostBefore")}
    for drop in port.get("drops", []):
        numbers[drop["reason"]] = int(drop["packets"])
    return numbers


def advance(before, after):
    return {k: after[k] - before.get(k, 0) for k in after}


def check_nmap(directory):
    with open(f"{directory}/scan.gnmap", encoding="utf-8") as file:
        text = file.read()
    check("open ports that nmap found", text.count("/open/"), 0)
    check("closed ports that nmap found", text.count("/closed/"), 0)
    with open(f"{directory}/sweep.txt", encoding="utf-8") as file:
        check("neighbours that the ARP sweep found", file.read().count("Host is up"), 5)


def check_records(events, net, ports, lost):
    records = [e["record"] for e in events if "record" in e]
    seen = {(r["dstIp"], int(r["dstPort"])) for r in records
            if r.get("protocol") == 6 and r.get("port") == "d6" and "dstPort" in r}
    wanted = {(f"{net}.{host}", port) for host in range(11, 16) for port in ports}
    missing = sorted(wanted - seen)
    print(f"SYNs without a record: {len(missing)} of {len(wanted)} {missing[:5]}")
    check("no more of them than the kernel lost", len(missing) <= lost, True)
    lateral = [r for r in records if r.get("rule") == "no-lateral"]
    check("users of the records", {r.get("user") for r in lateral}, {"faisal"})
    check("records without a service", [r for r in lateral if not r.get("service")], [])
    return sum(int(r.get("count", 0)) for r in lateral)


def port_list(text):
    """"22,80-82" as numbers."""
    ports = []
    for item in text.split(","):
        low, _, high = item.partition("-")
        ports += range(int(low), int(high or low) + 1)
    return ports


def unsaid(events, reason):
    totals = {}
    for event in events:
        if event.get("unsaid", {}).get("reason") == reason:
            totals = event["unsaid"]
    return int(totals.get("suppressed", 0)) + int(totals.get("lost", 0))


def main():
    directory, net, ports = sys.argv[1], sys.argv[2], port_list(sys.argv[3])
    out = advance(outside(f"{directory}/before.outside"), outside(f"{directory}/after.outside"))
    ins = advance(inside(f"{directory}/before.inside"), inside(f"{directory}/after.inside"))
    events = list(documents(f"{directory}/drops.json"))
    lost = ins["lostBefore"]

    check_nmap(directory)
    recorded = check_records(events, net, ports, lost)
    print(f"lost by the kernel before the switch: {lost}")
    check("sent by the scanner = received + lost by the kernel", out["sent"],
          ins["received"] + lost)
    dropped = ins.get("egress-rule", 0)
    if lost:
        check("denied packets sent, no more than lost are missing",
              0 <= out["denied"] - dropped <= lost, True)
    else:
        check("denied packets sent = dropped by rule", out["denied"], dropped)
    total = inside(f"{directory}/after.inside").get("egress-rule", 0)
    check("dropped by rule since the start = in records + unsaid", total,
          recorded + unsaid(events, "egress-rule"))
    check("a SYN at the least for each port", out["syns"] >= 5 * len(ports), True)
    check("probes were counted", ins["probes"] > 0, True)
    return 1 if failures else 0


sys.exit(main())
