#!/bin/bash
# Quarantine, with real kernels behind the ports: live connections end for both ends, lists of the
# policy stay open, nothing passes after what the receipt says, and it follows the VM until a person
# releases it.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

say() { echo "== $*"; }

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
    grep -qE "$pattern" <<<"$out" || die "swctl $*: does not say '$pattern': $out"
    echo "refused: $out"
}

# of EXPRESSION FILE: of 'r', the JSON in the file.
of()
{
    /usr/bin/python3 -c 'import json, sys; r = json.load(open(sys.argv[2])); print(eval(sys.argv[1]))' "$@"
}

counter()
{
    sw -o json counters --port "$1" | /usr/bin/python3 -c \
        "import json, sys; print(json.load(sys.stdin)['ports'][0].get('$2', 0))"
}

connections() { sw -o json conn list --port "$1" | grep -c '"protocol"' || true; }

# serve NS ADDRESS PORT FILE: echoes, and writes how each connection ended.
serve()
{
    spawn_ns "$1" /usr/bin/python3 -c "
import errno, socket, threading
s = socket.create_server(('$2', $3), family=socket.AF_INET6 if ':' in '$2' else socket.AF_INET)
print('ready', flush=True)
def echo(c):
    try:
        while True:
            data = c.recv(100)
            if not data:
                print('end', flush=True)
                return
            c.send(data)
    except OSError as e:
        print(errno.errorcode.get(e.errno, e), flush=True)
while True:
    threading.Thread(target=echo, args=(s.accept()[0],), daemon=True).start()
" >"$4" 2>&1 </dev/null
    office_wait 20 "a server at $2" grep -q ready "$4"
}

# talk NS ADDRESS PORT FILE: a connection that says a word, has it back, and then only listens; with
# FILE.again there it says one more and writes "again" when that is back.
talk()
{
    rm -f "$4.again"
    spawn_ns "$1" /usr/bin/python3 -c "
import errno, os, socket, time
s = socket.create_connection(('$2', $3), 20)
s.send(b'hello')
assert s.recv(10) == b'hello'
print('connected', flush=True)
s.settimeout(.05)
said = False
while True:
    try:
        data = s.recv(10)
        print('again' if data == b'more' else 'end', flush=True)
        if not data:
            break
    except TimeoutError:
        if not said and os.path.exists('$4.again'):
            s.send(b'more')
            said = True
    except OSError as e:
        print(errno.errorcode.get(e.errno, e), flush=True)
        break
" >"$4" 2>&1 </dev/null
    office_wait 20 "a connection to $2" grep -q connected "$4"
}

