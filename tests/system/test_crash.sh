#!/bin/bash
# kill -9 at every named point of every kind of change (crash.c has the points), under traffic that
# never pauses: what was acknowledged is there after the restart; what was not is there wholly or not at
# all, and which of the two follows from the point; and what the last committed state denies does not
# arrive, from the first packet on.
#
#     test_crash.sh [KIND...]   without any: all of them, in offices of their own, side by side
set -euo pipefail

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

OFFICE_SWITCH=${FUSUMA_BUILD:-$OFFICE_TOP/build}/tests/system/vswitchd_crash
export FUSUMA_CRASH=

# Beside other offices a switch takes its time.
sw()
{
    "$OFFICE_BIN/swctl" --target "unix:$OFFICE_DIR/run/vswitchd.sock" --timeout 60 "$@"
}

kind= point= what=
n_addresses=0

# ---- traffic ----

# flow NAME DESTINATION MAC PORT: packets without an end, whatever becomes of them.  The MAC is given, so
# that nothing waits for ARP.
flow()
{
    ip -n "$OFFICE_TAG-$1" neigh replace "$2" lladdr "$3" dev eth0 nud permanent
    spawn_ns "$1" /usr/bin/python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    try:
        s.sendto(b"x" * 100, (sys.argv[1], int(sys.argv[2])))
    except OSError:
        pass
    time.sleep(0.005)' "$2" "$4" >/dev/null 2>&1
}

# counted NAME PORT: what the cable brings to NAME for the UDP port is counted by its kernel.
counted()
{
    in_ns "$1" nft -f - <<END
add table netdev seen
add chain netdev seen in { type filter hook ingress device eth0 priority 0; }
add rule netdev seen in udp dport $2 counter comment "$2"
END
}

# seen NAME PORT: how many came.
seen()
{
    in_ns "$1" nft list chain netdev seen in | sed -n "s/.*udp dport $2 counter packets \\([0-9]*\\).*/\\1/p"
}

# The port at the server that the flow of this kind of change goes to.
flow_port()
{
    case $kind in
    quarantine | release) echo 6003 ;;
    policy) echo 6004 ;;
    add | del) echo 6006 ;;
    set-*) echo 6007 ;;
    esac
}

more_than()
{
    (($(seen server "$(flow_port)") > $1))
}

# ---- kinds of change: before it, the change, what is there ----

add_d6()
{
    sw port add d6 --type af_packet --interface d6 --role desktop --mac 02:00:00:00:00:06 \
        --ip "$(desk_ip 6)" --ip "${OFFICE_NET6}16" --user faisal --label pool=office
}

# Of a port: all that was asked for.
d6_is()
{
    diff <(sw -o json port show d6 | spec_of) "$OFFICE_DIR/d6.json" >&2
}

spec_of()
{
    /usr/bin/python3 -c '
import json, sys
print(json.dumps(json.load(sys.stdin)["spec"], sort_keys=True))'
}

exists()
{
    sw port show "$1" >/dev/null 2>&1
}

# With all that was said of it.
is_quarantined()
{
    [[ $(sw port show "$1") =~ Quarantined:\ +"yes, since "[0-9\ :-]+", by uid 0 (root): INC-12" ]]
}

is_free()
{
    [[ $(sw port show "$1") =~ Quarantined:\ +no ]]
}

# The members of the address set, and its revision; "none": it is not there.
members()
{
    { sw set show "$1" 2>/dev/null || true; } | awk '
/^  / { printf "%s ", $1 }
/^Revision:/ { revision = $2 + 0 ? substr($2, 1, length($2) - 1) : "" }
END { print revision ? revision : "none" }'
}

# members_are SET PREFIX...: wholly these, at a revision that is another than before the change if
# 'changed' is set, and the same one if not.
members_are()
{
    local now revision want="${*:2}"
    now=$(members "$1")
    revision=${now##* }
    [[ ${now% *} = "$want" ]] && if [[ ${is_other:-} ]]; then
        [[ $revision != "$revision_before" ]]
    else
        [[ $revision = "$revision_before" ]]
    fi
}

is_bound()
{
    sw binding list --port d5 | grep -qF " $1 "
}

address()
{
    printf 'fe80::a:b:c:%x' "$((n_addresses + 1))"
}

before()
{
    case $kind in
    add) ! exists d6 || sw port del d6 ;;
    del) exists d6 || add_d6 ;;
    policy) sw policy apply "$OFFICE_DIR/policy.yaml" ;;
    quarantine) sw release d3 --reason over ;;
    release) sw quarantine d3 --comment INC-12 ;;
    binding) n_addresses=$((n_addresses + 1)) ;;
    set-remove | set-put) sw set put peers "$OFFICE_SERVER" 10.99.1.1 ;;
    set-add) sw set put peers 10.99.1.1 ;;
    set-begin) ! sw set show fresh >/dev/null 2>&1 || sw set del fresh ;;
    set-del) sw set put fresh 10.99.1.1 ;;
    esac >/dev/null
    revision_before=$(members "$(set_name)")
    revision_before=${revision_before##* }
}

