#!/bin/bash
# Metrics: a real Prometheus scrapes the switch and says what swctl says; its alerts fire; nothing of
# users and addresses is in the text; who is slow or sends garbage harms nobody.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

MONITORING=$OFFICE_TOP/docs/monitoring
URL=http://127.0.0.1:9464/metrics
PROMETHEUS=http://127.0.0.1:9090

with_metrics()
{
    sed -i "s/^settings: .*/settings: { connections: 16384, buffers: 16384, metrics: \"$1\" }/" \
        "$OFFICE_DIR/config.yaml"
}

scrape()
{
    in_ns switch curl -s -S --fail -m 5 "$URL"
}

# value NAME{LABELS}: of a sample.
value()
{
    scrape | /usr/bin/python3 -c '
import sys
for line in sys.stdin:
    name, _, value = line.rstrip("\n").rpartition(" ")
    if name == sys.argv[1]:
        print(value)
        sys.exit()
sys.exit("no sample " + sys.argv[1])' "$1"
}

is()
{
    [[ $(value "$1") = "$2" ]]
}

# query EXPRESSION: what Prometheus answers, as "label=... value" lines.
query()
{
    in_ns switch curl -s -S --fail -m 5 --data-urlencode "query=$1" "$PROMETHEUS/api/v1/query" |
        /usr/bin/python3 -c '
import json, sys
for r in json.load(sys.stdin)["data"]["result"]:
    print(*sorted(f"{k}={v}" for k, v in r["metric"].items() if k not in ("__name__", "job", "instance")), r["value"][1])'
}

answers()
{
    [[ $(query "$1") = "$2" ]]
}

# counter PORT FIELD: as swctl has it.
counter()
{
    sw -o json counters --port "$1" | /usr/bin/python3 -c '
import json, sys
print(json.load(sys.stdin)["ports"][0].get(sys.argv[1], "0"))' "$2"
}

same()
{
    local mine theirs
    mine=$(counter "$2" "$3")
    theirs=$(query "fusuma_port_$1{port=\"$2\"}")
    [[ $mine != 0 && $theirs = "port=$2 $mine" ]]
}

refused()
{
    ! in_ns switch timeout 30 "$OFFICE_SWITCH" --config "$OFFICE_DIR/config.yaml" \
        --state-dir "$OFFICE_DIR/other-state" --run-dir "$OFFICE_DIR/other-run" \
        >"$OFFICE_DIR/said" 2>&1 </dev/null || die "it is not refused: $1"
    grep -qF "$1" "$OFFICE_DIR/said" || die "nothing is said of: $1 ($(tail -n 1 "$OFFICE_DIR/said"))"
}

for tool in prometheus promtool; do
    type -P "$tool" >/dev/null || die "$tool is missing (sudo ./run deps installs it)"
done

echo "-- the rules, the dashboard"
promtool check rules "$MONITORING/fusuma.rules.yml"
(cd "$MONITORING" && promtool test rules fusuma.rules.test.yml)

office_open
office_build
office_config
mkdir "$OFFICE_DIR/other-run" "$OFFICE_DIR/other-state"

echo "-- none, unless they are asked for"
office_start
! in_ns switch curl -s -m 2 -o /dev/null "$URL" || die "metrics are served by themselves"
office_end "$OFFICE_SWITCH_PID"
OFFICE_SWITCH_PID=
with_metrics 9464
refused 'config.yaml:1:58: metrics: ADDRESS:PORT is expected'
with_metrics 'localhost.example:9464'
refused 'metrics: ADDRESS:PORT is expected'

with_metrics 127.0.0.1:9464
office_start

echo "-- the text"
scrape >"$OFFICE_DIR/text"
promtool check metrics <"$OFFICE_DIR/text"
in_ns switch curl -s -D - -o /dev/null "$URL" | grep -qi '^content-type: text/plain; version=0.0.4' ||
    die "it has another type"
/usr/bin/python3 - "$OFFICE_DIR/text" "$MONITORING" <<'END'
import json, pathlib, re, sys

families = set(re.findall(r'^# TYPE (\S+)', open(sys.argv[1]).read(), re.M))
where = pathlib.Path(sys.argv[2])
panels = json.loads((where / 'fusuma-dashboard.json').read_text())['panels']
used = ' '.join(t['expr'] for p in panels for t in p['targets'])
used += (where / 'fusuma.rules.yml').read_text()
names = set(re.findall(r'\bfusuma_\w+', used))
assert len(names) > 20 and names <= families, f'there is no {names - families}'
END
for what in POST:/metrics:405 GET:/:404 GET:/metrics/../metrics.:404 HEAD:/metrics:200; do
    IFS=: read -r method path status <<<"$what"
    got=$(in_ns switch curl -s -m 2 -o /dev/null -w '%{http_code}' --path-as-is -X "$method" \
        $([[ $method = HEAD ]] && echo -I) "http://127.0.0.1:9464$path")
    [[ $got = "$status" ]] || die "$method $path is answered by $got"
