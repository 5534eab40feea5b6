#!/bin/bash
# Delivery under kills: while a desktop scans without end, a stock gRPC consumer, the relay, rsyslog, the
# webhook's receiver and the switch are killed, and disks filled, one or all, or frozen, at random moments.
# In the end the consumer has every number of the drop stream exactly once, or was told that it is missing;
# every sink that can know (all but UDP) has it at least once, under the same id, or was told; and a flow
# that the policy allows has lost nothing.  To repeat a run: relay.sh SEED [ROUNDS]
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/../system/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../system/relay_lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../system/delivery_lib.sh"

seed=${1:-$(date +%s)}
rounds=${2:-60}
RANDOM=$seed
echo "seed $seed"

office_at_exit()
{
    delivery_at_exit
}

restart_rsyslog()
{
    relay_kill "$1" "$RSYSLOG_PID"
    delivery_pause
    relay_rsyslog_start
}

restart_receiver()
{
    relay_kill KILL "$RECEIVER_PID"
    delivery_pause
    relay_receiver_start
}

# All at once, with what each has in its memory.
restart_everything()
{
    delivery_hold
    kill -KILL "$RELAY_PID" "$RSYSLOG_PID" "$RECEIVER_PID" "$CONSUMER_PID" "$OFFICE_SWITCH_PID"
    wait "$RELAY_PID" "$RSYSLOG_PID" "$RECEIVER_PID" "$CONSUMER_PID" "$OFFICE_SWITCH_PID" \
        2>/dev/null || true
    OFFICE_SWITCH_PID=
    relay_rsyslog_start
    relay_receiver_start
    relay_run
    delivery_consume
    office_start
    delivery_go_on
}

fill_one()
{
    local disk=$DELIVERY_DISK
    ((RANDOM % 2)) || disk=$OFFICE_DIR/state
    delivery_fill "$disk"
    delivery_pause
    delivery_packets_pass
    ((RANDOM % 2)) || delivery_restart_relay KILL
    delivery_free "$disk"
}

delivery_open
relay_rsyslog_start
relay_receiver_start
relay_config >"$RELAY_DIR/relay.yaml"
relay_run

for ((round = 1; round <= rounds; round++)); do
    delivery_pause
    delivery_look_around
    what=$((RANDOM % 12))
    echo "round $round: $what"
    case $what in
    0) delivery_restart_relay KILL ;;
    1) delivery_restart_relay TERM ;;
    2) restart_rsyslog KILL ;;
    3) restart_rsyslog TERM ;;
    4) restart_receiver ;;
    5) delivery_restart_switch KILL ;;
    6) delivery_restart_switch TERM ;;
    7) restart_everything ;;
    8) fill_one ;;
    9) delivery_all_full ;;
    10) delivery_freeze ;;
    11) delivery_restart_consumer ;;
    esac
    kill -0 "$RELAY_PID" || die "the relay has ended by itself"
    kill -0 "$CONSUMER_PID" || die "the consumer has ended by itself"
done
echo "$rounds rounds"

delivery_verify file tcp tls webhook
echo "udp: $(relay_complete udp --like "$DELIVERY_DISK/consumer.db" || true)"
relay_kill TERM "$RELAY_PID"
echo "ok"
