#!/bin/bash
# A disk that hangs, and one that is full: packets, alarms and quarantine go on; what cannot be stored
# is refused and changes nothing; and when the disk is back, all is as it should be.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

state=
frozen=

thaw()
{
    [[ ! $frozen ]] || fsfreeze -u "$state"
    frozen=
}

# Nothing ends while it waits for a frozen disk.
office_at_exit()
{
    thaw
}

disk_make()
{
    state=$OFFICE_DIR/state
    truncate -s 16M "$OFFICE_DIR/disk"
    mkfs.ext4 -q -b 1024 "$OFFICE_DIR/disk"
    mount -o loop "$OFFICE_DIR/disk" "$state"
}

is_quarantined()
{
    sw -o json port show "$1" | grep -q '"quarantined": true'
}

stored()
{
    sw status | grep -q '^Drop records:.* stored$'
}

works()
{
    in_ns "$1" curl -s -S -m 5 -o /dev/null "http://$OFFICE_SERVER/"
}

# refused WORDS COMMAND...: swctl fails and says these words.
refused()
{
    local words=$1 said
    shift
    ! said=$(sw "$@" 2>&1) || die "swctl $* succeeded on a full disk"
    [[ $said == *"$words"* ]] || die "swctl $*: \"$said\" does not say \"$words\""
}

check_hanging()
{
    local receipt lines=$OFFICE_DIR/lines

    echo "-- the disk hangs"
    works d6 || die "d6 cannot do its work"
    "$OFFICE_BIN/swctl" --target "unix:$OFFICE_DIR/run/vswitchd.sock" \
        drops --follow --new --port d6 >"$lines" 2>&1 &
    OFFICE_PIDS+=($!)
    sleep 0.5
    fsfreeze -f "$state"
    frozen=yes
    sw quarantine d6 >"$OFFICE_DIR/receipt" &
    receipt=$!
    OFFICE_PIDS+=("$receipt")
    office_wait 5 "the quarantine is in force" is_quarantined d6
    ! works d6 2>/dev/null || die "d6 works in quarantine"
    works d1 || die "d1 cannot do its work"
    office_wait 20 "the alarm arrives" grep -q quarantine "$lines"
    ! stored || die "the switch does not say that its records are not stored"
    kill -0 "$receipt" || die "there is a receipt for what is not stored"
    thaw
    wait "$receipt" || die "no receipt when the disk is back"
    office_wait 20 "records are stored again" stored
    sw release d6 --reason over >/dev/null
    works d6 || die "d6 cannot do its work after its release"
}

check_full()
{
    local ports policy i

    echo "-- the disk is full"
    ports=$(sw -o json port list)
    policy=$(sw policy get)
    dd if=/dev/zero of="$state/filler" bs=64k 2>/dev/null || true
    dd if=/dev/zero of="$state/filler2" bs=512 2>/dev/null || true
    # SQLite has some room left in its log.
    for ((i = 0; i < 200; i++)); do
        sed "s/^version/# $i\nversion/" "$OFFICE_DIR/policy.yaml" >"$OFFICE_DIR/other.yaml"
        head -c 100000 /dev/zero | tr '\0' '#' >>"$OFFICE_DIR/other.yaml"
        sw policy apply "$OFFICE_DIR/other.yaml" >/dev/null 2>&1 || break
    done
    policy=$(sw policy get)
    refused "not stored" policy apply "$OFFICE_DIR/other.yaml"
    [[ $(sw policy get) == "$policy" ]] || die "a policy that was refused is in force"
    [[ $(sw -o json port list) == "$ports" ]] || die "a refused policy changed ports"
    works d1 || die "d1 cannot do its work on a full disk"
    rm "$state/filler" "$state/filler2"
    sw policy apply "$OFFICE_DIR/policy.yaml" >/dev/null || die "no policy can be applied any more"
    sw port del d5 >/dev/null || die "no port can be deleted any more"
}

check_kill()
{
    echo "-- the switch is killed"
    sw quarantine d4 >/dev/null
    kill -KILL "$OFFICE_SWITCH_PID"
    wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
    office_run
    office_wait 30 "the switch answers" sw status
    office_wait 10 "seven ports are up" office_ports_up 7
    is_quarantined d4 || die "the quarantine is gone"
    ! is_quarantined d6 || die "d6 is quarantined again"
    works d6 || die "d6 cannot do its work"
    diff <(sw policy get) "$OFFICE_DIR/policy.yaml"
}

office_open
disk_make
office_build
office_config
office_start
grep -q "state: its file system has blocks of 1024 bytes, less than a page" "$OFFICE_DIR/vswitchd.log" ||
    die "there is no word of blocks that are too small"
office_web server 80
check_hanging
check_full
check_kill
sw audit
