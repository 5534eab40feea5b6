# shellcheck shell=bash
# What test_delivery.sh and tests/long/relay.sh do to a switch, its relay and a stock gRPC consumer
# (consumer.py): kills, disks that are full or hang.  Meanwhile a desktop scans without end, and another
# has a flow that the policy allows (steady.py).  Source lib.sh and relay_lib.sh before.

DELIVERY_DISK=     # the relay's and the consumer's
DELIVERY_FROZEN=   # the state's file system is
CONSUMER_PID=
SCANNER_PID=

# On file systems of their own: the switch's state on one that can be frozen.
delivery_open()
{
    office_open
    DELIVERY_DISK=$OFFICE_DIR/disk
    RELAY_DISK=$DELIVERY_DISK
    mkdir "$DELIVERY_DISK" "$OFFICE_DIR/steady"
    mount -t tmpfs -o size=256m none "$DELIVERY_DISK"
    truncate -s 64M "$OFFICE_DIR/image"
    # In blocks of a page, as larger disks have them: see docs/operations.md.
    mkfs.ext4 -q -b 4096 "$OFFICE_DIR/image"
    mount -o loop "$OFFICE_DIR/image" "$OFFICE_DIR/state"
    office_build
    office_config
    echo "  - { id: steady, direction: egress, peer: server, protocol: udp, ports: [7000], action: allow }" \
        >>"$OFFICE_DIR/policy.yaml"
    office_start
    relay_open
    delivery_steady_start
    delivery_scan
    delivery_consume
}

# Before anything is ended that waits for a frozen disk.
delivery_at_exit()
{
    delivery_thaw
    [[ $status = 0 || ! -e ${RELAY_DIR:-}/relay.log ]] || tail -n 40 "$RELAY_DIR/relay.log" >&2
    [[ $status = 0 || ! -e $OFFICE_DIR/consumer.log ]] || tail -n 10 "$OFFICE_DIR/consumer.log" >&2
    ! mountpoint -q "$OFFICE_DIR/disk" || umount -l "$OFFICE_DIR/disk"
    ! mountpoint -q "$OFFICE_DIR/state" || umount -l "$OFFICE_DIR/state"
}

# A part of a second, or some of them.
delivery_pause()
{
    sleep "$((RANDOM % ${1:-3})).$((RANDOM % 10))"
}

# ---- who has a part in it ----

delivery_scan()
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
    SCANNER_PID=$!
}

# Another desktop looks around, too, and an incident opens or grows.
delivery_look_around()
{
    in_ns "d$((3 + RANDOM % 3))" bash -c "echo >/dev/udp/$(desk_ip 2)/$((1 + RANDOM % 1000))" || true
}

delivery_consume()
{
    "$OFFICE_TOP/tests/system/consumer.py" take "$OFFICE_DIR/run/vswitchd.sock" \
        "$DELIVERY_DISK/consumer.db" >>"$OFFICE_DIR/consumer.log" 2>&1 &
    CONSUMER_PID=$!
    OFFICE_PIDS+=("$CONSUMER_PID")
}

# The neighbours are given, so that nothing waits for ARP after a restart.
delivery_steady_start()
{
    ip -n "$OFFICE_TAG-d6" neigh replace "$OFFICE_SERVER" lladdr 02:00:00:00:01:02 dev eth0 nud permanent
    ip -n "$OFFICE_TAG-server" neigh replace "$(desk_ip 6)" lladdr 02:00:00:00:00:06 dev eth0 nud permanent
    spawn_ns server /usr/bin/python3 "$OFFICE_TOP/tests/system/steady.py" echo 7000
    sleep 0.5
    spawn_ns d6 /usr/bin/python3 "$OFFICE_TOP/tests/system/steady.py" ask "$OFFICE_SERVER" 7000 \
        "$OFFICE_DIR/steady"
}

# The flow has got all its answers, and pauses while the switch is away.
delivery_hold()
{
    touch "$OFFICE_DIR/steady/hold"
    office_wait 60 "the steady flow pauses" test -e "$OFFICE_DIR/steady/held"
    ! grep -v '^0 of ' "$OFFICE_DIR/steady/lost" || die "answers of an allowed flow are lost"
}

