#!/bin/bash
# A real guest, with a kernel and a virtio driver of its own, on a vhost-user port: it fetches a page
# from the server through the switch, and is denied its neighbour, which listens; the drop is on
# record with the guest's user and the service.  Once for either side that listens on the socket.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
guest_mac=52:54:00:00:00:14
guest_ip=$OFFICE_NET.20
neighbour_ip=$(desk_ip 1)

# The server, one neighbour, and two ports for a guest: one listens on its socket, one connects.
config()
{
    office_config # for its policy
    cat >"$OFFICE_DIR/config.yaml" <<END
settings: { connections: 16384, buffers: 16384 }
policy: policy.yaml
ports:
  - { name: server, role: uplink, af_packet: { interface: server } }
  - name: d1
    role: desktop
    af_packet: { interface: d1 }
    mac: 02:00:00:00:00:01
    ips: [$neighbour_ip]
    user: aiko
    labels: { pool: office }
  - name: listens
    role: desktop
    vhost_user: { socket: listens.sock }
    mac: $guest_mac
    ips: [$guest_ip]
    user: gwen
    labels: { pool: office }
  - name: connects
    role: desktop
    vhost_user: { socket: connects.sock, client: true }
    mac: 52:54:00:00:00:15
    ips: [$OFFICE_NET.21]
    user: hugo
    labels: { pool: office }
END
}

switch_start()
{
    spawn_ns switch "$OFFICE_BIN/vswitchd" --config "$OFFICE_DIR/config.yaml" \
        --state-dir "$OFFICE_DIR/state" --run-dir "$OFFICE_DIR/run" \
        >"$OFFICE_DIR/vswitchd.log" 2>&1 </dev/null
    OFFICE_SWITCH_PID=$!
    office_wait 30 "the switch answers" sw status
    office_wait 10 "the server's and the neighbour's ports are up" office_ports_up 2
}

# expect FILE LINE: a line of the guest's console.
expect()
{
    tr -d '\r' <"$1" | grep -qxF "$2" || die "the guest did not say: $2"
}

# has_record PORT USER IP: the guest's SYN is a drop record.
has_record()
{
    sw -o json drops --port "$1" | /usr/bin/python3 -c '
import json, sys
port, user, source, neighbour = sys.argv[1:]
want = {"port": port, "user": user, "srcIp": source, "dstIp": neighbour, "protocol": 6,
        "dstPort": 445, "rule": "no-lateral", "peerPort": "d1"}
text, decoder = sys.stdin.read().strip(), json.JSONDecoder()
while text:
    event, end = decoder.raw_decode(text)
    text = text[end:].strip()
    record = event.get("record", {})
    if all(record.get(key) == value for key, value in want.items()):
        sys.exit(0)
sys.exit(1)' "$@" "$neighbour_ip"
}

# boot PORT USER MAC IP [OPTION]: one guest, start to end.
boot()
{
    local port=$1 user=$2 mac=$3 ip=$4 console=$OFFICE_DIR/$1.console
    shift 4
    echo "a guest on port $port"
    "$here/guest/runguest.sh" "$@" --mac "$mac" "$OFFICE_DIR/run/$port.sock" \
        "fusuma.ip=$ip/24" "fusuma.ping=$OFFICE_SERVER" "fusuma.fetch=http://$OFFICE_SERVER:80/" \
        "fusuma.connect=$neighbour_ip:445" >"$console" 2>"$console.log" ||
        { cat "$console" "$console.log" && die "the guest did not run to its end"; }
    cat "$console"
    expect "$console" "RESULT link ok $mac"
    expect "$console" "RESULT ping ok"
    expect "$console" "RESULT fetch ok $(sha256sum <"$OFFICE_DIR/www-server/index.html" |
        cut -d ' ' -f 1)"
    expect "$console" "RESULT connect failed"
    expect "$console" "RESULT done ok"
    office_wait 5 "the guest's SYN is on record" has_record "$port" "$user" "$ip"
}

"$here/guest/mkguest.sh" >/dev/null
office_open
office_namespace switch
in_ns switch sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
office_attach server 02:00:00:00:01:02 2
office_attach d1 02:00:00:00:00:01 11
config
switch_start
office_web server 80
office_web d1 445

boot listens gwen $guest_mac "$guest_ip"
boot connects hugo 52:54:00:00:00:15 "$OFFICE_NET.21" --listen
sw audit
