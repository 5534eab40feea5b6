#!/bin/bash
# swctl conn: connections of kernel stacks are listed by what they are, shown in full, and ended; what
# comes after a flush is judged anew.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

expect()
{
    local what=$1 is=$2 should=$3
    echo "$what: $is"
    [[ $is = "$should" ]] || die "$what: '$is' instead of '$should'"
}

# conns OPTION...: how many connections are listed.
conns()
{
    sw -o json conn list "$@" | wc -l
}

# field EXPRESSION COMMAND...: of the JSON that swctl prints, as 'm'.
field()
{
    local expression=$1
    shift
    sw -o json "$@" | /usr/bin/python3 -c "import json, sys; m = json.load(sys.stdin); print($expression)"
}

# drops REASON: packets of d1 that were dropped for it.
drops()
{
    field "sum(int(d['packets']) for d in m['ports'][0].get('drops', []) if d['reason'] == '$1')" \
        counters --port d1
}

# refuses STATUS WORDS COMMAND...: swctl ends with the status and says the words.
refuses()
{
    local status=$1 words=$2 got=0
    shift 2
    sw "$@" >/dev/null 2>"$OFFICE_DIR/err" || got=$?
    [[ $got = "$status" ]] || die "swctl $*: exit status $got instead of $status"
    grep -q -- "$words" "$OFFICE_DIR/err" || die "swctl $*: says $(cat "$OFFICE_DIR/err")"
}

# An echo server for TCP and UDP on port 80, of both families.
echo_server()
{
    cat >"$OFFICE_DIR/server.py" <<'END'
import selectors, socket
s = selectors.DefaultSelector()
def reply(c):
    b = c.recv(100)
    if b:
        c.send(b)
    else:
        s.unregister(c)
        c.close()
def tcp(l):
    c, _ = l.accept()
    s.register(c, selectors.EVENT_READ, reply)
def udp(u):
    b, a = u.recvfrom(100)
    u.sendto(b, a)
l = socket.create_server(('::', 80), family=socket.AF_INET6, dualstack_ipv6=True)
s.register(l, selectors.EVENT_READ, tcp)
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
u.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
u.bind(('::', 80))
s.register(u, selectors.EVENT_READ, udp)
while True:
    for key, _ in s.select():
        key.data(key.fileobj)
END
    spawn_ns server /usr/bin/python3 "$OFFICE_DIR/server.py" >>"$OFFICE_DIR/echo.log" 2>&1
}

# talker NAME KIND ADDRESS: a socket of d1 that says a word now and whenever the file NAME.say is
# there, and writes what came back into NAME.said.
talker()
{
    cat >"$OFFICE_DIR/talker.py" <<'END'
import os, socket, sys, time
kind, address, base = sys.argv[1:]
s = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, getattr(socket, kind))
if kind == 'SOCK_STREAM' and ':' not in address:
    s.bind(('', 40000))
s.connect((address, 80))
s.settimeout(1)
while True:
    s.send(b'word')
    try:
        said = 'echo' if s.recv(100) else 'end'
    except TimeoutError:
        said = 'cut'
    with open(base + '.new', 'w') as f:
        f.write(said)
    os.rename(base + '.new', base + '.said')
    while not os.path.exists(base + '.say'):
        time.sleep(0.02)
    os.remove(base + '.say')
END
    spawn_ns d1 /usr/bin/python3 "$OFFICE_DIR/talker.py" "$2" "$3" "$OFFICE_DIR/$1" \
        >>"$OFFICE_DIR/echo.log" 2>&1
}

# says NAME: what its next word brings.
says()
{
    rm -f "$OFFICE_DIR/$1.said"
    touch "$OFFICE_DIR/$1.say"
    office_wait 10 "$1 speaks" test -e "$OFFICE_DIR/$1.said"
    cat "$OFFICE_DIR/$1.said"
}

office_open
office_build
office_config
cat >>"$OFFICE_DIR/policy.yaml" <<EOF
  - { id: dns-like, direction: egress, peer: server, protocol: udp, ports: [80], action: allow }
EOF
office_start
echo_server
office_wait 10 "the echo server" in_ns server /usr/bin/python3 -c \
    "import socket; socket.create_connection(('127.0.0.1', 80), 1)"
office_wait 20 "IPv6" in_ns d1 ping -q -n -c 1 -W 1 "${OFFICE_NET6}2"
for t in "tcp4 SOCK_STREAM $OFFICE_SERVER" "tcp6 SOCK_STREAM ${OFFICE_NET6}2" \
    "udp4 SOCK_DGRAM $OFFICE_SERVER"; do
    read -r name kind address <<<"$t"
    talker "$name" "$kind" "$address"
    office_wait 10 "$name speaks" test -e "$OFFICE_DIR/$name.said"
    expect "$name" "$(cat "$OFFICE_DIR/$name.said")" echo
