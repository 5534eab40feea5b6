#!/bin/bash
# examples/controller.py: a stock gRPC client that watches two switches, cuts a suspect off and fetches
# its report; it outlives a switch's restart, and does nothing twice.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

BUILD=${FUSUMA_BUILD:-$OFFICE_TOP/build}

said()
{
    [[ $(grep -cE "$1" "$OFFICE_DIR/said") -eq $2 ]]
}

office_open
office_build
office_config
office_start
mkdir "$OFFICE_DIR/reports"
/usr/bin/python3 "$OFFICE_TOP/examples/controller.py" --protoset "$BUILD/proto/fusuma.protoset" --cut high \
    --reports "$OFFICE_DIR/reports" "floor1=unix:$OFFICE_DIR/run/vswitchd.sock" \
    "floor2=unix:$OFFICE_DIR/nobody.sock" >"$OFFICE_DIR/said" 2>&1 &
OFFICE_PIDS+=($!)
office_wait 10 "a switch that is away is told" grep -q '^floor2: UNAVAILABLE' "$OFFICE_DIR/said"

echo "-- a probe is told, a sweep is cut off"
in_ns d1 timeout 1 bash -c ": </dev/tcp/$(desk_ip 2)/445" 2>/dev/null && die "d1 reached a neighbour"
office_wait 10 "the probe" said '^floor1: incident 1, medium: d1, aiko: ' 1
in_ns d1 nmap -n -Pn --max-retries 1 -p 445 "$OFFICE_NET.13-16" >/dev/null 2>&1 || true
office_wait 10 "the sweep" said '^floor1: incident 1, high: d1, aiko: ' 1
office_wait 10 "the quarantine" said '^floor1: d1 is cut off, ' 1
office_wait 10 "the report" said '^floor1: .*floor1-incident-1.html, SHA-256 ' 1
grep -q 'd1' "$OFFICE_DIR/reports/floor1-incident-1.html" || die "the report is about nobody"
[[ $(stat -c %a "$OFFICE_DIR/reports/floor1-incident-1.html") = 600 ]] || die "others can read the report"
in_ns d1 ping -c 1 -W 1 "$OFFICE_SERVER" >/dev/null && die "d1 is not cut off"

echo "-- the switch is started anew: nothing is done twice"
kill -KILL "$OFFICE_SWITCH_PID"
wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
office_start
in_ns d3 timeout 1 bash -c ": </dev/tcp/$(desk_ip 2)/22" 2>/dev/null && die "d3 reached a neighbour"
office_wait 20 "it watches again" said '^floor1: incident 2, medium: d3, chiyo: ' 1
said '^floor1: d1 is cut off, ' 1 || die "d1 was cut off again: $(<"$OFFICE_DIR/said")"
sw incident close 2 --comment "a slip" >/dev/null
office_wait 10 "the end" said '^floor1: incident 2, medium: d3, chiyo: closed' 1
cat "$OFFICE_DIR/said"