done

echo "-- a real Prometheus"
cat >"$OFFICE_DIR/prometheus.yml" <<END
global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [$MONITORING/fusuma.rules.yml]
scrape_configs:
  - { job_name: fusuma, static_configs: [ { targets: ['127.0.0.1:9464'] } ] }
END
spawn_ns switch prometheus --config.file "$OFFICE_DIR/prometheus.yml" \
    --storage.tsdb.path "$OFFICE_DIR/tsdb" --web.listen-address 127.0.0.1:9090 \
    >"$OFFICE_DIR/prometheus.log" 2>&1 </dev/null
office_wait 30 "Prometheus has scraped" answers 'up' '1'
answers 'up' '1' || die "up is $(query up)"

office_web server 80
in_ns d1 curl -s -m 5 "http://$OFFICE_SERVER/" >/dev/null
in_ns d1 ping -c 3 -i 0.2 -q "$OFFICE_SERVER" >/dev/null
in_ns d1 timeout 1 bash -c ": 2>/dev/null >/dev/tcp/$(desk_ip 2)/445" 2>/dev/null || true
in_ns d1 nmap -Pn -n -T4 -p 1-50 "$OFFICE_SERVER" >/dev/null
for what in received_packets_total:received received_bytes_total:receivedBytes \
    forwarded_packets_total:forwarded sent_packets_total:accepted sent_bytes_total:acceptedBytes \
    probes_total:probes; do
    office_wait 20 "$what is the same" same "${what%:*}" d1 "${what#*:}"