# Which set the kind of change is about: one that the policy names, or one that it does not.
set_name()
{
    case $kind in
    set-begin | set-del) echo fresh ;;
    *) echo peers ;;
    esac
}

change()
{
    case $kind in
    add) add_d6 ;;
    del) sw port del d6 ;;
    policy) sw policy apply "$OFFICE_DIR/other.yaml" ;;
    quarantine) sw quarantine d3 --comment INC-12 ;;
    release) sw release d3 --reason over ;;
    set-remove) sw set remove peers "$OFFICE_SERVER" ;;
    set-add) sw set add peers "$OFFICE_SERVER" ;;
    set-put) sw set put peers 10.99.1.1 10.99.2.0/24 ;;
    set-begin) sw set put fresh 10.99.1.1 ;;
    set-del) sw set del fresh ;;
    binding) ip -n "$OFFICE_TAG-d5" addr add "$(address)/64" dev eth0; return 1 ;; # nobody acknowledges it
    esac
}

# The state is that after the change, wholly.
changed()
{
    case $kind in
    add) exists d6 && d6_is ;;
    del) ! exists d6 ;;
    policy) diff <(sw policy get) "$OFFICE_DIR/other.yaml" >/dev/null ;;
    quarantine) is_quarantined d3 ;;
    release) is_free d3 ;;
    binding) is_bound "$(address)" ;;
    set-*) is_other=yes && set_changed ;;
    esac
}

set_changed()
{
    case $kind in
    set-remove) members_are peers 10.99.1.1/32 ;;
    set-add) members_are peers "$OFFICE_SERVER/32" 10.99.1.1/32 ;;
    set-put) members_are peers 10.99.1.1/32 10.99.2.0/24 ;;
    set-begin) members_are fresh 10.99.1.1/32 ;;
    set-del) [[ $(members fresh) = none ]] ;;
    esac
}

# ...  that before it, wholly.
unchanged()
{
    case $kind in
    add) ! exists d6 ;;
    del) exists d6 && d6_is ;;
    policy) diff <(sw policy get) "$OFFICE_DIR/policy.yaml" >/dev/null ;;
    quarantine) is_free d3 ;;
    release) is_quarantined d3 ;;
    binding) ! is_bound "$(address)" ;;
    set-*) is_other= && set_unchanged ;;
    esac
}

set_unchanged()
{
    case $kind in
    set-remove | set-put) members_are peers "$OFFICE_SERVER/32" 10.99.1.1/32 ;;
    set-add) members_are peers 10.99.1.1/32 ;;
    set-begin) [[ $(members fresh) = none ]] ;;
    set-del) members_are fresh 10.99.1.1/32 ;;
    esac
}

# Whether the flow passes after the change; if so, it does not before it.
passes_after()
{
    [[ $kind = add || $kind = release || $kind = set-add ]]
}

# A change that no packet shows.
is_unseen()
{
    [[ $kind = binding || $kind = set-begin || $kind = set-del ]]
}

# ---- one try ----

running()
{
    kill -0 "$OFFICE_SWITCH_PID" 2>/dev/null
}

gone()
{
    ! running
}

# Does the change with a point named, and waits for the end.
crash()
{
    local acknowledged= i
    echo "$point" >"$FUSUMA_CRASH.new"
    [[ $kind != binding ]] || echo "of its own accord" >>"$FUSUMA_CRASH.new"
    mv "$FUSUMA_CRASH.new" "$FUSUMA_CRASH"
    if change >"$OFFICE_DIR/said" 2>&1; then
        acknowledged=yes
    fi
    [[ $point != acknowledged ]] || kill -KILL "$OFFICE_SWITCH_PID"
    for ((i = 0; i < 600; i++)); do
        running || break
        sleep 0.1
    done
    ! running || die "$what: the switch did not come there; swctl said: $(<"$OFFICE_DIR/said")"
    wait "$OFFICE_SWITCH_PID" 2>/dev/null || true
    rm "$FUSUMA_CRASH"
    case $point in
    acknowledged) [[ $acknowledged ]] || die "$what: $(<"$OFFICE_DIR/said")" ;;
    after-reply | torn-settle) ;;
    *) [[ ! $acknowledged ]] || die "$what: it was acknowledged before it was so" ;;
    esac
}

