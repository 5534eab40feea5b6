#!/bin/bash
# Delivery under kills: while a desktop scans without end, the relay, rsyslog, the webhook's receiver and
# the switch are killed, and the disks of the relay and of the switch filled, at random moments.  In the
# end every number of the drop stream has come to every sink that can know (all but UDP), or it was told
# as missing.  To repeat a run: relay.sh SEED [ROUNDS]
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/../system/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../system/relay_lib.sh"

seed=${1:-$(date +%s)}
rounds=${2:-60}
RANDOM=$seed
echo "seed $seed"

office_at_exit()
{
    [[ $status = 0 || ! -e ${RELAY_DIR:-}/relay.log ]] || tail -n 40 "$RELAY_DIR/relay.log" >&2
    ! mountpoint -q "$OFFICE_DIR/disk" || umount -l "$OFFICE_DIR/disk"
    ! mountpoint -q "$OFFICE_DIR/state" || umount -l "$OFFICE_DIR/state"
}

# A part of a second, or some of them.
pause()
{
    sleep "$((RANDOM % 3)).$((RANDOM % 10))"
}

fill()
{
    dd if=/dev/zero of="$1/ballast" bs=64k 2>/dev/null || true
}

scan_for_ever()
{
    spawn_ns d1 /usr/bin/python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
port = 10000
while True:
    try:
        s.sendto(b"x", (sys.argv[1], port))
    except OSError:
        pass
    port = 10000 + (port - 9999) % 50000
    time.sleep(0.005)' "$OFFICE_NET.12"
}

restart_switch()
{
    relay_kill "$1" "$OFFICE_SWITCH_PID"
    OFFICE_SWITCH_PID=
    pause
    office_start
}

restart_rsyslog()
{
    relay_kill "$1" "$RSYSLOG_PID"
    pause
    relay_rsyslog_start
}

restart_receiver()
{
    relay_kill KILL "$RECEIVER_PID"
    pause
    relay_receiver_start
}

restart_relay()
{
    relay_kill "$1" "$RELAY_PID"
    pause
    relay_run
}

# All at once, with what each has in its memory.
restart_everything()
{
    kill -KILL "$RELAY_PID" "$RSYSLOG_PID" "$RECEIVER_PID"
    wait "$RELAY_PID" "$RSYSLOG_PID" "$RECEIVER_PID" 2>/dev/null || true
    relay_rsyslog_start
    relay_receiver_start
    relay_run
}

office_open
mkdir "$OFFICE_DIR/disk"
mount -t tmpfs -o size=256m none "$OFFICE_DIR/disk"
mount -t tmpfs -o size=64m none "$OFFICE_DIR/state"
RELAY_DISK=$OFFICE_DIR/disk
office_build
office_config
office_start
relay_open
relay_rsyslog_start
relay_receiver_start
relay_config >"$RELAY_DIR/relay.yaml"
relay_run
scan_for_ever
scanner=$!

for ((round = 1; round <= rounds; round++)); do
    pause
    what=$((RANDOM % 9))
    case $what in
    0) restart_relay KILL ;;
    1) restart_relay TERM ;;
    2) restart_rsyslog KILL ;;
    3) restart_rsyslog TERM ;;
    4) restart_receiver ;;
    5) restart_switch KILL ;;
    6) restart_switch TERM ;;
    7) restart_everything ;;
    8)
        disk=$OFFICE_DIR/disk
        ((RANDOM % 2)) || disk=$OFFICE_DIR/state
        fill "$disk"
        pause
        ((RANDOM % 2)) || restart_relay KILL
        rm "$disk/ballast"
        ;;
    esac
    kill -0 "$RELAY_PID" || die "the relay has ended by itself"
done
echo "$rounds rounds"

relay_kill KILL "$scanner"
sleep 1
for sink in file tcp tls webhook; do
    relay_expect 120 $sink
done
echo "udp: $(relay_complete udp || true)"
relay_kill TERM "$RELAY_PID"
sw audit >/dev/null
echo "ok"
