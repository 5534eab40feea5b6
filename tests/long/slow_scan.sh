#!/bin/bash
# A scan of eight probes, 15 seconds apart (nmap -T1): one incident, of the right kind.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/../system/lib.sh"

PY=(/usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/../system/incidents.py")

office_open
office_build
office_config
office_start
in_ns d1 nmap -n -Pn -T1 --max-retries 0 -p 21,22,80,135,139,445,3389,5985 "$(desk_ip 2)" >"$OFFICE_DIR/nmap" &
one=$!
in_ns d3 nmap -n -Pn -T1 --max-retries 0 -p 445 "$OFFICE_NET.11-16" >"$OFFICE_DIR/nmap3"
wait $one
"${PY[@]}" expect "$OFFICE_DIR/run/vswitchd.sock" d1 aiko port_scan 1 --targets "$(desk_ip 2)" --only \
    --service "tcp/445 smb" --service "tcp/3389 rdp" || die "d1: not the incident that it should be"
"${PY[@]}" expect "$OFFICE_DIR/run/vswitchd.sock" d3 chiyo sweep 1 \
    --targets "$(desk_ip 1),$(desk_ip 2),$(desk_ip 4),$(desk_ip 5),$(desk_ip 6)" --only --service "tcp/445 smb" ||
    die "d3: not the incident that it should be"
