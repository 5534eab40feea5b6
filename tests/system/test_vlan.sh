#!/bin/bash
# Three networks on one switch, two of them VLANs, all with the same addresses: each kernel stack has its
# own peers and no others, over an uplink that carries all three, whatever port type that is; and nothing
# that a desktop, or somebody at the far end of the trunk, can write in front of a packet gets it across.
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
HOSTS="a0 b0 a10 b10 a20 b20 far0 far10 far20 near10"

# Desktops a and b of each network; a's MAC is the same everywhere, b's are not.
mac()
{
    case $1 in
    a*) echo 02:00:00:00:00:0a ;;
    b*) printf '02:00:00:00:00:%02d' $((30 + ${1#b})) ;;
    esac
}

# attach NAME HOST [ON]: a cable from the namespace NAME, 10.50.0.HOST, to the namespace ON.
attach()
{
    local name=$1 host=$2 on=$OFFICE_TAG-${3:-switch} ns=$OFFICE_TAG-$1
    office_namespace "$name"
    ip -n "$on" link add "$name" type veth peer name eth0 netns "$ns"
    [[ ! $(mac "$name") ]] || ip -n "$ns" link set eth0 address "$(mac "$name")"
    ip -n "$on" link set "$name" up
    ip -n "$ns" addr add "10.50.0.$host/24" dev eth0
    ip -n "$ns" addr add "fd50::$host/64" dev eth0 nodad
    ip -n "$ns" link set eth0 up
}

# Not every kernel has VLAN interfaces.  These programs do what they do, in the same manner: the tag is
# beside the packet, so that segmentation is left to whoever comes behind.
write_trunk()
{
    cat >"$OFFICE_DIR/trunk.c" <<'EOT'
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#define SEC(NAME) __attribute__((section(NAME), used))
static long (*vlan_push)(struct __sk_buff *, __be16, __u16) = (void *) BPF_FUNC_skb_vlan_push;
static long (*vlan_pop)(struct __sk_buff *) = (void *) BPF_FUNC_skb_vlan_pop;
static long (*redirect)(__u32, __u64) = (void *) BPF_FUNC_redirect;

SEC("tc/in") int from_trunk(struct __sk_buff *skb)
{
    __u32 vid = skb->vlan_tci & 0xfff;

    if (!skb->vlan_present) {
        return redirect(FAR0, 0);
    }
    if (vid != 10 && vid != 20) {
        return TC_ACT_SHOT;
    }
    vlan_pop(skb);
    return redirect(vid == 10 ? FAR10 : FAR20, 0);
}

static int to_trunk(struct __sk_buff *skb, int vid)
{
    if (vid) {
        vlan_push(skb, __builtin_bswap16(0x8100), vid);
    }
    return redirect(TRUNK, 0);
}

SEC("tc/far0") int from_far0(struct __sk_buff *skb) { return to_trunk(skb, 0); }
SEC("tc/far10") int from_far10(struct __sk_buff *skb) { return to_trunk(skb, 10); }
SEC("tc/far20") int from_far20(struct __sk_buff *skb) { return to_trunk(skb, 20); }
char license_[] SEC("license") = "GPL";
EOT
}

index()
{
    in_ns far cat "/sys/class/net/$1/ifindex"
}

filter()
{
    in_ns far tc qdisc replace dev "$1" clsact
    in_ns far tc filter replace dev "$1" ingress pref 1 handle 1 bpf da obj "$OFFICE_DIR/trunk.o" sec "$2"
}

# far_trunk INTERFACE: in the namespace far, it carries far0, far10 and far20.
far_trunk()
{
    clang -target bpf -O2 -g -I"/usr/include/$(uname -m)-linux-gnu" -DTRUNK="$(index "$1")" \
        -DFAR0="$(index far0)" -DFAR10="$(index far10)" -DFAR20="$(index far20)" \
        -c "$OFFICE_DIR/trunk.c" -o "$OFFICE_DIR/trunk.o"
    filter "$1" tc/in
    filter far0 tc/far0
    filter far10 tc/far10
    filter far20 tc/far20
    in_ns far ip link set "$1" up
}

build()
{
    local vlan
    office_namespace switch
    in_ns switch sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    office_namespace far
    in_ns far sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    for vlan in 0 10 20; do
        attach "a$vlan" 11
        attach "b$vlan" 12
        attach "far$vlan" 1 far
    done
    attach near10 2
    ip -n "$OFFICE_TAG-switch" link add trunk type veth peer name trunk netns "$OFFICE_TAG-far"
    ip -n "$OFFICE_TAG-switch" link set trunk up
    write_trunk
    far_trunk trunk
}

config()
{
    local vlan name
    {
        echo "settings: { connections: 16384, buffers: 16384 }"
        echo "policy: policy.yaml"
        echo "ports:"
        echo "  - { name: trunk, role: uplink, af_packet: { interface: trunk }, trunks: [10, 20] }"
        echo "  - { name: near10, role: uplink, af_packet: { interface: near10 }, vlan: 10 }"
        for vlan in 0 10 20; do
            for name in "a$vlan" "b$vlan"; do
                echo "  - name: $name"
                echo "    role: desktop"
                echo "    af_packet: { interface: $name }"
                echo "    mac: $(mac "$name")"
                echo "    ips: [10.50.0.1$([[ $name = a* ]] && echo 1 || echo 2), \"fd50::1$([[ $name = a* ]] && echo 1 || echo 2)\"]"
                [[ $vlan = 0 ]] || echo "    vlan: $vlan"
            done
        done
    } >"$OFFICE_DIR/config.yaml"
    # Nothing but the VLANs keeps anybody from anybody.
    cat >"$OFFICE_DIR/policy.yaml" <<EOT
version: 1
rules:
  - { id: out, direction: egress, peer: any, action: allow }
  - { id: in, direction: ingress, peer: any, action: allow }
EOT
}

# web HOST: a server for both families, which says whose it is and has a large file.
web()
{
    mkdir "$OFFICE_DIR/www-$1"
    echo "Hello from $1." >"$OFFICE_DIR/www-$1/index.html"
    ln "$OFFICE_DIR/large" "$OFFICE_DIR/www-$1/large"
    spawn_ns "$1" /usr/bin/python3 -m http.server --bind :: -d "$OFFICE_DIR/www-$1" 8080 \
        >>"$OFFICE_DIR/web.log" 2>&1 </dev/null
    office_wait 10 "the web server of $1" in_ns "$1" curl -s -m 2 -o /dev/null http://127.0.0.1:8080/
}

# says HOST URL: what the web server there says; it is the peer of HOST if all is well.
says()
{
    in_ns "$1" curl -g -s -m 5 "$2"
}

expect_says()
{
    local got
    got=$(says "$1" "$2") || die "$1 gets nothing from $2"
    [[ $got = "Hello from $3." ]] || die "$1 asks $2 and gets \"$got\", not $3"
}

# Everybody finds his own network's peers by the same addresses, both ways, in IPv4 and IPv6.
everybody()
{
    local vlan
    for vlan in 0 10 20; do
        expect_says "a$vlan" http://10.50.0.1:8080/ "far$vlan"
        expect_says "a$vlan" http://10.50.0.12:8080/ "b$vlan"
        expect_says "a$vlan" "http://[fd50::1]:8080/" "far$vlan"
        expect_says "far$vlan" http://10.50.0.11:8080/ "a$vlan"
        expect_says "far$vlan" "http://[fd50::12]:8080/" "b$vlan"
        in_ns "far$vlan" ip neigh show 10.50.0.12 >"$OFFICE_DIR/neigh"
        [[ ! -s $OFFICE_DIR/neigh ]] || grep -q "$(mac "b$vlan")" "$OFFICE_DIR/neigh" ||
            die "far$vlan has another for 10.50.0.12: $(cat "$OFFICE_DIR/neigh")"
        # The longest packets there are, unfragmented.
        in_ns "a$vlan" ping -q -n -c 1 -W 2 -M "do" -s 1472 10.50.0.1 >/dev/null ||
            die "a$vlan: a packet of 1,500 bytes is lost"
        in_ns "far$vlan" ping -q -n -c 1 -W 2 -M "do" -s 1472 10.50.0.11 >/dev/null ||
            die "far$vlan: a packet of 1,500 bytes is lost"
        in_ns "a$vlan" ping -q -n -c 1 -W 2 -s 30000 10.50.0.1 >/dev/null || die "a$vlan: fragments are lost"
    done
}

# transfer FROM HOST TO: a large file, whole.
transfer()
{
    local sum
    sum=$(in_ns "$3" curl -s -m 60 "http://10.50.0.$2:8080/large" | sha256sum)
    [[ $sum = "$LARGE" ]] || die "what $3 got of $1 is not what it has"
}

transfers()
{
    local vlan
    for vlan in 10 20; do
        transfer "far$vlan" 1 "a$vlan" &
        transfer "a$vlan" 11 "far$vlan"
        wait $! || die "a transfer failed"
    done
}

listen()
{
    : >"$OFFICE_DIR/heard-$1-$2"
    spawn_ns "$1" /usr/bin/python3 "$here/receiver.py" "$2" >"$OFFICE_DIR/heard-$1-$2" 2>&1 </dev/null
    office_wait 10 "the listeners of $1" grep -q ready "$OFFICE_DIR/heard-$1-$2"
}

# heard NAME WORD: how many lines of what NAME has heard hold WORD.
heard()
{
    cat "$OFFICE_DIR"/heard-"$1"-* | grep -c "$2" || true
}

nobody_heard()
{
    local host
    for host in $HOSTS far; do
        if (($(heard "$host" EVADED))); then
            grep EVADED "$OFFICE_DIR"/heard-"$host"-* | cut -c1-300 | head
            die "$host has received what was $1"
        fi
    done
}

# What a user can get wrong, and is told.
expect_error()
{
    local want=$1 got
    shift
    if got=$(sw "$@" 2>&1); then
        die "swctl $* is taken"
    fi
    [[ $got = *"$want"* ]] || die "swctl $* says: $got"
}

errors()
{
    local ports
    ports=$(sw port list)
    local add="port add x --type af_packet --interface lo --role"
    # shellcheck disable=SC2086
    {
        expect_error "x: trunks: a desktop is in one VLAN" $add desktop --mac 02:00:00:00:00:77 --trunk 10
        expect_error "x: trunks: 10 is its vlan" $add uplink --vlan 10 --trunk 10,11
        expect_error "x: no_untagged: without trunks" $add uplink --no-untagged
        expect_error "--trunk: '10,' is not a list of VLANs" $add uplink --trunk 10,
        expect_error "--vlan: '4095' is not a whole number from 0 to 4094" $add uplink --vlan 4095
        expect_error "already bound to port a10" $add desktop --vlan 10 --mac "$(mac a10)"
    }
    [[ $(sw port list) = "$ports" ]] || die "a refused port has changed something"
}

# shown COMMAND WANT...: a line of what swctl prints has these words in this order.
shown()
{
    local line pattern
    pattern=$(printf '%s +' "${@:2}")
    # shellcheck disable=SC2086
    line=$(sw $1 | grep -E "${pattern% +}") || die "swctl $1 does not show ${*:2}: $(sw $1)"
    [[ $line ]]
}

office_open
for tool in clang tc; do
    type -P $tool >/dev/null || die "$tool is missing (sudo ./run deps installs it)"
done
build
config
office_run
office_wait 30 "the switch answers" sw status
office_wait 10 "eight ports are up" office_ports_up 8
head -c 20000000 /dev/urandom >"$OFFICE_DIR/large"
LARGE=$(sha256sum <"$OFFICE_DIR/large")
for host in $HOSTS; do
    web "$host"
done

everybody
transfers
expect_says near10 http://10.50.0.11:8080/ a10
expect_says near10 http://10.50.0.1:8080/ far10
expect_says far10 http://10.50.0.2:8080/ near10
! says a20 http://10.50.0.2:8080/ || die "a20 has reached near10"
! says a0 http://10.50.0.2:8080/ || die "a0 has reached near10"
echo "-- three networks with the same addresses, by one af_packet trunk"

shown "port show a10" VLAN: 10
shown "port show trunk" VLAN: "0, 10,20 tagged"
shown "port list" trunk uplink up '[0-9]+' "af_packet trunk" "0, 10,20 tagged"
shown fdb "$(mac a10)" 10 a10 bound
shown fdb "$(mac a10)" 20 a20 bound
shown fdb '[0-9a-f:]+' 20 trunk learned
errors

for host in $HOSTS; do
    listen "$host" eth0
done
listen far trunk
in_ns a10 /usr/bin/python3 "$here/vlan_hop.py" desktop eth0 "$(mac a10)" "$(mac b10)" "$(mac b20)" \
    "$(mac b0)" "$(in_ns far20 cat /sys/class/net/eth0/address)" >"$OFFICE_DIR/hops"
sleep 1
nobody_heard "sent by a desktop with tags"
for host in a0 b0 a20 b20 far0 far20; do
    [[ $(heard "$host" CONTROL) = 0 ]] || die "$host has received what is of VLAN 10"
done
[[ $(heard b10 "port 9999 CONTROL") = 3 ]] || die "b10 has $(heard b10 "port 9999 CONTROL") of 3 packets"
(($(heard far10 CONTROL) && $(heard near10 CONTROL))) || die "what nobody knows in VLAN 10 is not sent on there"
sw drops --port a10 --reason vlan | grep ' vlan 10$' >/dev/null || die "no record of a10's tags names its VLAN"

targets=("$(mac a0)" "$(mac b0)" "$(mac b10)" "$(mac b20)")
in_ns far /usr/bin/python3 "$here/vlan_hop.py" trunk trunk "${targets[@]}" >>"$OFFICE_DIR/hops"
sleep 1
nobody_heard "sent into the trunk"
echo "-- $(wc -l <"$OFFICE_DIR/hops") stacks of tags hop nowhere"
sw audit >/dev/null || die "the ledger does not add up: $(sw audit)"

# The other kinds of uplinks: the tag that a driver leaves out of the frame must not be lost.
by_ethdev()
{
    sw port del trunk >/dev/null
    sw port add trunk --role uplink --type ethdev --devargs "$1" --trunk 10,20 >/dev/null
    [[ ! ${2:-} ]] || in_ns switch ip link set "$2" netns "$OFFICE_TAG-far"
    far_trunk "${2:-trunk}"
    office_wait 10 "eight ports are up by $1" office_ports_up 8
    everybody
    transfers
    echo "-- the same by $1"
}
by_ethdev net_tap0,iface=tapx tapx
# What is sent with its tag beside it, and not put in by the driver, is lost to AF_XDP: on a cable the
# sender has to put it in.
in_ns far ethtool -K trunk tx-vlan-offload off
by_ethdev net_af_xdp0,iface=trunk
stripping()
{
    in_ns switch ethtool -k trunk | sed -n 's/^rx-vlan-offload: //p'
}
[[ $(stripping) = off ]] || die "the driver under an AF_XDP port takes tags out"
sw port del trunk >/dev/null
[[ $(stripping) = on ]] || die "an AF_XDP port that is gone has left its interface changed"
sw port add trunk --role uplink --type af_packet --interface trunk --trunk 10,20 >/dev/null
sw audit >/dev/null || die "the ledger does not add up: $(sw audit)"

# What was said once is still so after a restart.
office_end "$OFFICE_SWITCH_PID"
OFFICE_SWITCH_PID=
rm "$OFFICE_DIR/config.yaml"
echo "ports: []" >"$OFFICE_DIR/config.yaml"
office_run
office_wait 30 "the switch answers again" sw status
office_wait 10 "eight ports are up again" office_ports_up 8
everybody
shown "port show trunk" VLAN: "0, 10,20 tagged"
echo "-- the same after a restart"
sw audit
