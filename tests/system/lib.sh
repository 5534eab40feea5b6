# shellcheck shell=bash
# A small office in network namespaces, for the demo and the system tests: source this file.
#
#     office_open           checks what is needed, makes OFFICE_DIR
#     office_build          namespaces and cables: desktops d1..d6, a server and a gateway
#     office_config         writes $OFFICE_DIR/config.yaml and policy.yaml beside it
#     office_run            starts vswitchd on them
#     office_start          ...  and waits until every port is up
#     in_ns NAME COMMAND    runs a command in a namespace (d1..d6, server, gateway, switch)
#     spawn_ns NAME COMMAND the same in the background, until the script ends
#     sw ARGUMENTS          swctl, aimed at this switch
#
# The switch has a namespace of its own, so that nothing of the host's network is touched, and every
# name carries the script's process id, so that two runs do not meet.  office_clean runs whenever the
# script ends, also by Ctrl-C, and ends only what was started here; a script that defines office_at_exit
# has it called first.

OFFICE_TOP=${FUSUMA_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
OFFICE_BIN=${FUSUMA_BUILD:-$OFFICE_TOP/build}/bin
OFFICE_TAG=fsm$$
OFFICE_USERS=(aiko ben chiyo daan emi faisal)
OFFICE_NET=10.99.0
OFFICE_NET6=fd99::
OFFICE_SERVER=$OFFICE_NET.2
OFFICE_GATEWAY=$OFFICE_NET.1
OFFICE_PIDS=()
OFFICE_NAMESPACES=()
OFFICE_DIR=
OFFICE_SWITCH_PID=
OFFICE_SWITCH=$OFFICE_BIN/vswitchd
OFFICE_SWITCH_OPTIONS=() # further options of vswitchd
PATH=$PATH:/usr/sbin:/sbin

die()
{
    echo "$(basename "$0"): $*" >&2
    exit 1
}

in_ns()
{
    local ns=$OFFICE_TAG-$1
    shift
    ip netns exec "$ns" "$@"
}

# In the background and in a namespace, until the end.  ip executes the command in its own place, so
# that $! is the command's process id.
spawn_ns()
{
    local ns=$OFFICE_TAG-$1
    shift
    ip netns exec "$ns" "$@" &
    OFFICE_PIDS+=($!)
}

# A disk that others write to as well may take its time for a change.
sw()
{
    local timeout=(--timeout 60)
    [[ " $* " != *" --timeout "* ]] || timeout=()
    "$OFFICE_BIN/swctl" --target "unix:$OFFICE_DIR/run/vswitchd.sock" "${timeout[@]}" "$@"
}

# Address of a desktop by its number, 1 to 6.
desk_ip()
{
    echo "$OFFICE_NET.$((10 + $1))"
}

office_end()
{
    local pid=$1 i
    kill "$pid" 2>/dev/null || return 0
    for ((i = 0; i < 100; i++)); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

office_clean()
{
    local status=$? i ns
    trap '' INT TERM HUP
    trap - EXIT
    ! declare -F office_at_exit >/dev/null || office_at_exit
    for ((i = ${#OFFICE_PIDS[@]} - 1; i >= 0; i--)); do
        office_end "${OFFICE_PIDS[i]}"
    done
    # The cables go with the namespaces that they end in.
    for ns in "${OFFICE_NAMESPACES[@]}"; do
        ip netns del "$ns" 2>/dev/null || true
    done
    if [[ $OFFICE_DIR && $status != 0 && ${FUSUMA_KEEP:-} ]]; then
        echo "kept: $OFFICE_DIR" >&2
    elif [[ $OFFICE_DIR ]]; then
        umount -q "$OFFICE_DIR/state" || true
        rm -rf --one-file-system "$OFFICE_DIR"
    fi
    exit "$status"
}

# Checks what is needed and makes OFFICE_DIR, which office_clean removes.
office_open()
{
    [[ $(id -u) = 0 ]] || die "network namespaces need root: run it with sudo"
    local tool
    for tool in ip nmap ping curl nft; do
        type -P "$tool" >/dev/null || die "$tool is missing (sudo ./run deps installs it)"
    done
    [[ -x $OFFICE_BIN/vswitchd && -x $OFFICE_BIN/swctl ]] ||
        die "$OFFICE_BIN/vswitchd is not built (./run build)"
    trap office_clean EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    OFFICE_DIR=$(mktemp -d "/tmp/$OFFICE_TAG.XXXXXX")
    mkdir "$OFFICE_DIR/run" "$OFFICE_DIR/state"
}

office_namespace()
{
    local ns=$OFFICE_TAG-$1
    ip netns add "$ns"
    OFFICE_NAMESPACES+=("$ns")
    ip -n "$ns" link set lo up
}

# office_attach NAME MAC HOST: a cable between the switch and eth0 of the namespace NAME.  Its address of
# IPv6 is at hand at once: one that is still being looked for elsewhere (up to 2 s) would leave a
# sender with its link-local address, which no policy of the office knows.
office_attach()
{
    local name=$1 mac=$2 host=$3 ns=$OFFICE_TAG-$1
    office_namespace "$name"
    ip -n "$OFFICE_TAG-switch" -batch - <<END
link add $name type veth peer name eth0 netns $ns address $mac
link set $name up
END
    ip -n "$ns" -batch - <<END
addr add $OFFICE_NET.$host/24 dev eth0
addr add $OFFICE_NET6$host/64 dev eth0 nodad
link set eth0 up
$([[ $name = gateway ]] || echo "route add default via $OFFICE_GATEWAY")
END
}

office_build()
{
    local i
    office_namespace switch
    # The kernel's own voice on the switch's ends of the cables would be heard by the desktops.
    in_ns switch sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    office_attach gateway 02:00:00:00:01:01 1
    office_attach server 02:00:00:00:01:02 2
    for i in 1 2 3 4 5 6; do
        office_attach "d$i" "02:00:00:00:00:0$i" $((10 + i))
    done
}

office_config()
{
    local i
    {
        echo "settings: { connections: 16384, buffers: 16384 }"
        echo "policy: policy.yaml"
        echo "ports:"
        echo "  - { name: gateway, role: uplink, af_packet: { interface: gateway } }"
        echo "  - { name: server, role: uplink, af_packet: { interface: server } }"
        for i in 1 2 3 4 5 6; do
            echo "  - name: d$i"
            echo "    role: desktop"
            echo "    af_packet: { interface: d$i }"
            echo "    mac: 02:00:00:00:00:0$i"
            echo "    ips: [$(desk_ip "$i"), \"$OFFICE_NET6$((10 + i))\"]"
            echo "    user: ${OFFICE_USERS[i - 1]}"
            echo "    labels: { pool: office }"
        done
    } >"$OFFICE_DIR/config.yaml"
    cat >"$OFFICE_DIR/policy.yaml" <<EOF
version: 1
groups:
  desktops: { labels: { pool: office } }
  server: { cidrs: [$OFFICE_SERVER/32, "${OFFICE_NET6}2/128"] }
  gateway: { cidrs: [$OFFICE_GATEWAY/32] }
rules:
  - { id: web, direction: egress, peer: server, protocol: tcp, ports: [80], action: allow }
  - { id: ping-server, direction: egress, peer: server, protocol: icmp, icmp: [8], action: allow }
  - { id: ping6-server, direction: egress, peer: server, protocol: icmpv6, icmp: [128], action: allow }
  - { id: ping-gateway, direction: egress, peer: gateway, protocol: icmp, icmp: [8], action: allow }
  - { id: no-lateral, direction: egress, peer: desktops, action: drop, log: incident }
EOF
}

# office_wait SECONDS WHAT COMMAND...: until the command succeeds.
office_wait()
{
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [[ $OFFICE_SWITCH_PID ]] && ! kill -0 "$OFFICE_SWITCH_PID" 2>/dev/null; then
            tail -n 20 "$OFFICE_DIR/vswitchd.log" >&2
            die "vswitchd ended by itself; its last words are above"
        fi
        if ((SECONDS >= end)); then
            tail -n 20 "$OFFICE_DIR/vswitchd.log" >&2
            die "$what: not within the time (vswitchd's last words are above)"
        fi
        sleep 0.1
    done
}

office_ports_up()
{
    local up
    up=$(sw -o json status | /usr/bin/python3 -c \
        'import json, sys; print(json.load(sys.stdin).get("portsUp", 0))')
    [[ $up = "$1" ]]
}

office_run()
{
    spawn_ns switch "$OFFICE_SWITCH" --config "$OFFICE_DIR/config.yaml" \
        --state-dir "$OFFICE_DIR/state" --run-dir "$OFFICE_DIR/run" \
        "${OFFICE_SWITCH_OPTIONS[@]}" \
        >>"$OFFICE_DIR/vswitchd.log" 2>&1 </dev/null
    OFFICE_SWITCH_PID=$!
}

office_start()
{
    office_run
    office_wait 30 "the switch answers" sw status
    office_wait 10 "eight ports are up" office_ports_up 8
}

# office_web NAME PORT: a web server in a namespace, which says whose it is.
office_web()
{
    local root=$OFFICE_DIR/www-$1
    mkdir -p "$root"
    echo "Hello from $1." >"$root/index.html"
    spawn_ns "$1" /usr/bin/python3 -m http.server -d "$root" "$2" \
        >>"$OFFICE_DIR/web.log" 2>&1 </dev/null
    office_wait 10 "the web server of $1" in_ns "$1" curl -s -m 2 -o /dev/null \
        "http://127.0.0.1:$2/"
}