answers() { in_ns "$1" /usr/bin/python3 -c "
import socket
s = socket.create_connection(('$2', $3), 2)
s.settimeout(2)
s.send(b'hello')
assert s.recv(10) == b'hello'" 2>/dev/null; }

office_open
office_build
office_config
cat >>"$OFFICE_DIR/policy.yaml" <<EOF
  - { id: flood-out, direction: egress, peer: server, protocol: udp, ports: [9999], action: allow }
  - { id: flood-in, direction: ingress, peer: server, protocol: udp, ports: [9998], action: allow }
  - { id: jump-in, direction: ingress, peer: gateway, protocol: tcp, ports: [22], action: allow }
EOF
cp "$OFFICE_DIR/policy.yaml" "$OFFICE_DIR/without.yaml"
cat >>"$OFFICE_DIR/policy.yaml" <<EOF
quarantine:
  lists:
    forensics:
      - { direction: ingress, peer: gateway, protocol: tcp, ports: [22] }
    display:
      - { direction: ingress, peer: server, protocol: tcp, ports: [3389] }
EOF
office_start
cd "$OFFICE_DIR"
office_wait 20 "IPv6" in_ns d6 ping -q -n -c 1 -W 1 "${OFFICE_NET6}2"
serve server "$OFFICE_SERVER" 80 served4
serve server "${OFFICE_NET6}2" 80 served6
for n in 1 2; do
    serve "d$n" "$(desk_ip "$n")" 22 "ssh$n"
done

# ---- both ends are told ----
say "connections end for their peers, too"
talk d1 "$OFFICE_SERVER" 80 talk4
talk d1 "${OFFICE_NET6}2" 80 talk6
talk gateway "$(desk_ip 1)" 22 talkin
before=$(counter d1 originated)
sw -o json quarantine d1 --reset --comment INC-1 >receipt
expect "connections ended" "$(of 'r["connectionsEnded"]' receipt)" 3
expect "resets" "$(of 'r["resetsSent"]' receipt)" 6
expect "connections in the table" "$(connections d1)" 0
for end in served4 served6 ssh1 talk4 talk6 talkin; do
    office_wait 20 "$end" grep -q '^E' "$end"
    expect "$end" "$(tail -1 "$end")" ECONNRESET
done
(($(counter d1 originated) >= before + 6)) || die "the ledger has no resets"
sw audit
[[ $(of 'r["lastPassed"] <= r["inForceAt"]' receipt) = True ]] ||
    die "passed after it was in force: $(cat receipt)"
! answers d1 "$OFFICE_SERVER" 80 || die "d1 reaches the server"
sw -o json quarantine d1 --reset >receipt
expect "ended again" "$(of 'r.get("connectionsEnded", 0), r.get("elapsedUs", 0)' receipt)" "(0, 0)"

# ---- lists ----
say "a list stays open, and nothing else"
refused 1 'allow: the policy in force has no list "nonesuch"' quarantine d2 --allow nonesuch
refused 1 'allow: server is an uplink' quarantine server --allow forensics
talk d2 "$OFFICE_SERVER" 80 talk4
talk gateway "$(desk_ip 2)" 22 talkin
sw -o json quarantine d2 --allow forensics --allow display >receipt
expect "connections ended" "$(of 'r["connectionsEnded"]' receipt)" 1
expect "open for" "$(of '", ".join(r["allow"])' receipt)" "display, forensics"
touch talkin.again
office_wait 20 "the open connection goes on" grep -q again talkin
in_ns gateway ip neigh flush all
in_ns d2 ip neigh flush all
answers gateway "$(desk_ip 2)" 22 || die "the jump host cannot connect"
! answers d2 "$OFFICE_SERVER" 80 || die "d2 reaches the server"
! in_ns d2 ping -q -n -c 1 -W 1 "$OFFICE_GATEWAY" >/dev/null || die "d2 pings the gateway"
! in_ns server ping -q -n -c 1 -W 1 "$(desk_ip 2)" >/dev/null || die "the server pings d2"
sw port show d2 | grep -E 'Quarantined: +yes' | grep 'open for display, forensics' || die "not shown"

say "... through a new policy, and shut when that has no such list"
sed 's/ports: \[80\]/ports: [80, 81]/' policy.yaml >other.yaml
sw policy apply other.yaml >applied
answers gateway "$(desk_ip 2)" 22 || die "a policy shut the list"
sw policy check without.yaml >checked || true
grep quarantine-list checked | grep forensics || die "no warning: $(cat checked)"
sw policy apply without.yaml >applied
! answers gateway "$(desk_ip 2)" 22 || die "open without its list"
grep -q 'd2.*forensics' vswitchd.log || die "the log does not say that the list is gone"
gone() { [[ $(connections d2) = 0 ]]; }
office_wait 10 "the connection has ended" gone
sw policy apply policy.yaml >applied
answers gateway "$(desk_ip 2)" 22 || die "not open again"

# ---- nothing after the receipt ----
say "nothing passes after the receipt"
flood()
{
    spawn_ns "$1" /usr/bin/python3 -c "
import os, socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('$2', $4))
n = 0
while not os.path.exists('stop'):
    n += 1
    try:
        s.sendto(struct.pack('!Q', n), ('$3', $5))
    except OSError:
        pass
print(n, flush=True)
" >"sent-$1" 2>&1 </dev/null
}
# The last number that came, and when the kernel had it, in microseconds of Unix time.
sink()
{
    spawn_ns "$1" /usr/bin/python3 -c "
import os, socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('$2', $3))
s.settimeout(.1)
s.setsockopt(socket.SOL_SOCKET, 35, 1) # SO_TIMESTAMPNS
s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20) # SO_RCVBUFFORCE
last = 0, 0
print('ready', flush=True)
while True:
    try:
        data, more, _, _ = s.recvmsg(100, 100)
        sec, nsec = struct.unpack('qq', more[0][2])
        last = struct.unpack('!Q', data)[0], sec * 1000000 + nsec // 1000
        if last[0] > 5000 and not os.path.exists('flowing-$1'):
            open('flowing-$1', 'w').close()
    except TimeoutError:
        if os.path.exists('stop'):
            break
