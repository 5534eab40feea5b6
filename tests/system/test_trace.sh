#!/bin/bash
# Questions, with real kernels behind the ports: what would become of a packet, why was one dropped,
# and what would another policy change.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# refused EXIT PATTERN ARGUMENTS...: swctl ends so, and says something that matches.
refused()
{
    local code=$1 pattern=$2 out is=0
    shift 2
    out=$(sw "$@" 2>&1 </dev/null) || is=$?
    [[ $is = "$code" ]] || die "swctl $*: exit $is, not $code: $out"
    grep -qE "$pattern" <<<"$out" || die "swctl $*: does not say '$pattern': $out"
    echo "refused: ${out##*"$OFFICE_DIR/"}"
}

# says PATTERN... -- ARGUMENTS...: what swctl prints matches them all.
says()
{
    local patterns=() pattern
    while [[ $1 != -- ]]; do
        patterns+=("$1")
        shift
    done
    shift
    sw "$@" >said || die "swctl $*: exit $?"
    for pattern in "${patterns[@]}"; do
        grep -qE -- "$pattern" said || die "swctl $*: does not say '$pattern': $(cat said)"
    done
    echo "swctl $*: $(tail -n 1 said)"
}

# json EXPRESSION FILE: of 'lines', the objects of the file, one a line.
json()
{
    /usr/bin/python3 -c '
import json, sys
lines = [json.loads(line) for line in open(sys.argv[2])]
print(eval(sys.argv[1]))' "$1" "$2"
}

# Only from a pool of drop records: of a port, for a reason.
records() { sw -o json drops --port "$1" --reason "$2"; }
has_record() { records "$1" "$2" | grep '"record"' | grep "$3" >/dev/null; }
# Hits of the rules that only this script's packets match.
hits()
{
    sw policy get --rules | awk '$1 == "no-lateral" || $1 == "web" { print $1, $5, $6 }'
}

office_open
office_build
office_config
office_start
office_web server 80
cd "$OFFICE_DIR"
in_ns d1 curl -s -m 5 -o /dev/null "http://$OFFICE_SERVER/" || die "d1 does not reach the server"

# ---- described ----
says "^tcp $(desk_ip 1):49152 -> $OFFICE_SERVER:80 SYN, in by d1 \(aiko\)" '^  connection +pass +it would open one' \
    "egress +pass +d1: rule 'web' \(.*policy.yaml:7, tier application\): allow" \
    'output +pass +to .*server' '^Verdict: forwarded to .*server' \
    -- trace tcp/80 --port d1 --dst "$OFFICE_SERVER"
says "egress +drop +d1: rule 'no-lateral'" '^Verdict: dropped, egress-rule by no-lateral' \
    "is behind d2" -- trace tcp/445 --port d1 --dst "$(desk_ip 2)"
says 'egress +drop +d1: no rule allows it, default-egress' \
    'nearest: web \(.*policy.yaml:7:[0-9]+\), which would allow it but for: ports' \
    '^Verdict: dropped, egress-default$' \
    -- trace tcp/443 --src "$(desk_ip 1)" --dst "$OFFICE_SERVER"
says 'nearest: ping-server .* but for: peer$' -- trace icmp --src "$(desk_ip 1)" --dst 10.99.0.77
says 'ingress +drop +d1: no rule allows it, default-ingress' 'in by server' \
    -- trace tcp/22 --port server --src "$OFFICE_SERVER" --dst "$(desk_ip 1)"
says 'guard +drop +spoof-ip: .* bound are 02:00:00:00:00:01, 10.99.0.11' '^Verdict: dropped, spoof-ip$' \
    -- trace tcp/80 --port d1 --src 10.99.0.12 --dst "$OFFICE_SERVER"
says '^udp \[fd99::11\]:53 -> \[fd99::2\]:53, in by d1' -- trace udp/53 --src '[fd99::11]:53' --dst fd99::2
says '^icmpv6/128/0 ' 'ping6-server' -- trace icmp --port d1 --dst fd99::2
sw quarantine d2 >/dev/null
says 'ingress +drop +d2 is in quarantine' '^Verdict: dropped, quarantine-peer' \
    -- trace tcp/80 --port d1 --dst "$(desk_ip 2)"
