#!/bin/bash
# What is wrong with a configuration file is said with its place, and the switch does not start on a
# part of it; and a switch does not take a live one's API away.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# start NAME ARGUMENTS: vswitchd in the foreground, on directories of its own; it is to end by itself.
start()
{
    local dir=$OFFICE_DIR/$1
    shift
    mkdir -p "$dir/state" "$dir/run"
    in_ns switch timeout 30 "$OFFICE_BIN/vswitchd" --no-huge --state-dir "$dir/state" \
        --run-dir "$dir/run" "$@" 2>&1 </dev/null
}

# bad PLACE WORDS: the text on standard input is refused at its line and column.
bad()
{
    local place=$1 words=$2 said status=0
    cat >"$OFFICE_DIR/bad.yaml"
    said=$(start bad --config "$OFFICE_DIR/bad.yaml") || status=$?
    [[ $status = 1 ]] || die "exit status $status on $(cat "$OFFICE_DIR/bad.yaml")"
    [[ $said == *"bad.yaml:$place: $words"* ]] ||
        die "\"$said\" is not about line and column $place: $words"
    [[ $(wc -l <<<"$said") = 1 ]] || die "more than one line: $said"
}

check_config()
{
    local port='name: a, role: uplink, ethdev: { devargs: net_null0 }'

    bad 1:1 "the text is empty" </dev/null
    bad 1:1 "the text is empty" <<<"# nothing but this"
    bad 1:1 "a mapping (key: value) is expected" <<<"hello"
    bad 2:1 "tab character" < <(printf 'ports:\n\t- x\n')
    bad 2:1 "several documents" < <(printf -- 'settings: {}\n---\nports: []\n')
    bad 1:28 "byte 0x00" < <(printf 'settings: { buffers: 2048 }\0\nports: []\n')
    # A port behind a comment in Latin-1 is not lost.
    bad 1:4 "byte 0xfc: not UTF-8" < <(printf '# B\xfcro\nports: [{ %s }]\n' "$port")
    bad 1:14 "anchors" < <(printf 'settings: &a { buffers: 2048 }\n')
    bad 2:1 "duplicate key 'ports'" < <(printf 'ports: []\nports: []\n')
    bad 1:13 "conections: unknown key (there are: connections, " <<<"settings: { conections: 4096 }"
    bad 1:26 "connections: a number from " <<<"settings: { connections: many }"
    bad 1:25 "idle_sleep: true or false" <<<"settings: { idle_sleep: maybe }"
    bad 2:5 'name: "" has 0 characters' < <(printf 'ports:\n  - {}\n')
    bad 3:5 "a: a port of this name exists" <<<"$(printf 'ports:\n  - { %s }\n  - { %s }' "$port" "$port")"
    bad 1:9 "policy: $OFFICE_DIR/none.yaml: No such file" <<<"policy: none.yaml"

    # None of them counts as the first start, the one that reads ports.
    echo "ports: [{ $port }]" >"$OFFICE_DIR/config.yaml"
    mv "$OFFICE_DIR/bad/state" "$OFFICE_DIR/was-bad"
    rmdir "$OFFICE_DIR/state"
    mv "$OFFICE_DIR/was-bad" "$OFFICE_DIR/state"
    office_run
    office_wait 30 "the port of the mended file" sw port show a
    office_end "$OFFICE_SWITCH_PID"
    rm -r "$OFFICE_DIR/state"/*
}

check_live_socket()
{
    local said

    echo "settings: { connections: 1024, buffers: 2048 }" >"$OFFICE_DIR/config.yaml"
    office_run
    office_wait 30 "the switch answers" sw status
    if said=$(start other --config "$OFFICE_DIR/config.yaml" \
        --listen "unix:$OFFICE_DIR/run/vswitchd.sock"); then
        die "a second switch took the socket"
    fi
    [[ $said == *"cannot listen on unix:$OFFICE_DIR/run/vswitchd.sock: Address already in use"* ]] ||
        die "the second switch says: $said"
    sw status >/dev/null || die "the first switch lost its socket"
    if said=$(start . --config "$OFFICE_DIR/config.yaml"); then
        die "a second switch started on the same run directory"
    fi
    [[ $said == *"already running as pid $OFFICE_SWITCH_PID"* ]] || die "the second switch says: $said"
}

# downgraded WORDS ARGUMENTS: --downgrade-state says these words (and fails unless they begin with "ok ").
downgraded()
{
    local words=$1 said status=0
    shift
    said=$(timeout 30 "$OFFICE_BIN/vswitchd" --state-dir "$OFFICE_DIR/state" --run-dir "$OFFICE_DIR/run" \
        --downgrade-state "$@" 2>&1) || status=$?
    [[ $said == *"${words#ok }"* ]] || die "--downgrade-state $*: \"$said\" is not about: $words"
    [[ $status = $([[ $words == "ok "* ]] && echo 0 || echo 1) ]] || die "exit status $status: $said"
}

# The switch of check_live_socket runs.
check_downgrade()
{
    downgraded "--downgrade-state two: not a number" two
    downgraded "state.db: another process uses it" 2
    office_end "$OFFICE_SWITCH_PID"
    downgraded "state.db: schema version 8 cannot be brought down to 0" 0
    downgraded "ok state: schema version 2, was 8" 2
    downgraded "state.db: schema version 2 cannot be brought down to 3" 3
    office_run
    office_wait 30 "the switch brings it up again" sw status
    ! sw status | grep -q "^ALARM" || die "there is an alarm: $(sw status)"

    # A damaged state denies and says so, until the administrator has seen to it.
    office_end "$OFFICE_SWITCH_PID"
    head -c 5000 /dev/urandom >"$OFFICE_DIR/state/state.db"
    office_run
    office_wait 30 "the switch answers" sw status
    sw status | grep -q "^ALARM:.*damaged.*denied" || die "no alarm: $(sw status)"
    office_end "$OFFICE_SWITCH_PID"
    rm -f "$OFFICE_DIR/state"/state.db*.damaged-*
    office_run
    office_wait 30 "the switch answers" sw status
    ! sw status | grep -q "^ALARM" || die "the alarm stays: $(sw status)"
}

office_open
office_namespace switch
check_config
check_live_socket
check_downgrade
echo "ok"
