#!/bin/bash
# A healthy day: six desktops work with their server, look for names and devices, update, call and browse
# what they must not reach; people log in and out.  None of it is an incident.
#
#     healthy.sh [SECONDS]        default: two hours
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/../system/lib.sh"

SECONDS_=${1:-7200}
PY=(/usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/healthy.py")
WORK=()

office_open
office_build
office_config
cat >>"$OFFICE_DIR/policy.yaml" <<EOF
  - { id: work, direction: egress, peer: server, protocol: tcp, ports: [443, 445], action: allow }
  - { id: names, direction: egress, peer: server, protocol: udp, ports: [53], action: allow }
EOF
office_start
office_web server 80
spawn_ns server "${PY[@]}" server "$OFFICE_NET"
for i in 1 2 3 4 5 6; do
    # Neighbours are asked again often: as much as in days, with users that change meanwhile.
    in_ns "d$i" sysctl -qw net.ipv4.neigh.eth0.base_reachable_time_ms=3000 \
        net.ipv4.neigh.eth0.delay_first_probe_time=2
    spawn_ns "d$i" "${PY[@]}" desktop "$OFFICE_NET" $((10 + i)) "$SECONDS_" "$i" >"$OFFICE_DIR/day-$i"
    WORK+=($!)
done
end=$((SECONDS + SECONDS_)) n=0
while ((SECONDS < end)); do
    port=d$((RANDOM % 6 + 1)) n=$((n + 1))
    sw session login "user-$n" --port $port --session "s-$n" >/dev/null
    sleep $((RANDOM % 5 + 1))
    sw session logout --session "s-$n" >/dev/null
done
for pid in "${WORK[@]}"; do
    wait "$pid" || die "a desktop did not get through its day"
done
sleep 2
cat "$OFFICE_DIR"/day-*
drops=$(sw drops | tail -n +2 | wc -l)
echo "$n logins, $drops drop records"
((drops > SECONDS_ / 2)) || die "hardly anything was denied: it was no such day"
found=$(sw incident list | tail -n +2)
[[ ! $found ]] || {
    for id in $(awk "{ print \$1 }" <<<"$found"); do
        sw incident show "$id" | sed -n 1,60p
    done
    die "healthy desktops are incidents: $found"
}
# The watch was no sleep: one look at a neighbour is one.
in_ns d1 timeout 1 bash -c ": </dev/tcp/$(desk_ip 2)/445" 2>/dev/null && die "d1 reached a neighbour"
office_wait 10 "an incident" eval '[[ $(sw incident list | tail -n +2 | wc -l) -eq 1 ]]'
sw audit