restart()
{
    OFFICE_SWITCH_PID=
    office_run
    office_wait 120 "$what: the switch answers" sw status
    office_wait 60 "$what: its ports are up" all_up
}

all_up()
{
    [[ $(sw status | sed -n 's/^Ports: *\([0-9]*\), \1 up,.*/all/p') ]]
}

try()
{
    local before passes=
    kind=$1 point=$2 what="$1, $2"
    before
    unchanged || die "$what: it is not as it should be before the change"
    crash
    before=$(seen server "$(flow_port)")
    restart
    case $point in
    cut-* | before-store | before-commit | write-1 | torn-2)
        unchanged || die "$what: something is there that was not committed"
        passes_after || passes=yes
        ;;
    *)
        changed || die "$what: it is not there, or not wholly"
        ! passes_after || passes=yes
        ;;
    esac
    if is_unseen; then
        return
    elif [[ $passes ]]; then
        office_wait 10 "$what: what is allowed passes" more_than "$before"
    else
        sleep 0.3
        [[ $(seen server "$(flow_port)") = "$before" ]] || die "$what: what is denied has passed"
    fi
}

stored="before-store before-commit write-1 torn-2 after-commit torn-settle"
published="before-publish after-publish"
replied="before-reply after-reply acknowledged"

# The points that a kind of change comes to.
points_of()
{
    case $1 in
    quarantine) echo cut-before cut-after "$stored" "$replied" ;;
    binding) echo "$stored" ;;
    set-begin | set-del) echo "$stored" "$replied" ;;
    *) echo "$stored" "$published" "$replied" ;;
    esac
}

# ---- side by side ----

children=()

end_children()
{
    ((${#children[@]} == 0)) || kill "${children[@]}" 2>/dev/null || true
    wait
}

# An office waits most of its time for the switch to start and for swctl, and packets are few.
side_by_side()
{
    local i failed=
    trap end_children EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    for i in "add del binding set-begin" "policy quarantine set-add set-del" \
        "release set-remove set-put"; do
        # shellcheck disable=SC2086
        "$0" $i >/dev/null &
        children+=($!)
    done
    for i in "${children[@]}"; do
        wait "$i" || failed=yes
    done
    children=()
    [[ ! $failed ]] || exit 1
    echo "ok"
}

if (($# == 0)); then
    side_by_side
    exit
fi

office_open
[[ -x $OFFICE_SWITCH ]] || die "$OFFICE_SWITCH is not built (make -C build check-programs)"
office_build
office_config
# It starts faster so, and side by side there may be hugepages for some only.
OFFICE_SWITCH_OPTIONS=(--no-huge)
sed -i 's/^settings:.*/settings: { connections: 1024, buffers: 2048 }/' "$OFFICE_DIR/config.yaml"
cat >>"$OFFICE_DIR/policy.yaml" <<EOF
  - { id: f3, direction: egress, peer: server, protocol: udp, ports: [6003, 6006], action: allow }
  - { id: f4, direction: egress, peer: server, protocol: udp, ports: [6004], action: allow }
  - { id: f5, direction: egress, peer: peers, protocol: udp, ports: [6007], action: allow }
address_sets:
  peers: { stale_after: 3600 }
EOF
sed 's/^\(.*id: f4.*action: \)allow/\1drop/' "$OFFICE_DIR/policy.yaml" >"$OFFICE_DIR/other.yaml"
export FUSUMA_CRASH=$OFFICE_DIR/crash
office_start
sw -o json port show d6 | spec_of >"$OFFICE_DIR/d6.json"
for i in 6003 6004 6006 6007; do
    counted server "$i"
done
counted d2 5000
flow d1 "$(desk_ip 2)" 02:00:00:00:00:02 5000
flow d3 "$OFFICE_SERVER" 02:00:00:00:01:02 6003
flow d4 "$OFFICE_SERVER" 02:00:00:00:01:02 6004
flow d6 "$OFFICE_SERVER" 02:00:00:00:01:02 6006
flow d2 "$OFFICE_SERVER" 02:00:00:00:01:02 6007

for i; do
    for j in $(points_of "$i"); do
        try "$i" "$j"
    done
done
[[ $(seen d2 5000) = 0 ]] || die "$(seen d2 5000) packets arrived that were never allowed"
sw audit >/dev/null
echo "ok"
