#!/bin/bash
# Two workers under load: desktops fetch pages of some megabytes in parallel, while policies that all
# allow it take turns and another desktop scans, is quarantined and released.  Every page arrives
# whole, the ledger adds up all the while, and both workers had a part in it.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

MEGABYTES=16
ROUNDS=6
OFFICE_SWITCH_OPTIONS=(--lcores 0@0,1@0,2@1)

# fetch NAME: the page, again and again; ends at the first that is not right.
fetch()
{
    local i
    for ((i = 0; i < ROUNDS; i++)); do
        in_ns "$1" curl -s -S -m 40 -o "$OFFICE_DIR/page-$1" "http://$OFFICE_SERVER/page" &&
            cmp "$OFFICE_DIR/page-$1" "$OFFICE_DIR/www-server/page" || return 1
    done
}

# Allows the page by another rule, at another place.
other_policy()
{
    sed '/id: web/d' "$OFFICE_DIR/policy.yaml"
    echo "  - { id: ssh, direction: egress, peer: gateway, protocol: tcp, ports: [22], action: allow }"
    echo "  - { id: web2, direction: egress, peer: server, protocol: tcp, ports: [1-1024], action: allow }"
}

any_running()
{
    local pid
    for pid in "${fetchers[@]}"; do
        ! kill -0 "$pid" 2>/dev/null || return 0
    done
    return 1
}

policies=0
quarantines=0
# What control does meanwhile.
disturb()
{
    sw policy apply "$OFFICE_DIR/other.yaml" >/dev/null || die "the other policy is refused"
    sw quarantine d6 >/dev/null || die "d6 cannot be quarantined"
    ! in_ns d6 curl -s -m 0.3 -o /dev/null "http://$OFFICE_SERVER/" || die "d6 is not cut off"
    sw audit >"$OFFICE_DIR/audit.txt" || { cat "$OFFICE_DIR/audit.txt"; die "the ledger does not add up"; }
    sw policy apply "$OFFICE_DIR/policy.yaml" >/dev/null || die "the policy is refused"
    sw release d6 --reason over >/dev/null || die "d6 cannot be released"
    in_ns d6 nmap -n -Pn -sS --max-retries 0 --host-timeout 1s -p 22,80,445 \
        "$OFFICE_NET.11-12" >/dev/null
    policies=$((policies + 2))
    quarantines=$((quarantines + 1))
}

office_open
office_build
office_config
other_policy >"$OFFICE_DIR/other.yaml"
office_start
office_web server 80
head -c $((MEGABYTES << 20)) /dev/urandom >"$OFFICE_DIR/www-server/page"

fetchers=()
for name in d1 d2 d3 d4 d5; do
    fetch "$name" &
    fetchers+=($!)
    OFFICE_PIDS+=($!)
done
while any_running; do
    disturb
done
disturb
for pid in "${fetchers[@]}"; do
    wait "$pid" || die "a page did not arrive as it was sent"
done
in_ns d6 curl -s -S -m 5 -o /dev/null "http://$OFFICE_SERVER/" || die "d6 is not released"
echo "$((5 * ROUNDS)) pages of $MEGABYTES MB, $policies policies, $quarantines quarantines"
sw audit
sw worker
sw worker show
sw -o json worker | /usr/bin/python3 -c '
import json, sys
workers = json.load(sys.stdin)["workers"]
packets = [int(w.get("packets", 0)) for w in workers]
for w in workers:
    stages = [s["stage"] for s in w["stages"] if int(s["cycles"]) > 0]
    if stages != ["receive", "parse", "guard", "lookup", "forward", "transmit"]:
        sys.exit(f"stages that took no time: {w}")
sys.exit(None if len(packets) == 2 and min(packets) > 1000 else f"not both workers worked: {packets}")'
