#!/bin/bash
# Captures, with real kernels behind the ports: each packet is there once, with what became of it, by a
# strict reader of the format and by scapy; limits, Ctrl-C, quarantine and its incident, kill -9, a full
# disk, and what is refused.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

expect()
{
    local what=$1 is=$2 should=$3
    echo "$what: $is"
    [[ $is = "$should" ]] || die "$what: '$is' instead of '$should'"
}

# refused EXIT PATTERN ARGUMENTS...: swctl ends so, and says something that matches.
refused()
{
    local code=$1 pattern=$2 out is=0
    shift 2
    out=$(sw "$@" 2>&1 </dev/null) || is=$?
    [[ $is = "$code" ]] || die "swctl $*: exit $is, not $code: $out"
    grep -qE -- "$pattern" <<<"$out" || die "swctl $*: does not say '$pattern': $out"
    echo "refused: $out"
}

# start OPTIONS...: its id.
start() { sw -o json capture start "$@" | field 'r["id"]'; }

field() { /usr/bin/python3 -c "import json, sys; r = json.load(sys.stdin); print($1)"; }

# of ID EXPRESSION: of 'c', that capture in the list.
of()
{
    sw -o json capture list |
        field "(lambda c: $2)([c for c in r['captures'] if c['id'] == '$1'][0])"
}

# holds ID EXPRESSION...: of its packets, see pcapng.py.
holds()
{
    local id=$1 file=$OFFICE_DIR/$1.pcapng
    shift
    sw capture get "$id" -w "$file" || die "capture $id cannot be fetched"
    expect "mode of $id" "$(stat -c %a "$file")" 600
    /usr/bin/python3 "$OFFICE_TOP/tests/system/pcapng.py" "$file" "$@" || die "capture $id is not as it should"
}

# send NS EXPRESSION: frames of scapy's, as they are.
send()
{
    in_ns "$1" /usr/bin/python3 -c "
import logging
logging.getLogger('scapy').setLevel(logging.ERROR)
from scapy.all import *
from scapy.all import Ether, IP, TCP, UDP
sendp($2, iface='eth0', verbose=False)"
}

D1="Ether(src='02:00:00:00:00:01', dst='02:00:00:00:00:02') / IP(src='$(desk_ip 1)', dst='$(desk_ip 2)')"
D3="Ether(src='02:00:00:00:00:03', dst='02:00:00:00:01:02') / IP(src='$(desk_ip 3)', dst='$OFFICE_SERVER')"
OUT="Ether(src='02:00:00:00:00:01', dst='02:00:00:00:01:02') / IP(src='$(desk_ip 1)', dst='$OFFICE_SERVER')"

flood() { in_ns d1 ping -q -f -c "$1" -s 1400 "$OFFICE_SERVER" >/dev/null; }