sw release d2 --reason over >/dev/null

refused 1 'no port is named "d9"' trace tcp/80 --port d9 --dst "$OFFICE_SERVER"
refused 1 'dst_ip: "10.99.0" is not an address' trace tcp/80 --port d1 --dst 10.99.0
refused 1 'port: no desktop has the source 10.99.0.200, and there are 2 uplinks' \
    trace tcp/80 --src 10.99.0.200 --dst "$OFFICE_SERVER"
refused 1 'src_ip: server has no IPv4 address' trace tcp/80 --port server --dst "$(desk_ip 1)"
refused 2 'which port\?  As in tcp/445' trace tcp --port d1 --dst "$OFFICE_SERVER"
refused 2 "'tcp/70000'|70000.* is not a whole number" trace tcp/70000 --port d1 --dst "$OFFICE_SERVER"
refused 2 'is not a service' trace htp --port d1 --dst "$OFFICE_SERVER"

# ---- a drop record says which rule it was, and so does its trace ----
in_ns d3 curl -s -m 1 -o /dev/null "http://$(desk_ip 4):8080/" || true
in_ns d3 curl -s -m 1 -o /dev/null "http://$OFFICE_SERVER:81/" || true
office_wait 10 "the record of d3's look at d4" has_record d3 egress-rule '"dstPort":8080'
office_wait 10 "the record of d3's look at port 81" has_record d3 egress-default '"dstPort":81'
{
    records d3 egress-rule
    records d3 egress-default
} >drops.json
hits >before
sw -o json trace --drop drops.json >traced.json
sw trace --drop - <drops.json >traced
hits >after
cmp before after || die "tracing has counted something: $(cat before after)"
grep -q "no-lateral [1-9]" before || die "nothing was counted at all: $(cat before)"
grep '"record"' drops.json >records.json
[[ $(json '[d["record"]["rule"] for d in lines]' records.json) = \
    "$(json '[d["verdict"]["rule"] for d in lines]' traced.json)" ]] || die "other rules: $(cat traced)"
[[ $(json '[d["record"]["reason"] for d in lines]' records.json) = \
    "$(json '[d["verdict"]["reason"] for d in lines]' traced.json)" ]] || die "other reasons: $(cat traced)"
echo "traced drop records: $(json 'len(lines)' traced.json), each to its rule"
grep -q 'dropped then: egress-rule by no-lateral$' traced || die "what it was is not said: $(cat traced)"
cursor=$(json '"%s.%s" % (lines[0]["record"]["cursor"]["epoch"], lines[0]["record"]["cursor"]["n"])' records.json)
says "^-- $cursor, dropped then: egress-rule by no-lateral" '^Verdict: dropped, egress-rule by no-lateral' \
    -- trace --drop "$cursor"
refused 1 "yet to come" trace --drop "${cursor%.*}.999999"
echo '{"record": {"port": "d1"}}' >bad.json
refused 2 'bad.json: event 1: no drop record with a port and a packet' trace --drop bad.json
echo '{"record": ' >bad.json
refused 2 'bad.json: event 1' trace --drop bad.json

# ---- captures ----
echo "version: 2" >wrong.yaml
cat >capture.py <<'END'
import sys
from scapy.all import Ether, IP, TCP, UDP, wrpcap, wrpcapng
server, desk1, desk2 = sys.argv[1:4]
mac = '02:00:00:00:00:0%d'
packets = [
    Ether(src=mac % 1, dst='02:00:00:00:01:02') / IP(src=desk1, dst=server) / TCP(sport=40001, dport=80),
    Ether(src=mac % 1, dst=mac % 2) / IP(src=desk1, dst=desk2) / TCP(sport=40002, dport=445),
    Ether(src=mac % 2, dst='02:00:00:00:01:02') / IP(src=desk1, dst=server) / UDP(dport=53) / (b'x' * 1400),
]
wrpcap('desk.pcap', packets)
wrpcapng('desk.pcapng', packets)
data = open('desk.pcap', 'rb').read()
open('cut.pcap', 'wb').write(data[:-700])
open('wifi.pcap', 'wb').write(data[:20] + b'\x69\0\0\0' + data[24:])
END
/usr/bin/python3 capture.py "$OFFICE_SERVER" "$(desk_ip 1)" "$(desk_ip 2)" 2>capture.log ||
    die "scapy: $(cat capture.log)"
