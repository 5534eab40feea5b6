#!/bin/bash
# Who reads the drop stream is killed, and the switch, while every disk is full, or the switch's hangs.  A
# stock gRPC consumer gets every number exactly once or is told that it is missing, a file by swctl relay
# at least once under the same id, and a flow that the policy allows loses nothing.  tests/long/relay.sh
# has all sinks, and moments at random.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/relay_lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/delivery_lib.sh"

office_at_exit()
{
    delivery_at_exit
}

delivery_open
relay_config | sed '/name: udp/,$d' >"$RELAY_DIR/relay.yaml"
relay_run
delivery_look_around

echo "-- the consumer and the relay are killed"
delivery_restart_consumer
delivery_restart_relay KILL

echo "-- all disks are full, and everything is killed"
delivery_fill "$DELIVERY_DISK"
delivery_fill "$OFFICE_DIR/state"
sleep 1
delivery_packets_pass
relay_kill KILL "$CONSUMER_PID"
relay_kill KILL "$RELAY_PID"
delivery_consume
relay_run
delivery_restart_switch KILL
delivery_packets_pass
delivery_restart_switch KILL # with what it has told, and never stored
delivery_free "$DELIVERY_DISK"
delivery_free "$OFFICE_DIR/state"

echo "-- the disk hangs, and the switch is killed"
fsfreeze -f "$OFFICE_DIR/state"
DELIVERY_FROZEN=yes
sleep 3 # until it says that it does not store
delivery_packets_pass
delivery_restart_consumer
delivery_kill_frozen_switch

echo "-- what has come of it"
delivery_verify file
relay_kill TERM "$RELAY_PID"
echo "ok"
