#!/bin/bash
# A hostile desktop, and a hostile host behind an uplink, try to get past the firewalls with frames of
# their own making (evasion_cases.py).  Each case has to be dropped for what it is; of what is dropped
# nothing may reach another host's interface, let alone its kernel; nobody's neighbour table and nobody's
# routes may change.  tests/long/evasion_stages.py shows that each stage of the packet path is seen here.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# What there has to be a case for, by name.
RFCS="1858 3128 5095 5722 5927 5961 6946 6980 7112 7113 7126"

# listen NAME [ask]
listen()
{
    spawn_ns "$1" /usr/bin/python3 "$here/receiver.py" eth0 ${2:-} >"$OFFICE_DIR/heard-$1" 2>&1 </dev/null
    office_wait 10 "the listeners of $1" grep -q ready "$OFFICE_DIR/heard-$1"
}

# heard NAME WORD: how many lines of what NAME has heard hold WORD.
heard()
{
    grep -c "$2" "$OFFICE_DIR/heard-$1" || true
}

# attack NAME ROLE: its kernel is silent meanwhile, so that what is dropped is the attack's.
attack()
{
    local status=0
    in_ns "$1" nft -f - <<END
table inet quiet { chain out { type filter hook output priority 0; policy drop; }; }
table arp quiet { chain out { type filter hook output priority 0; policy drop; }; }
END
    in_ns "$1" /usr/bin/python3 -B "$here/evasion.py" "$2" "$OFFICE_BIN/swctl" \
        "unix:$OFFICE_DIR/run/vswitchd.sock" "$1" >"$OFFICE_DIR/cases-$1" 2>&1 || status=$?
    cat "$OFFICE_DIR/cases-$1"
    in_ns "$1" nft flush ruleset
    [[ $status = 0 ]] || die "what $1 did was not seen for what it is"
}

office_open
office_build
office_attach trunk 02:00:00:00:01:03 3
office_config
echo "  - { name: trunk, role: uplink, af_packet: { interface: trunk }, trunks: [20], no_untagged: true }" \
    >>"$OFFICE_DIR/config.yaml"
sed -i '/name: d1$/a\    storm: { broadcast_pps: 100, multicast_pps: 100, unknown_unicast_pps: 100 }' "$OFFICE_DIR/config.yaml"
cat >"$OFFICE_DIR/policy.yaml" <<EOF
version: 1
groups:
  desktops: { labels: { pool: office } }
  talkers: { ports: [d1, d2, d3] }
  server: { cidrs: [$OFFICE_SERVER/32, "${OFFICE_NET6}2/128"] }
  gateway: { cidrs: [$OFFICE_GATEWAY/32, "${OFFICE_NET6}1/128"] }
rules:
  - { id: web, direction: egress, peer: server, protocol: tcp, ports: [80], action: allow }
  - { id: ask, direction: egress, peer: server, protocol: udp, ports: [5000], action: allow }
  - { id: ping, direction: egress, peer: server, protocol: icmp, icmp: [8], action: allow }
  - { id: ping6, direction: egress, peer: server, protocol: icmpv6, icmp: [128], action: allow }
  - { id: talk, direction: egress, peer: talkers, protocol: udp, ports: [7000-7002], action: allow }
  - { id: no-lateral, direction: egress, peer: desktops, action: drop }
  - { id: gateway, direction: egress, peer: gateway, action: allow }
  - { id: shout, direction: egress, peer: any, protocol: udp, ports: [6666], action: allow }
  - { id: hear, direction: ingress, peer: any, protocol: udp, ports: [7001], action: allow }
  - { id: serve, direction: ingress, peer: any, protocol: tcp, ports: [7001], action: allow }
  - { id: deaf, direction: ingress, peer: any, protocol: udp, ports: [7002], action: drop }
EOF
office_run
office_wait 30 "the switch answers" sw status
office_wait 10 "nine ports are up" office_ports_up 9
for host in server gateway d3 d4; do
    listen $host
done
listen d2 ask
in_ns server ping -q -n -c 1 -W 2 "$OFFICE_GATEWAY" >/dev/null || die "the server has no gateway"
gateway_mac=$(in_ns server ip neigh show "$OFFICE_GATEWAY")

case ${EVASION_FIRST:-} in
    uplink) attack gateway uplink && attack d1 desktop && attack trunk trunk ;;
    trunk) attack trunk trunk && attack d1 desktop && attack gateway uplink ;;
    *) attack d1 desktop && attack gateway uplink && attack trunk trunk ;;
esac

for host in server gateway d2; do
    [[ $(heard $host CONTROL) -gt 0 ]] || die "the receiver of $host is deaf"
done
for host in server gateway d2 d3 d4; do
    if (($(heard $host EVADED) + $(heard $host "port 9999 accepted"))); then
        cat "$OFFICE_DIR/heard-$host"
        die "$host has received what is dropped"
    fi
done
for host in d2 d3 d4; do
    [[ $(heard $host FLOODED) = 0 ]] || die "$host has received what its own rules deny"
done
[[ $(heard d2 ISOLATED) -gt 0 ]] || die "d2 does not hear who moves"
[[ $(heard d3 ISOLATED) = 0 ]] || die "d3 has heard in quarantine"
[[ $(in_ns server ip neigh show "$OFFICE_GATEWAY" | cut -d' ' -f1-5) = \
    $(cut -d' ' -f1-5 <<<"$gateway_mac") ]] || die "the server's gateway is another"
! in_ns d2 ip neigh | grep -v "^$(desk_ip 1) \|^${OFFICE_NET6}11 " | grep -q 02:00:00:00:00:01 ||
    die "d2 takes d1 for another: $(in_ns d2 ip neigh)"
[[ ! $(in_ns d2 ip -6 route show default) ]] || die "d2 has a new router"
! in_ns d2 ip -6 addr | grep -q db8:bad || die "d2 has a new address"
for rfc in $RFCS; do
    grep -q "RFC $rfc" "$OFFICE_DIR"/cases-* || die "there is no case for RFC $rfc"
done
works=$(in_ns d6 ping -q -n -c 1 -W 2 "$OFFICE_SERVER") || die "others cannot work any more: $works"
sw audit