done
in_ns d2 ping -q -n -c 1 -W 2 "$OFFICE_SERVER" >/dev/null

mine=(--port d1 --dport 80)
expect "of d1, to port 80" "$(conns "${mine[@]}")" 3
expect "of its user" "$(conns --user aiko --dport 80)" 3
expect "TCP" "$(conns "${mine[@]}" --protocol tcp)" 2
expect "IPv6" "$(conns "${mine[@]}" --source "${OFFICE_NET6}/64")" 1
expect "to the server's IPv4 address" "$(conns "${mine[@]}" --destination "$OFFICE_SERVER")" 2
expect "from the server" "$(conns "${mine[@]}" --source "$OFFICE_SERVER")" 0
expect "established" "$(conns "${mine[@]}" --state established)" 2
expect "the ping of d2" "$(conns --port d2 --protocol icmp --state replied)" 1
expect "one line and a remark" "$(sw conn list "${mine[@]}" --limit 1 | tail -n 1)" \
    "-- 1 of 3 connections; --limit shows more"
refuses 1 "host bits" conn list --source 10.0.0.1/8
refuses 1 "no port is named" conn flush --port d9
refuses 1 "no port is used by" conn list --user nobody
refuses 1 "none of unreplied" conn list --state open

id=$(field "m['id']" conn list "${mine[@]}" --protocol tcp --destination "$OFFICE_SERVER")
tuple=(tcp "$(desk_ip 1):40000" "$OFFICE_SERVER:80")
expect "the rule that allowed it" "$(field "m['egressRule']" conn show "$id")" web
expect "the same by its tuple" "$(field "m['connection']['id']" conn show "${tuple[@]}")" "$id"
expect "... from the other side" \
    "$(field "m['connection']['id']" conn show tcp "${tuple[2]}" "${tuple[1]}")" "$id"
expect "both sides' handshake" \
    "$(field "m['source']['tcp']['said'], m['destination']['tcp']['said']" conn show "$id")" \
    "['syn', 'syn-ack'] ['syn', 'syn-ack']"
# What one side has sent, the other one has acknowledged: nothing is in flight.
expect "numbers agree" "$(field "(m['source']['tcp']['end'] - m['destination']['tcp']['acknowledged'],
    m['destination']['tcp']['end'] - m['source']['tcp']['acknowledged'])" conn show "$id")" "(0, 0)"
expect "what it sent, and its time" "$(field "(int(m['source']['packets']) >= 3 and
    int(m['source']['bytes']) > int(m['source']['packets']) * 54 and
    m['timeoutS'] == 7440 and 0 < int(m['expiresInMs']) <= 7440000)" conn show "$id")" True
expect "judged by the generation in force" \
    "$(field "m['connection']['generation'] == m['generationInForce']" conn show "$id")" True

expect "connections that d1 has open" \
    "$(field "[p['open'] for p in m['ports'] if p['port'] == 'd1'][0]" conn stats)" \
    "$(field "m['ports'][0]['connections']" counters --port d1)"
expect "size" "$(field "(m['max'], m['bytesPerEntry'], m['portMax'])" conn stats)" "(16384, 256, 1024)"
expect "status has it, too" "$(field "m['connectionStats']['max']" status)" 16384

refuses 2 "every connection" conn flush
before=$(drops tcp-state)
expect "flush of TCP over IPv4" "$(field "m['flushed']" conn flush "${mine[@]}" --protocol tcp \
    --destination "$OFFICE_SERVER")" 1
expect "listed no more" "$(conns "${mine[@]}" --protocol tcp)" 1
refuses 1 "no connection has the id" conn show "$id"
refuses 1 "no connection is tcp" conn show "${tuple[@]}"
expect "its next word" "$(says tcp4)" cut
(($(drops tcp-state) > before)) || die "it was not dropped as tcp-state"
expect "the others go on" "$(says tcp6), $(says udp4)" "echo, echo"
expect "flush of UDP" "$(field "m['flushed']" conn flush "${mine[@]}" --protocol udp)" 1
expect "its next word opens it again" "$(says udp4)" echo
expect "flush of all" "$(field "m['flushed'] >= 2" conn flush --all)" True
expect "IPv6 is cut, too" "$(says tcp6)" cut
in_ns d1 /usr/bin/python3 -c "import socket; socket.create_connection(('$OFFICE_SERVER', 80), 3)" ||
    die "no new connection can be opened"
sw conn stats
sw audit
