#!/bin/bash
# A first week in audit mode, in short: desktops use servers, one looks around at a neighbour.  What is
# recommended of it is applied as it was printed, and enforced: the same traffic passes, and the look
# around does not.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

expect()
{
    local what=$1 is=$2 should=$3
    echo "$what: $is"
    [[ $is = "$should" ]] || die "$what: '$is' instead of '$should'"
}

# says FILE PATTERN: also over line ends and comment marks.
says()
{
    tr -s ' \n#' ' ' <"$1" >flat
    grep -qE -- "$2" flat || die "'$2' is not in: $(cat "$1")"
}

# TCP 22 and 443, UDP 53: each says OK to whoever speaks.
cat_server()
{
    cat <<'PY'
import socket, threading

def tcp(port):
    s = socket.create_server(("", port), reuse_port=True)
    while True:
        c, _ = s.accept()
        c.sendall(b"OK")
        c.close()

for port in 22, 443:
    threading.Thread(target=tcp, args=(port,)).start()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("", 53))
while True:
    _, peer = u.recvfrom(99)
    u.sendto(b"OK", peer)
PY
}

# asks NAME KIND ADDRESS PORT: whether the answer comes.
asks()
{
    in_ns "$1" /usr/bin/python3 -c '
import socket, sys
kind, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.settimeout(2)
s.connect((address, port))
if kind == "udp":
    s.send(b"?")
sys.exit(s.recv(9) != b"OK")' "$2" "$3" "$4" 2>/dev/null
}

# The work of the week, line by line, with 'check' before each.
work()
{
    local i
    for i in 1 2 3 4 5 6; do
        "$@" asks "d$i" tcp "$OFFICE_SERVER" 443
        "$@" asks "d$i" udp "$OFFICE_GATEWAY" 53
    done
    "$@" asks d1 tcp "$OFFICE_SERVER" 22
    "$@" asks d1 tcp "$OFFICE_GATEWAY" 22
    "$@" asks d2 tcp "$OFFICE_SERVER" 22
}

passes() { office_wait 20 "$*" "$@"; }
fails() { "$@" && die "this passes: $*" || true; }

# Of a neighbour; whether one of the ports is open is no matter.
scan() { in_ns d3 nmap -n -Pn -sT -p 445,3389 --max-retries 0 --host-timeout 20 "$(desk_ip 4)" >/dev/null; }

recommended() { sw policy recommend "${@:2}" >seen.yaml && tr -s ' \n#' ' ' <seen.yaml >flat && grep -qE -- "$1" flat; }
denied() { sw -o json drops --port d3 --reason egress-rule | grep -c '"record"' || true; }

office_open
office_build
office_config
cd "$OFFICE_DIR"
cat >policy.yaml <<EOF
version: 1
groups:
  desktops: { labels: { pool: office } }
  server: { cidrs: [$OFFICE_SERVER/32] }
pools:
  - { group: desktops, mode: audit }
rules:
  - { id: ping, direction: egress, peer: server, service: ping, action: allow }
  - { id: no-lateral, direction: egress, peer: desktops, action: drop, log: incident }
EOF
sed '/^pools:/,+1d' policy.yaml >enforce.yaml
office_start
cat_server >serve.py
for ns in server gateway; do
    spawn_ns "$ns" /usr/bin/python3 serve.py </dev/null
    office_wait 10 "the server $ns" asks "$ns" udp 127.0.0.1 53
done

# ---- nothing was seen yet ----
in_ns d1 ping -q -n -c 1 -W 5 "$OFFICE_SERVER" >/dev/null
sw policy recommend >seen.yaml
grep -q '^version: 1$' seen.yaml || die "no policy: $(cat seen.yaml)"
fails grep -q '^  - .*ping' seen.yaml

# ---- the week ----
work passes
scan
office_wait 20 "all of it is seen" recommended 'id: seen-in-rdp, [^}]* service: \[rdp, smb\]'
cat seen.yaml
says seen.yaml 'applied_to: \[desktops\], peer: \[server\], service: \[https\], action: allow'
says seen.yaml "applied_to: \[desktops\], peer: \[$OFFICE_GATEWAY/32\], service: \[dns\], action: allow"
says seen.yaml 'Of https only tcp/443 was seen'
says seen.yaml 'desktop-d1: \{ ports: \[d1\] \}'
says seen.yaml 'WARNING: between desktops'
says seen.yaml 'flows between desktops: [0-9]+ rules, as comments'
grep -qE '^#  - \{ id: seen-[a-z-]*(smb|rdp)' seen.yaml || die "what is between desktops is no comment"
! grep -qE '^  - .*(smb|rdp)' seen.yaml || die "what is between desktops is recommended"
sw -o json policy recommend >reply
/usr/bin/python3 - reply <<'PY' || die "the reply does not add up"
import json, sys
r = json.load(open(sys.argv[1]))
print({k: v for k, v in r.items() if k != "yaml"})
sys.exit(not (int(r["flows"]) >= 15 and int(r["flowsOfDesktops"]) >= 2 and int(r["rules"]) >= 4
              and not int(r.get("flowsDenied", 0)) and not int(r.get("rulesNeedless", 0))))
PY
sw policy check seen.yaml policy.yaml >check || expect "exit of check" "$?" 1
cat check
! grep -q ': error: ' check || die "the recommendation is not good as it is"
! grep -E '^seen.yaml:' check || die "the recommendation is strange as it is"
expect "the version is the same" "$(sw -o json policy get | grep -cE '"version": ?"1"')" 1

# ---- without it, enforced ----
sw policy apply enforce.yaml >/dev/null
fails asks d1 tcp "$OFFICE_SERVER" 443
fails asks d2 udp "$OFFICE_GATEWAY" 53

# ---- with it ----
sw policy apply seen.yaml enforce.yaml
work passes
fails asks d2 tcp "$OFFICE_GATEWAY" 22
before=$(denied)
scan
office_wait 20 "the scan is on record" eval '(($(denied) > before))'
sw audit

# ---- what is in force is not recommended again ----
sw policy recommend >again.yaml
says again.yaml 'Recommended: 0 rules for 0 flows'
says again.yaml 'flows that the policy allows by now'
office_wait 20 "what was dropped, when asked for" recommended 'desktop-d2\], peer: \[10.99.0.1/32\], service: \[ssh\]' --include-drops
sw policy recommend --include-desktops >seen2.yaml
grep -qE '^  - \{ id: seen-[a-z]*(-smb|smb|rdp)' seen2.yaml || die "not even when asked for: $(cat seen2.yaml)"
sw policy apply seen2.yaml seen.yaml enforce.yaml >/dev/null # no name is there twice
echo "test_recommend: good"