check_fates()
{
    local one two
    echo "-- each packet once, at both ends, with what became of it"
    one=$(start --port d1 --comment "INC-4711: what it does")
    two=$(start --port d2)
    in_ns d1 ping -q -c 3 -i 0.2 "$OFFICE_SERVER" >/dev/null
    send d1 "[$D1 / TCP(sport=1000 + i, dport=445, flags='S') for i in range(5)]"
    send d1 "[$OUT / UDP(sport=1000 + i, dport=53) / (b'x' * i) for i in range(5)]"
    send d1 "Ether(src='02:00:00:00:00:66', dst='02:00:00:00:00:02') / IP(src='10.0.0.1', dst='10.0.0.2')"
    in_ns d1 curl -s -m 5 -o /dev/null "http://$OFFICE_SERVER/"
    # IPv6: an answer of the switch's, and its own.
    in_ns d1 ping -q -c 1 -W 1 "${OFFICE_NET6}12" >/dev/null || true
    sw capture stop "$one" >/dev/null
    sw capture stop "$two" >/dev/null
    holds "$one" \
        "section[1] == b'capture $one of port d1, by uid 0 (root): INC-4711: what it does'" \
        "interfaces[0][2] == b'd1' and b'aiko' in interfaces[0][3]" \
        "int.from_bytes(statistics[0][4], 'little') == len(packets)" \
        "sorted((p.direction, p.frame[ICMP].seq, p.comment) for p in packets if ICMP in p.frame) ==
         [('in', i, 'to server') for i in (1, 2, 3)] + [('out', i, 'from server') for i in (1, 2, 3)]" \
        "[(p.frame[TCP].sport, p.direction, p.comment) for p in packets
          if TCP in p.frame and p.frame[TCP].dport == 445] ==
         [(1000 + i, 'in', 'dropped: egress-rule, rule no-lateral, for d2') for i in range(5)]" \
        "[(p.frame[UDP].len - 8, p.direction, p.comment) for p in packets
          if UDP in p.frame and p.frame[UDP].dport == 53] ==
         [(i, 'in', 'dropped: egress-default, for server') for i in range(5)]" \
        "[p.comment for p in packets if p.frame.src == '02:00:00:00:00:66'] ==
         ['dropped: spoof-mac, for d2']" \
        "any(p.direction == 'in' and p.comment == 'answered by the switch' for p in packets)" \
        "any(p.direction == 'out' and p.comment == 'made by the switch' for p in packets)" \
        "len([p for p in packets if TCP in p.frame and p.comment == 'to server' and
              'GET' in str(bytes(p.frame[TCP].payload))]) == 1" \
        "sorted(p.time for p in packets) == [p.time for p in packets]"
    # The port's capture counts what the kernel has sent.
    holds "$two" \
        "[(p.frame[TCP].sport, p.direction, p.comment) for p in packets if TCP in p.frame] ==
         [(1000 + i, 'out', 'dropped: egress-rule, rule no-lateral, from d1') for i in range(5)]" \
        "[p.comment for p in packets if p.frame.src == '02:00:00:00:00:66'] ==
         ['dropped: spoof-mac, from d1']"
    expect "what is known of it" "$(of "$one" '(c["port"], c["state"], c["why"], c.get("lost", 0))')" \
        "('d1', 'CAPTURE_STATE_ENDED', 'stopped by uid 0 (root)', 0)"
    sw capture delete "$two" >/dev/null
    [[ ! -e $OFFICE_DIR/state/captures/$two.pcapng ]] || die "its file is still there"
    refused 1 "no capture $two" capture get "$two" -w "$OFFICE_DIR/none"
    grep -q 'uid 0 (root) *CaptureService.StartCapture .*port=d1' <<<"$(sw audit-log list)" ||
        die "the audit log does not know who began it: $(sw audit-log list)"
    grep -q "read *uid 0 (root) *CaptureService.ReadCapture .*id=$one" <<<"$(sw audit-log list)" ||
        die "the audit log does not know who read it: $(sw audit-log list)"
}

check_dropped()
{
    local id
    echo "-- only what is dropped, cut short"
    id=$(start --port d1 --dropped --snaplen 64)
    in_ns d1 ping -q -c 2 -i 0.2 "$OFFICE_SERVER" >/dev/null
    send d1 "[$OUT / UDP(sport=1000 + i, dport=53) / (b'x' * 500) for i in range(3)]"
    sw capture stop "$id" >/dev/null
    holds "$id" "len(packets) == 3" "all(p.comment.startswith('dropped: ') for p in packets)" \
        "all(len(p.data) == 64 and p.length == 542 for p in packets)"
}

ended() { [[ $(of "$1" 'c["state"]') = CAPTURE_STATE_ENDED ]]; }

check_limits()
{
    local id
    echo "-- packets, size, time"
    id=$(start --port d1 --packets 7)
    flood 20
    office_wait 5 "7 packets are enough" ended "$id"
    expect "why" "$(of "$id" 'c["why"]')" "it has as many packets as it was to take"
    holds "$id" "len(packets) == 7"
    id=$(start --port d1 --size 100K)
    flood 200
    office_wait 5 "100 K are enough" ended "$id"
    (($(of "$id" 'c["bytes"]') <= 102400 && $(of "$id" 'c["bytes"]') > 100000)) ||
        die "its size: $(of "$id" 'c["bytes"]')"
    holds "$id" "len(statistics) == 1"
    id=$(start --port d1 --seconds 1)
    office_wait 5 "a second is over" ended "$id"
    expect "why" "$(of "$id" 'c["why"]')" "its time is up"
}