done
drops=$(sw -o json counters --port d1 | /usr/bin/python3 -c '
import json, sys
for d in sorted(json.load(sys.stdin)["ports"][0]["drops"], key=lambda d: d["reason"]):
    print("port=d1 reason=%s %s" % (d["reason"], d["packets"]))')
[[ $drops = *reason=egress-default* ]] || die "nothing was dropped by default: $drops"
office_wait 10 "drops by reason are the same" answers \
    'sort_desc(fusuma_port_dropped_by_reason_packets_total{port="d1"})' "$drops"
office_wait 10 "connections are held" [ "$(value fusuma_connections)" -gt 0 ]
hits=$(sw -o json policy get --rules | /usr/bin/python3 -c '
import json, sys
print([r["packets"] for r in json.load(sys.stdin)["rules"] if r["id"] == "web"][0])')
office_wait 10 "hits of a rule are the same" is \
    'fusuma_rule_packets_total{rule="web",direction="egress"}' "$hits"
[[ $hits != 0 ]] || die "the rule has no hits"
newest=$(value fusuma_drop_log_newest)
((newest > 0 && $(value 'fusuma_drop_records_packets_total{log="incident"}') > 0)) ||
    die "nothing is said of the drop log"
is fusuma_drop_log_storing 1 || die "the drop log is not stored"
is 'fusuma_port_up{port="d1",role="desktop"}' 1 || die "d1 is not up"
((${epoch:=$(value fusuma_drop_log_epoch_start_time_seconds | cut -d. -f1)} <= $(date +%s) &&
    epoch > $(date +%s) - 600)) || die "the epoch began at $epoch"

echo "-- changes show, and alerts fire"
sw quarantine d3 >/dev/null
sw session login mallory --port d2 --session broker-4711 >/dev/null
office_wait 10 "the quarantine shows" is 'fusuma_port_quarantined{port="d3"}' 1
office_wait 10 "the session shows" is fusuma_sessions_open 1
before=$(value fusuma_incidents_total)
in_ns d4 timeout 1 bash -c ": </dev/tcp/$(desk_ip 5)/445" 2>/dev/null && die "d4 reached a neighbour"
office_wait 10 "an incident shows" is fusuma_incidents_total "$((before + 1))"
(($(value 'fusuma_incidents_open{kind="probe",severity="medium"}') >= 1)) || die "no probe is open"
office_wait 20 "an alert fires" answers 'sum by (port) (ALERTS{alertname="FusumaQuarantine",alertstate="firing"})' 'port=d3 1'
sw release d3 --reason "the test goes on" >/dev/null
office_wait 20 "the alert ends" answers 'ALERTS{alertname="FusumaQuarantine",alertstate="firing"}' ''
generation=$(value fusuma_policy_generation)
cat >>"$OFFICE_DIR/policy.yaml" <<'END'
  - { id: "odd.name-1", direction: egress, peer: server, protocol: tcp, ports: [81], action: allow }
END
sw policy apply "$OFFICE_DIR/policy.yaml" >/dev/null
office_wait 10 "the new rule shows" is 'fusuma_rule_packets_total{rule="odd.name-1",direction="egress"}' 0
(($(value fusuma_policy_generation) > generation)) || die "the policy's generation is the same"
is fusuma_policy_version 2 || die "the policy's version is $(value fusuma_policy_version)"
is fusuma_policy_rules 6 || die "the policy has $(value fusuma_policy_rules) rules"
is 'fusuma_rule_packets_total{rule="web",direction="egress"}' "$hits" || die "hits began anew"
sw port del d6 >/dev/null
office_wait 10 "the port is gone" answers 'count(fusuma_port_up)' '7'

echo "-- no users, no addresses"
scrape >"$OFFICE_DIR/text"
for word in "${OFFICE_USERS[@]}" mallory 4711 "$OFFICE_NET" "$OFFICE_NET6" 02:00:00 020000 fe80; do
    ! grep -iF -- "$word" "$OFFICE_DIR/text" || die "\"$word\" is in it"
done
! grep -oE '[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|([0-9a-f]{2}:){5}' "$OFFICE_DIR/text" || die "these are"

echo "-- the slow, and garbage"
spawn_ns switch /usr/bin/python3 -c '
import socket, time

# Some begin a request and go on a byte at a time, some ask and do not read.
ask = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
many = [socket.create_connection(("127.0.0.1", 9464)) for i in range(24)]
for i, s in enumerate(many):
    s.sendall(ask if i % 2 else (ask + b"\r\n") * 200)
print("there", flush=True)
while True:
    time.sleep(0.5)
    for s in many[1::2]:
        try:
            s.sendall(b"x")
        except OSError:
            pass
' >"$OFFICE_DIR/slow" 2>&1 </dev/null
slow=$!
office_wait 10 "the slow are there" grep -q there "$OFFICE_DIR/slow"
in_ns d1 ping -c 5 -i 0.2 -q "$OFFICE_SERVER" | grep -q ' 0% packet loss' || die "packets suffer"
for ((i = 0; i < 5; i++)); do
    sw --timeout 2 status >/dev/null || die "control suffers"
done
sw audit >/dev/null
office_end "$slow"
office_wait 15 "it answers again" scrape
in_ns switch /usr/bin/python3 <<'END'
import os, socket

for garbage in (os.urandom(4096), b'\0' * 100000, b'GET ' + b'/' * 100000, b'GET /metrics HTTP/9.9\r\n\r\n',
                b'GET /metrics HTTP/1.1\r\n' + b'A: b\r\n' * 20000, b'\r\n' * 10000, b'G',
                b'POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n',
                b'POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
                b'POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n' + b'x' * 9000):
    s = socket.create_connection(('127.0.0.1', 9464))
    s.settimeout(5)
    try:
        s.sendall(garbage)
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536):
            pass
    except OSError:
        pass
    s.close()
END
scrape >/dev/null

echo "-- a start, an end"
with_metrics 127.0.0.1:9464
refused 'settings: metrics: 127.0.0.1:9464: Address already in use'
spawn_ns switch /usr/bin/python3 -c '
import socket, time
s = socket.create_connection(("127.0.0.1", 9464))
s.sendall(b"GET ")
print("there", flush=True)
time.sleep(600)' >"$OFFICE_DIR/slow" 2>&1 </dev/null
office_wait 10 "the slow one is there" grep -q there "$OFFICE_DIR/slow"
switch=$OFFICE_SWITCH_PID
OFFICE_SWITCH_PID=
kill "$switch"
wait "$switch" || die "it ends with $?"
in_ns switch sysctl -qw net.ipv6.conf.lo.disable_ipv6=0
office_wait 5 "::1 is there" in_ns switch ping -6 -c 1 -W 1 ::1
with_metrics '[::1]:9464'
URL='http://[::1]:9464/metrics'
office_run
office_wait 30 "the switch answers" sw status
office_wait 10 "seven ports are up" office_ports_up 7
is 'fusuma_rule_packets_total{rule="web",direction="egress"}' "$hits" || die "hits do not survive"
is fusuma_sessions_open 1 || die "the session does not survive"
echo "ok"