print(*last, flush=True)
" >"got-$1" 2>&1 </dev/null
    office_wait 20 "a sink" grep -q ready "got-$1"
}
received_more()
{
    (($(counter d3 received) > $1 + 1000 && $(counter server received) > $2 + 1000))
}
sink server "$OFFICE_SERVER" 9999
sink d3 "$(desk_ip 3)" 9998
flood d3 "$(desk_ip 3)" "$OFFICE_SERVER" 40000 9999
flood server "$OFFICE_SERVER" "$(desk_ip 3)" 40001 9998
office_wait 60 "a flood to the server" test -e flowing-server
office_wait 60 "a flood from the server" test -e flowing-d3
sw -o json quarantine d3 >receipt
office_wait 60 "the flood goes on" received_more "$(counter d3 received)" "$(counter server received)"
touch stop
for end in server d3; do
    office_wait 60 "an end at $end" grep -qE '^[0-9]+ [0-9]+' "got-$end"
    office_wait 20 "the number sent by $end" grep -qE '^[0-9]+$' "sent-$end"
done
/usr/bin/python3 - <<'END'
import datetime, json
receipt = json.load(open('receipt'))
def us(text):
    head, _, fraction = text.rstrip('Z').partition('.')
    seconds = datetime.datetime.fromisoformat(head + '+00:00').timestamp()
    return int(seconds) * 1000000 + int((fraction + '000000')[:6])
in_force, passed = us(receipt['inForceAt']), us(receipt['lastPassed'])
newest = 0
for end, other in (('server', 'd3'), ('d3', 'server')):
    number, at = map(int, open('got-' + end).read().split('\n')[1].split())
    sent = int(open('sent-' + other).read())
    print('%s: the last was %d of %d, %d us before it was in force' % (end, number, sent, in_force - at))
    assert at <= in_force, 'something passed %d us after the receipt' % (at - in_force)
    assert sent > number
    newest = max(newest, at)
print('the receipt: the last passed %d us before' % (in_force - passed))
assert passed <= newest and passed <= in_force
END
sw audit

# ---- the restart ----
say "a killed switch comes back with it"
kill -KILL "$OFFICE_SWITCH_PID"
wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
office_start
sw quarantine list | tee list
expect "in quarantine" "$(grep -c 'in force' list)" 3
answers gateway "$(desk_ip 2)" 22 || die "the list is not open after a restart"
! answers d1 "$OFFICE_SERVER" 80 || die "d1 reaches the server"
! answers d2 "$OFFICE_SERVER" 80 || die "d2 reaches the server"

# ---- a release needs a reason ----
say "a release needs a reason"
refused 2 "'release' needs --reason" release d1
sw release d1 --reason 'INC-1: reinstalled "twice"'
answers d1 "$OFFICE_SERVER" 80 || die "d1 is not released"
grep -qF 'released by' vswitchd.log || die "not in the log"
grep -F 'INC-1: reinstalled \"twice\"' state/audit.log | grep -q '"reason"' || die "not in the audit log"
refused 1 'no port is named "d9"' release d9 --reason none
refused 1 'no VM "v9" is in quarantine' release --vm-id v9 --reason none

# ---- the VM ----
say "it follows the VM"
# add NAME VM-ID: a port on d4's cable.
add()
{
    sw port add "$1" --type af_packet --role desktop --interface d4 --mac 02:00:00:00:00:04 \
        --ip "$(desk_ip 4)" --label pool=office --vm-id "$2" >/dev/null
    office_wait 10 "$1 is up" office_ports_up 8
}
sw port del d4 >/dev/null
add d4 vm-4
answers d4 "$OFFICE_SERVER" 80 || die "d4 does not reach the server"
sw quarantine d4 --comment INC-4 >/dev/null
sw port del d4 >/dev/null
sw quarantine list | grep -E '^d4 +vm-4 +absent' || die "not listed as absent"
add d4 vm-5
answers d4 "$OFFICE_SERVER" 80 || die "another VM is cut off"
sw port del d4 >/dev/null
kill -KILL "$OFFICE_SWITCH_PID"
wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
office_run
office_wait 30 "the switch answers" sw status
add e4 vm-4
! answers d4 "$OFFICE_SERVER" 80 || die "the VM is out under another name"
expect "packets of it that passed" "$(counter e4 forwarded)" "$(counter e4 originated)"
sw quarantine list | grep -E '^e4 +vm-4 +in force' || die "not listed under its new name"
sw release --vm-id vm-4 --reason 'INC-4: over' | grep '^e4 is released'
answers d4 "$OFFICE_SERVER" 80 || die "the VM is not released"
sw quarantine e4 >/dev/null
sw port del e4 >/dev/null
sw release --vm-id vm-4 --reason 'INC-4: the VM is gone' >/dev/null
expect "left" "$(sw quarantine list | grep -c vm-4 || true)" 0
sw audit-log verify state/audit.log >/dev/null
sw audit