check_live()
{
    local id pid file=$OFFICE_DIR/live.pcapng
    echo "-- while it is running"
    id=$(start --port d1)
    in_ns d1 ping -q -c 2 -i 0.2 "$OFFICE_SERVER" >/dev/null
    holds "$id" "len([p for p in packets if ICMP in p.frame]) == 4" "not statistics"
    refused 1 "is running: it has to be stopped first" capture delete "$id"
    "$OFFICE_BIN/swctl" --target "unix:$OFFICE_DIR/run/vswitchd.sock" capture get "$id" --follow \
        -w "$file" &
    pid=$!
    in_ns d1 ping -q -c 2 -i 0.2 "$OFFICE_SERVER" >/dev/null
    sw capture stop "$id" >/dev/null
    wait $pid || die "it was not followed to its end"
    cmp "$file" "$OFFICE_DIR/state/captures/$id.pcapng"

    "$OFFICE_BIN/swctl" --target "unix:$OFFICE_DIR/run/vswitchd.sock" capture --port d1 \
        -w "$file" 2>"$OFFICE_DIR/live" &
    pid=$!
    OFFICE_PIDS+=("$pid")
    office_wait 5 "it has begun" grep -q "Ctrl-C ends it" "$OFFICE_DIR/live"
    in_ns d1 ping -q -c 2 -i 0.2 "$OFFICE_SERVER" >/dev/null
    kill -INT $pid
    wait $pid || die "Ctrl-C is not its end: $(cat "$OFFICE_DIR/live")"
    /usr/bin/python3 "$OFFICE_TOP/tests/system/pcapng.py" "$file" \
        "len([p for p in packets if ICMP in p.frame]) == 4 and len(statistics) == 1" ||
        die "what was captured until Ctrl-C is not there"
    expect "running ones" "$(sw -o json capture list | grep -c RUNNING || true)" 0
    [[ $(sw capture list | tail -n 2 | head -n 1) != *live* ]]
    sw capture --port d1 --packets 2 -w - 2>/dev/null >"$file" &
    pid=$!
    OFFICE_PIDS+=("$pid")
    office_wait 5 "it is running" eval 'sw -o json capture list | grep -q RUNNING'
    in_ns d1 ping -q -c 2 -i 0.2 "$OFFICE_SERVER" >/dev/null
    wait $pid || die "a limit is not its end"
    /usr/bin/python3 "$OFFICE_TOP/tests/system/pcapng.py" "$file" "len(packets) == 2"
}

# The incident's actions of a kind.
actions()
{
    sw -o json incident list --open --port "$1" | field 'r["incidents"][0]["id"]' >"$OFFICE_DIR/id"
    sw -o json incident show "$(cat "$OFFICE_DIR/id")" |
        field "[a['text'] for a in r['actions'] if a['kind'] == 'INCIDENT_ACTION_KIND_$2']"
}

has_incident() { sw -o json incident list --open --port "$1" | grep -q '"id"'; }

check_quarantine()
{
    local receipt=$OFFICE_DIR/receipt id
    echo "-- quarantine --capture"
    in_ns d3 ping -q -c 1 -W 1 "$(desk_ip 4)" >/dev/null || true
    office_wait 5 "d3 is a suspect" has_incident d3
    sw -o json quarantine d3 --capture --comment INC-7 >"$receipt"
    id=$(field 'r["captureId"]' <"$receipt")
    send d3 "[$D3 / UDP(sport=1000 + i, dport=53) for i in range(3)]"
    send server "[Ether(src='02:00:00:00:01:02', dst='02:00:00:00:00:03') /
        IP(src='$OFFICE_SERVER', dst='$(desk_ip 3)') / UDP(sport=7, dport=2000 + i) for i in range(3)]"
    expect "again" "$(sw -o json quarantine d3 --capture | field 'r["captureId"]')" "$id"
    office_wait 5 "the incident knows" eval '[[ $(actions d3 CAPTURE) == *"capture '"$id"' has begun"* ]]'
    sw release d3 --reason "it was the test" >/dev/null
    office_wait 5 "the release ends it" ended "$id"
    expect "why" "$(of "$id" 'c["why"]')" "the port was released"
    holds "$id" "b': INC-7' in section[1]" \
        "[(p.frame[UDP].sport, p.direction, p.comment) for p in packets
          if UDP in p.frame and p.frame[UDP].dport == 53] ==
         [(1000 + i, 'in', 'dropped: quarantine, for server') for i in range(3)]" \
        "[(p.frame[UDP].dport, p.direction, p.comment) for p in packets
          if UDP in p.frame and p.frame[UDP].sport == 7] ==
         [(2000 + i, 'out', 'dropped: quarantine-peer, from server') for i in range(3)]"
    office_wait 5 "... and of its end" eval \
        '[[ $(actions d3 CAPTURE) == *"capture '"$id"' is over: the port was released;"* ]]'
    sw incident show "$(cat "$OFFICE_DIR/id")" | grep -q "capture $id has begun" ||
        die "the incident does not show it"
    sw incident report "$(cat "$OFFICE_DIR/id")" -o md >"$OFFICE_DIR/report.md"
    grep -qi "packets captured.*capture $id has begun" "$OFFICE_DIR/report.md" ||
        die "the report lacks the capture"

    sed -i '/^detection:/d' "$OFFICE_DIR/policy.yaml"
    echo "detection: { quarantine: { severity: low, capture: true } }" >>"$OFFICE_DIR/policy.yaml"
    sw policy apply "$OFFICE_DIR/policy.yaml" >/dev/null
    send d5 "[Ether(src='02:00:00:00:00:05', dst='02:00:00:00:00:04') /
        IP(src='$(desk_ip 5)', dst='$(desk_ip 4)') / TCP(sport=9, dport=22, flags='S')]"
    office_wait 5 "the policy cuts d5 off, and captures it" eval \
        '[[ $(actions d5 CAPTURE) == *" has begun"* ]]'
    expect "by whom" "$(sw -o json capture list |
        field '[(c["port"], c["who"], c.get("withQuarantine")) for c in r["captures"]][-1]')" \
        "('d5', 'switch', True)"
    sed -i '/^detection:/d' "$OFFICE_DIR/policy.yaml"
    sw policy apply "$OFFICE_DIR/policy.yaml" >/dev/null
    sw release d5 --reason "it was the test" >/dev/null
}

