#!/bin/bash
# Policy verdicts against nftables: tests/system/diff_nftables.c has the how.  Short, and always the
# same; tests/long/nftables.sh runs more of it, each time another.  Arguments go to diff_nftables.
set -euo pipefail

top=${FUSUMA_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
diff=${FUSUMA_BUILD:-$top/build}/tests/system/diff_nftables
ns=fsm$$-nft
PATH=$PATH:/usr/sbin:/sbin

die()
{
    echo "$(basename "$0"): $*" >&2
    exit 1
}

[[ $(id -u) = 0 ]] || die "network namespaces need root: run it with sudo"
[[ -x $diff ]] || die "$diff is not built (make check-programs)"
trap 'ip netns del "$ns" 2>/dev/null || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
ip netns add "$ns"

# Whoever sends is known to the bridge from the start, so that it floods nothing.  The kernel's own
# voice on the cables would be heard, too; and it may look into bridged packets by itself.
ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec "$ns" sysctl -qew net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
ip -n "$ns" link add br0 type bridge mcast_snooping 0 stp_state 0
ip -n "$ns" link set br0 up
number=0
for end in d1 d2 up; do
    ip -n "$ns" link add "sw-$end" type veth peer name "$end"
    ip -n "$ns" link set dev "sw-$end" master br0 up
    ip -n "$ns" link set dev "$end" up arp off
    bridge -n "$ns" fdb replace "02:00:00:00:01:0$number" dev "sw-$end" master static
    number=$((number + 1))
done

if (($#)); then
    ip netns exec "$ns" "$diff" "$@"
    exit
fi
ip netns exec "$ns" "$diff" -n 100000 -p 1000 -s 1
echo "With one rule of each ruleset turned:"
ip netns exec "$ns" "$diff" -n 20000 -p 1000 -s 2 -t