delivery_go_on()
{
    rm "$OFFICE_DIR/steady/hold"
    office_wait 10 "the steady flow goes on" test ! -e "$OFFICE_DIR/steady/held"
}

delivery_answers_after()
{
    (($(<"$OFFICE_DIR/steady/answers") > $1))
}

# Packets go on, whatever waits for a disk.
delivery_packets_pass()
{
    office_wait 30 "answers come" delivery_answers_after "$(($(<"$OFFICE_DIR/steady/answers") + 20))"
}

# ---- what is done to them ----

delivery_restart_switch()
{
    delivery_hold
    relay_kill "$1" "$OFFICE_SWITCH_PID"
    OFFICE_SWITCH_PID=
    delivery_pause
    office_start
    delivery_go_on
}

delivery_restart_relay()
{
    relay_kill "$1" "$RELAY_PID"
    delivery_pause
    relay_run
}

delivery_restart_consumer()
{
    relay_kill KILL "$CONSUMER_PID"
    delivery_pause
    delivery_consume
}

delivery_fill()
{
    dd if=/dev/zero of="$1/ballast" bs=64k 2>/dev/null || true
    dd if=/dev/zero of="$1/ballast2" bs=1k 2>/dev/null || true
}

delivery_free()
{
    rm -f "$1/ballast" "$1/ballast2"
}

# What may be killed, at random: none, some or all of it.
delivery_kill_some()
{
    ((RANDOM % 2)) || delivery_restart_consumer
    ((RANDOM % 2)) || delivery_restart_relay KILL
    ((RANDOM % 2)) || delivery_restart_switch KILL
}

# Every disk at once, and packets pass.
delivery_all_full()
{
    delivery_fill "$DELIVERY_DISK"
    delivery_fill "$OFFICE_DIR/state"
    delivery_pause
    delivery_packets_pass
    delivery_kill_some
    delivery_packets_pass
    delivery_free "$DELIVERY_DISK"
    delivery_pause
    delivery_free "$OFFICE_DIR/state"
}

delivery_thaw()
{
    [[ ! $DELIVERY_FROZEN ]] || fsfreeze -u "$OFFICE_DIR/state"
    DELIVERY_FROZEN=
}

# Nothing ends that waits for a frozen disk.
delivery_kill_frozen_switch()
{
    delivery_hold
    kill -KILL "$OFFICE_SWITCH_PID"
    delivery_thaw
    wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
    OFFICE_SWITCH_PID=
    office_start
    delivery_go_on
}

# The state's disk hangs, and packets pass.  The switch is killed while it does, or not.
delivery_freeze()
{
    fsfreeze -f "$OFFICE_DIR/state"
    DELIVERY_FROZEN=yes
    delivery_pause 5
    delivery_packets_pass
    ((RANDOM % 2)) || delivery_restart_relay KILL
    ((RANDOM % 2)) || delivery_restart_consumer
    ((RANDOM % 2)) || delivery_kill_frozen_switch
    delivery_thaw
}

# ---- what has come of it ----

delivery_consumed()
{
    "$OFFICE_TOP/tests/system/consumer.py" verify "$OFFICE_DIR/run/vswitchd.sock" \
        "$DELIVERY_DISK/consumer.db"
}

# The flow has lost nothing; the consumer has everything, once; and so has each SINK, at least once and
# under the same ids.
delivery_verify()
{
    local sink end=$((SECONDS + 120)) said
    delivery_hold
    delivery_go_on
    relay_kill KILL "$SCANNER_PID"
    sleep 2
    until said=$(delivery_consumed 2>&1); do
        ((SECONDS < end)) || die "the consumer: $said"
        sleep 0.2
    done
    echo "the consumer: $said"
    for sink in "$@"; do
        relay_expect 120 "$sink" --like "$DELIVERY_DISK/consumer.db"
    done
    echo "the flow: lost $(tail -n 1 "$OFFICE_DIR/steady/lost")"
    said=$(sw audit 2>&1) || die "$said"
}