check_ports()
{
    local id
    echo "-- a port that goes"
    id=$(start --port d6)
    sw port del d6 >/dev/null
    office_wait 5 "its capture goes, too" ended "$id"
    expect "why" "$(of "$id" 'c["why"]')" "its port is gone"
    holds "$id" "len(statistics) == 1"
    sw port add d6 --type af_packet --interface d6 --role desktop --mac 02:00:00:00:00:06 \
        --ip "$(desk_ip 6)" --label pool=office >/dev/null
}

check_wrong()
{
    local i ids=()
    echo "-- what is refused"
    refused 1 'no port is named "d9"' capture start --port d9
    refused 2 "a capture is of one port" capture start
    refused 2 "a capture is of one port" capture start --port d1 --port d2
    refused 2 "where to\?" capture get 1
    refused 2 "where to\?" capture --port d1
    refused 2 "/no/such/place: No such" capture --port d1 -w /no/such/place
    refused 2 "from 64 to 65535" capture start --port d1 --snaplen 10
    refused 2 "not a number of bytes" capture start --port d1 --size 10X
    refused 1 "bytes: 100; a file is from 65536 to" capture start --port d1 --size 100
    refused 1 "bytes: 2147483648000; .*setting capture_megabytes" capture start --port d1 --size 2000G
    refused 1 "comment: it has 1001 bytes" capture start --port d1 --comment "$(printf '%01001d' 0)"
    refused 1 "no capture 4711" capture stop 4711
    refused 1 "no capture 4711" capture delete 4711
    refused 2 "is not a capture" capture stop d1
    for ((i = 0; i < 16; i++)); do
        ids+=("$(start --port "d$((i % 6 + 1))")")
    done
    refused 1 "16 captures are running" capture start --port d1
    expect "two of one port" "$(of "${ids[0]}" 'c["port"]') $(of "${ids[6]}" 'c["port"]')" "d1 d1"
    in_ns d1 ping -q -c 2 -i 0.2 "$OFFICE_SERVER" >/dev/null
    for i in "${ids[@]}"; do
        sw capture stop "$i" >/dev/null
    done
    holds "${ids[0]}" "len([p for p in packets if ICMP in p.frame]) == 4"
    holds "${ids[6]}" "len([p for p in packets if ICMP in p.frame]) == 4"
    expect "none is running" "$(sw -o json capture list | grep -c RUNNING || true)" 0
}