for file in desk.pcap desk.pcapng; do
    sw trace --pcap $file >traced
    grep -q "^-- $file: frame 2" traced || die "$file: frames have no names: $(cat traced)"
    [[ $(sed -n 's/^Verdict: //p' traced) = "forwarded to server
dropped, egress-rule by no-lateral
dropped, spoof-ip" ]] || die "$file: $(cat traced)"
done
sw trace --pcap - --port d2 --limit 1 <desk.pcap >traced
grep -q '^Verdict: dropped, spoof-mac' traced || die "in by d2: $(cat traced)"
grep -q '2 more; --limit' traced || die "the rest is not said: $(cat traced)"
refused 2 'cut.pcap: after frame 2: the file is cut short' trace --pcap cut.pcap
refused 2 'wifi.pcap: link type 105 is not Ethernet' trace --pcap wifi.pcap
refused 2 'traced: neither pcap nor pcapng' trace --pcap traced
refused 2 'none.pcap: No such file' trace --pcap none.pcap

# ---- what would another policy change ----
version() { sw -o json policy get | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["about"]["version"])'; }
sed 's/ports: \[80\]/ports: [80, 81]/; /id: no-lateral/d' policy.yaml >new.yaml
was=$(version)
sw policy replay --against drops.json new.yaml >replayed
# The look at port 81 would be let through; the one at d4 would still be denied, by another rule.
grep -qE "^drops.json: event [0-9]+ +d3 +tcp .*:81 SYN +dropped by default-egress +allowed by web$" replayed ||
    die "port 81 would not be allowed: $(cat replayed)"
grep -q ':8080' replayed && die "d4 would be reached: $(cat replayed)"
sw -o json policy replay --against drops.json new.yaml >replayed.json
[[ $(json 'lines[0]["packets"], lines[0]["deniedBefore"], lines[0]["deniedAfter"]' replayed.json) = \
    "($(json 'len(lines)' records.json), $(json 'len(lines)' records.json), $(json \
        'sum(d["record"]["rule"] == "no-lateral" for d in lines)' records.json))" ]] ||
    die "other numbers: $(cat replayed.json)"
grep -q '"ruleBefore":{"id":"no-lateral".*"ruleAfter":{"id":"default-egress"' replayed.json ||
    die "the other rule is not said: $(cat replayed.json)"
[[ $(version) = "$was" ]] || die "a replay has applied something"
in_ns d3 curl -s -m 1 -o /dev/null "http://$OFFICE_SERVER:81/" && die "a replay has opened something"
echo "replayed drops: $(tail -n 1 replayed)"
# The other way round, from a capture; and what is found is what happens.
sed '/id: web/d' policy.yaml >closed.yaml
sw policy replay --against desk.pcap closed.yaml >replayed
grep -qE '^desk.pcap: frame 1 +d1 +tcp .*:80 SYN +allowed by web +dropped by default-egress$' replayed ||
    die "the web would be open: $(cat replayed)"
grep -qE '^3 packets, 2 of them denied .* and 3 by this one: 0 would be allowed, 1 would be denied' replayed ||
    die "other numbers: $(cat replayed)"
echo "replayed capture: $(tail -n 1 replayed)"
office_web server 81
sw policy apply new.yaml >/dev/null
in_ns d3 curl -s -m 5 -o /dev/null "http://$OFFICE_SERVER:81/" || die "replay said that it would pass"
says '^Verdict: forwarded to .*server' -- trace tcp/81 --port d3 --dst "$OFFICE_SERVER"

refused 1 '^wrong.yaml:1:' policy replay --against drops.json wrong.yaml
refused 2 'needs --against' policy replay new.yaml
refused 2 'none.json: No such file' policy replay --against none.json new.yaml
refused 2 'a drop record has its port' policy replay --against drops.json --port d1 new.yaml
sed 's/"port":"d3"/"port":"gone"/' drops.json >gone.json
says '^-- gone.json: event 1: skipped: no port is named "gone"' ' [1-9][0-9]* skipped$' \
    -- policy replay --against gone.json new.yaml

sw audit >/dev/null || die "the ledger does not add up"
echo "questions: passed"
