#!/bin/bash
# Ports of every kind come and go while traffic runs over them, and nothing of them is left: no packet
# buffer, connection, descriptor, thread, socket file, interface or program on an interface.
#
#     test_ports.sh [TIMES [KIND]]    how often each kind is added and removed (default: 3)
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

times=${1:-3}
only=${2:-} # one kind
cross=${FUSUMA_BUILD:-$OFFICE_TOP/build}/tests/unit/port/cross
[[ -x $cross ]] || die "$cross is not built (make check-programs)"

# What the process has, by kind: numbers in names differ from one socket to the next.
held()
{
    sw status | grep -E '^(Ports|Buffers|Connections)'
    find "/proc/$OFFICE_SWITCH_PID/fd" -lname '*' -printf '%l\n' 2>/dev/null |
        sed -e 's/\[[0-9]*\]//' -e "s|$OFFICE_DIR/||" | sort | uniq -c
    # The number of gRPC's own threads follows the calls.
    cat "/proc/$OFFICE_SWITCH_PID"/task/*/comm | grep -v grpc | sort | uniq -c
    (cd "$OFFICE_DIR/run" && find . | sort)
    in_ns switch ip -d link show | grep -Eo '^[0-9]+: [^:@]+|xdp[a-z]* .*' | sed 's/^[0-9]*: //' | sort
}

settled()
{
    held >"$OFFICE_DIR/after"
    cmp -s "$OFFICE_DIR/before" "$OFFICE_DIR/after"
}

compare()
{
    local i
    for ((i = 0; i < 100; i++)); do
        ! settled || return 0
        sleep 0.1
    done
    diff "$OFFICE_DIR/before" "$OFFICE_DIR/after" || die "$1: left behind after removal (>)"
}

# The stranger: a namespace whose address is none of the office's, on a cable that every port gets.
stranger_up()
{
    in_ns stranger ip addr replace "$OFFICE_NET.50/24" dev "$1"
    in_ns stranger ip link set "$1" up
}

answered()
{
    in_ns stranger ping -c 1 -W 0.2 "$OFFICE_SERVER"
}

# A TAP comes with another MAC address.
forget()
{
    in_ns server ip neigh del "$OFFICE_NET.50" dev eth0 2>/dev/null || true
}

# come_and_go KIND OPTIONS...: a port 'x', with traffic over it when it is removed.  The
# functions KIND_after and KIND_end make the other end and end it.
come_and_go()
{
    local kind=$1 i start=$SECONDS flood=
    shift
    [[ ! $only || $only = "$kind" ]] || return 0
    held >"$OFFICE_DIR/before"
    for ((i = 0; i < times; i++)); do
        sw port add x --role uplink "$@" >/dev/null
        ! declare -F "${kind}_after" >/dev/null || "${kind}_after"
        if [[ $kind != null ]]; then
            forget
            office_wait 30 "$kind: the server answers" answered
            in_ns stranger ping -q -f -c 100000 "$OFFICE_SERVER" >/dev/null 2>&1 &
            flood=$!
            sleep 0.1
        fi
        sw port del x >/dev/null
        [[ ! ${flood:-} ]] || office_end "$flood"
        flood=
        ! declare -F "${kind}_end" >/dev/null || "${kind}_end"
    done
    compare "$kind"
    echo "-- $kind: $times times, $((SECONDS - start)) s"
}

# A guest: virtio-user and the stranger's cable, joined by a process.
guest()
{
    ip netns exec "$OFFICE_TAG-switch" "$cross" "ethdev:net_virtio_user0,path=$OFFICE_DIR/run/x.sock,mrg_rxbuf=1$1" \
        af_packet:x0 <"$OFFICE_DIR/hold" >"$OFFICE_DIR/guest.log" 2>&1 &
    guest_pid=$!
    office_wait 30 "the guest is ready" grep -q ready "$OFFICE_DIR/guest.log"
}

guest_end()
{
    office_end "$guest_pid"
    rm -f "$OFFICE_DIR/run/x.sock"
}

server_after() { guest ""; }
server_end() { guest_end; }
client_after() { guest ",server=1"; }
client_end() { guest_end; }

tap_after()
{
    in_ns switch ip link set tapx netns "$OFFICE_TAG-stranger"
    in_ns stranger ip addr del "$OFFICE_NET.50/24" dev eth0
    stranger_up tapx
}

tap_end() { stranger_up eth0; }

office_at_exit()
{
    [[ ! ${flood:-} ]] || office_end "$flood"
    [[ ! ${guest_pid:-} ]] || office_end "$guest_pid"
}

office_open
office_build
office_config
office_namespace stranger
in_ns switch ip link add x0 type veth peer name eth0 netns "$OFFICE_TAG-stranger"
in_ns switch ip link set x0 up
stranger_up eth0
mkfifo "$OFFICE_DIR/hold"
exec 9<>"$OFFICE_DIR/hold"
office_start

# The first vhost-user ports start threads of librte_vhost, which stay.
for role in "" --client; do
    sw port add x --role uplink --type vhost-user --socket x.sock $role >/dev/null
    sw port del x >/dev/null
done

ethdev() { come_and_go "$1" --type ethdev --devargs "$2"; }
come_and_go af_packet --type af_packet --interface x0
ethdev af_xdp net_af_xdp0,iface=x0
ethdev net_af_packet net_af_packet0,iface=x0
ethdev pcap net_pcap0,iface=x0
ethdev tap net_tap0,iface=tapx
ethdev null net_null0
come_and_go server --type vhost-user --socket x.sock
come_and_go client --type vhost-user --socket x.sock --client
sw audit