check_kill()
{
    local id before
    echo "-- kill -9, and a restart"
    id=$(start --port d1)
    in_ns d1 ping -q -c 3 -i 0.2 "$OFFICE_SERVER" >/dev/null
    before=$(sw -o json capture list | field 'len(r["captures"])')
    office_wait 5 "it is written" eval '(($(of '"$id"' "c[\"packets\"]") >= 6))'
    kill -KILL "$OFFICE_SWITCH_PID"
    wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
    # As if it had been killed within a write.
    head -c 50 "$OFFICE_DIR/state/captures/$id.pcapng" >>"$OFFICE_DIR/state/captures/$id.pcapng"
    office_start
    expect "how many are known" "$(sw -o json capture list | field 'len(r["captures"])')" "$before"
    expect "$id" "$(of "$id" '(c["state"], c["why"])')" \
        "('CAPTURE_STATE_ENDED', 'the switch was killed')"
    office_wait 5 "it is mended" eval '(($(of '"$id"' "c.get(\"packets\", 0)") >= 6))'
    holds "$id" "len([p for p in packets if ICMP in p.frame]) == 6" "len(statistics) == 1"
    id=$(start --port d1)
    in_ns d1 ping -q -c 1 "$OFFICE_SERVER" >/dev/null
    kill "$OFFICE_SWITCH_PID"
    wait "$OFFICE_SWITCH_PID" || die "it did not end well"
    sed -i 's/^settings: { /&capture_megabytes: 1, /' "$OFFICE_DIR/config.yaml"
    office_start
    expect "why" "$(of "$id" 'c["why"]')" "the switch stopped"
    holds "$id" "len([p for p in packets if ICMP in p.frame]) == 2" "len(statistics) == 1"
}

check_budget()
{
    local id next
    echo "-- all of them together"
    for id in $(sw -o json capture list | field '" ".join(c["id"] for c in r["captures"])'); do
        sw capture delete "$id" >/dev/null
    done
    id=$(start --port d1 --size 600K)
    flood 300
    office_wait 5 "the first is full" ended "$id"
    next=$(start --port d1 --size 600K)
    ((next > id)) || die "an id was given twice"
    flood 300
    office_wait 5 "the second is full" ended "$next"
    expect "the first" "$(of "$id" 'c["state"]')" CAPTURE_STATE_REMOVED
    refused 1 "have made room for newer ones" capture get "$id" -w "$OFFICE_DIR/none"
    grep -q "capture $id of port d1, .* was removed" "$OFFICE_DIR/vswitchd.log" ||
        die "the log does not say what was removed"
    holds "$next" "len(statistics) == 1"
    (($(du -sb "$OFFICE_DIR/state/captures" | cut -f 1) < 1100000)) || die "more than a megabyte"
}

failed() { [[ $(of "$1" 'c["state"]') = CAPTURE_STATE_FAILED ]]; }

check_full()
{
    local id
    echo "-- a full disk"
    kill "$OFFICE_SWITCH_PID"
    wait "$OFFICE_SWITCH_PID" || die "it did not end well"
    rm "$OFFICE_DIR"/state/captures/*
    mount -t tmpfs -o size=256k,mode=700 tmpfs "$OFFICE_DIR/state/captures"
    office_start
    id=$(start --port d1)
    flood 300
    office_wait 5 "it ends" failed "$id"
    expect "why" "$(of "$id" 'c["why"]')" "No space left on device"
    holds "$id" "len(packets) > 50"
    in_ns d1 ping -q -c 1 "$OFFICE_SERVER" >/dev/null || die "packets do not pass"
    dd if=/dev/zero of="$OFFICE_DIR/state/captures/filler" bs=4k 2>/dev/null || true
    refused 1 "has failed: No space left on device" capture start --port d1
    sw quarantine d4 --capture >"$OFFICE_DIR/receipt"
    grep -q "NOT captured: .*No space left on device" "$OFFICE_DIR/receipt" ||
        die "the receipt: $(cat "$OFFICE_DIR/receipt")"
    ! in_ns d4 ping -q -c 1 -W 1 "$OFFICE_SERVER" >/dev/null || die "d4 is not cut off"
    sw release d4 --reason "it was the test" >/dev/null
    rm "$OFFICE_DIR/state/captures/filler"
    id=$(start --port d1)
    in_ns d1 ping -q -c 1 "$OFFICE_SERVER" >/dev/null
    sw capture stop "$id" >/dev/null
    holds "$id" "len([p for p in packets if ICMP in p.frame]) == 2"
}

office_at_exit()
{
    umount -ql "$OFFICE_DIR/state/captures" || true
}

office_open
office_build
office_config
office_start
office_web server 80
# What is to a station that is not learned yet goes to both uplinks.
in_ns d1 ping -q -c 1 "$OFFICE_SERVER" >/dev/null
office_wait 5 "the server is learned" eval 'sw fdb | grep -q "02:00:00:00:01:02.*server"'
check_fates
check_dropped
check_limits
check_live
check_quarantine
check_ports
check_wrong
check_kill
check_budget
check_full
sw audit
