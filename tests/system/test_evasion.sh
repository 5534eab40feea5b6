#!/bin/bash
# A hostile desktop tries to get past its firewall, with frames of its own making.  Of what its policy
# denies nothing may reach another host's interface, let alone its kernel; nobody's neighbour table and
# nobody's routes may change; and each stage of the packet path must have had its say.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# What has to have been dropped, by stage: parse, guard, neighbours, fragments, tracking, policy.
REASONS="malformed vlan source-route ipv6-ext spoof-mac spoof-ip ra dhcp-server spoof-arp spoof-nd
fragment frag-overlap tcp-state icmp-unrelated egress-rule egress-default"

listen()
{
    spawn_ns "$1" /usr/bin/python3 "$here/receiver.py" eth0 >"$OFFICE_DIR/heard-$1" 2>&1 </dev/null
    office_wait 10 "the listeners of $1" grep -q ready "$OFFICE_DIR/heard-$1"
}

# heard NAME WORD: how many lines of what NAME has heard hold WORD.
heard()
{
    grep -c "$2" "$OFFICE_DIR/heard-$1" || true
}

drops()
{
    sw -o json counters --port d1 | /usr/bin/python3 -c '
import json, sys
for drop in json.load(sys.stdin)["ports"][0].get("drops", []):
    print(drop["reason"])'
}

office_open
office_build
office_config
office_start
for host in server gateway d2; do
    listen $host
done
in_ns server ping -q -n -c 1 -W 2 "$OFFICE_GATEWAY" >/dev/null || die "the server has no gateway"
gateway_mac=$(in_ns server ip neigh show "$OFFICE_GATEWAY")

# What is allowed arrives, so that silence means something.
in_ns d1 ping -q -n -c 1 -W 2 -p 434f4e54524f4c "$OFFICE_SERVER" >/dev/null || die "d1 cannot ping"
[[ $(heard server CONTROL) -gt 0 ]] || die "the receiver is deaf"

in_ns d1 /usr/bin/python3 "$here/evasion.py" eth0 02:00:00:00:01:02 02:00:00:00:00:02
sleep 1

for host in server gateway d2; do
    if (($(heard $host EVADED) + $(heard $host accepted))); then
        cat "$OFFICE_DIR/heard-$host"
        die "$host has received what the policy denies"
    fi
done
[[ $(in_ns server ip neigh show "$OFFICE_GATEWAY" | cut -d' ' -f1-5) = \
    $(cut -d' ' -f1-5 <<<"$gateway_mac") ]] || die "the server's gateway is another"
! in_ns d2 ip neigh | grep -q 02:00:00:00:00:01 || die "d2 has learned of d1: $(in_ns d2 ip neigh)"
[[ ! $(in_ns d2 ip -6 route show default) ]] || die "d2 has a new router"
! in_ns d2 ip -6 addr | grep -q db8:bad || die "d2 has a new address"

dropped=$(drops)
for reason in $REASONS; do
    grep -qx "$reason" <<<"$dropped" || die "nothing was dropped as $reason, but as: $dropped"
done
sw conn --port d1 | { ! grep ":9999" || die "d1 has a connection that it may not have"; }
works=$(in_ns d1 ping -q -n -c 1 -W 2 "$OFFICE_SERVER") || die "d1 cannot work any more: $works"
sw audit
