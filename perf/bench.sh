#!/bin/bash
# Side-by-side measurements.
#
#     bench.sh forward [-o table|json] [--runs N] [--windows N] [--flows N]
#     bench.sh acl     [-o table|json] [--runs N] [--headers N] [--body NAME] [SET...]
#     bench.sh policy  [-o table|json] [--runs N] [--only CASE]
#     bench.sh respond [-o table|json] [--runs N] [--rate PPS]
#
# forward: packets a second through two vhost-user ports of vswitchd (bindings guarded, policy
# applied, connections tracked) beside dpdk-testpmd, which copies from port to port and looks at
# nothing: the ratio is what the work of a switch costs.  The two take turns, so that a machine that
# changes its speed changes it for both.
#
# acl: the rule tables beside rte_acl's widest algorithm, on the ClassBench sets of
# tests/data/rulesets (all of them, or those that are named): time of a lookup, of a build, and
# memory.  acl.c says what the headers are.
#
# policy: how long changes of policies and address sets take until they are in force, beside rte_acl's
# build of the same rules, and what they cost in memory; policy.py has the cases.
#
# respond: how soon automatic quarantine cuts off a desktop that looks around; respond.py says what a
# trial is.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
build=${FUSUMA_BUILD:-$here/../build}
switch_cpu=1 # the worker
gen_cpu=0    # the generator, and the switch's control threads
runs=
windows=6    # of half a second, in a run
flows=1000
headers=65536
sets=()
body=()
json=
only=
rate=
memory=
# What a stateful firewall may cost beside copying alone.
floor=0.4
target=0.6

tmp=
switch_pid=
hugepages_before=
autogroup_before=
no_huge=()

die()
{
    echo "bench: $*" >&2
    exit 1
}

usage()
{
    echo "usage: bench.sh forward [-o table|json] [--runs N] [--windows N] [--flows N]" >&2
    echo "       bench.sh acl [-o table|json] [--runs N] [--headers N] [--body NAME] [SET...]" >&2
    echo "       bench.sh policy [-o table|json] [--runs N] [--only CASE]" >&2
    echo "       bench.sh respond [-o table|json] [--runs N] [--rate PPS]" >&2
    exit 2
}

stop_switch()
{
    [[ $switch_pid ]] || return 0
    kill "$switch_pid" 2>/dev/null || true
    wait "$switch_pid" 2>/dev/null || true
    rm -f "$tmp/p0" "$tmp/p1"
    switch_pid=
}

clean_up()
{
    stop_switch
    [[ ! $hugepages_before ]] || echo "$hugepages_before" >/proc/sys/vm/nr_hugepages
    [[ ! $autogroup_before ]] || echo "$autogroup_before" >/proc/$$/autogroup
    [[ ! $tmp ]] || rm -rf "$tmp"
    [[ ! $memory ]] || rm -rf "$memory"
}

hugepages()
{
    awk -v key="HugePages_$1:" '$1 == key { print $2 }' /proc/meminfo
}

# 400 pages of 2 MiB serve a switch and the generator; without them both run on ordinary pages.
reserve_hugepages()
{
    local want=400 free
    free=$(hugepages Free)
    if ((free < want && $(id -u) == 0)); then
        hugepages_before=$(hugepages Total)
        echo $((hugepages_before + want - free)) >/proc/sys/vm/nr_hugepages
    fi
    if (($(hugepages Free) < want)); then
        no_huge=(--no-huge)
        echo "bench: no hugepages; the rates are those of ordinary pages" >&2
    fi
}

# Whatever else runs on the machine waits while this runs.  Where the kernel groups processes by
# session, only the group's own niceness counts.
take_precedence()
{
    if ! renice -n -20 -p $$ >/dev/null 2>&1; then
        echo "bench: not root: other programs may disturb" >&2
    elif [[ -w /proc/$$/autogroup ]]; then
        autogroup_before=$(awk '{ print $NF }' /proc/$$/autogroup)
        echo -20 >/proc/$$/autogroup
    fi
}

wait_for_sockets()
{
    local i
    for ((i = 0; i < 200; i++)); do
        [[ ! -S $tmp/p0 || ! -S $tmp/p1 ]] || return 0
        kill -0 "$switch_pid" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$tmp/log" >&2
    die "$1 did not start"
}

eal_memory()
{
    if ((${#no_huge[@]})); then
        echo "--no-huge --no-shconf -m 256"
    else
        echo "--in-memory --single-file-segments -m 256"
    fi
}

write_config()
{
    cat >"$tmp/config.yaml" <<END
settings: { idle_sleep: false }
ports:
  - name: p0
    role: desktop
    vhost_user: { socket: $tmp/p0 }
    mac: 02:00:00:00:00:01
    ips: [10.0.0.1]
    labels: { pool: bench }
  - name: p1
    role: desktop
    vhost_user: { socket: $tmp/p1 }
    mac: 02:00:00:00:00:02
    ips: [10.0.0.2]
    labels: { pool: bench }
policy: policy.yaml
END
    cat >"$tmp/policy.yaml" <<END
version: 1
groups:
  bench: { labels: { pool: bench } }
rules:
  - { id: out, direction: egress, peer: bench, protocol: udp, ports: [5001], action: allow }
  - { id: in, direction: ingress, peer: bench, protocol: udp, ports: [5001], action: allow }
END
}

start_ours()
{
    rm -rf "$tmp/state" "$tmp/run"
    mkdir "$tmp/state" "$tmp/run"
    taskset -c "$gen_cpu,$switch_cpu" "$build/bin/vswitchd" --config "$tmp/config.yaml" \
        --state-dir "$tmp/state" --run-dir "$tmp/run" --lcores "$gen_cpu,$switch_cpu" \
        "${no_huge[@]}" <&8 >"$tmp/log" 2>&1 &
    switch_pid=$!
    wait_for_sockets vswitchd
}

start_peer()
{
    # Its standard input must stay open, or it ends.
    # shellcheck disable=SC2046
    dpdk-testpmd -l "$gen_cpu,$switch_cpu" --main-lcore "$gen_cpu" $(eal_memory) \
        --no-pci --no-telemetry \
        --vdev "net_vhost0,iface=$tmp/p0" --vdev "net_vhost1,iface=$tmp/p1" \
        -- --forward-mode=io --nb-cores=1 --total-num-mbufs=16384 --no-mlockall \
        <&8 >"$tmp/log" 2>&1 &
    switch_pid=$!
    wait_for_sockets dpdk-testpmd
}

# What is measured is a firewall: half of these flows are to be denied, and the generator finds fault
# when one is not.
verify_ours()
{
    start_ours
    "$build/perf/gen" --lcore "$gen_cpu" --flows 64 --denied 32 --windows 1 --warmup 0 \
        "${no_huge[@]}" "$tmp/p0" "$tmp/p1" >"$tmp/gen.log" 2>&1 || {
        cat "$tmp/gen.log" "$tmp/log" >&2
        die "vswitchd does not forward what its policy allows, and only that"
    }
    stop_switch
}

# One run against the switch that has been started, as 'ours' or 'peer'; 3 when the machine was too
# busy with other things to say anything.
measure()
{
    local status=0
    # A worker may need a moment before it polls.
    sleep 1
    /usr/bin/python3 "$here/report.py" run --switch "$1" --pid "$switch_pid" --cpu "$switch_cpu" \
        --out "$tmp/runs" -- "$build/perf/gen" --lcore "$gen_cpu" --flows "$flows" \
        --windows "$windows" --seconds 0.5 "${no_huge[@]}" "$tmp/p0" "$tmp/p1" \
        2>"$tmp/gen.log" || status=$?
    if ((status != 0 && status != 3)); then
        cat "$tmp/gen.log" "$tmp/log" >&2
        die "a run failed"
    fi
    return $status
}

# Both switches in turn, until enough pairs of runs were undisturbed.
alternate()
{
    local good=0 tries=0 disturbed
    while ((good < runs && tries < 3 * runs)); do
        tries=$((tries + 1))
        disturbed=
        start_ours
        measure ours || disturbed=yes
        stop_switch
        start_peer
        measure peer || disturbed=yes
        stop_switch
        [[ $disturbed ]] || good=$((good + 1))
        echo "bench: $good of $runs pairs of runs${disturbed:+ (this one was disturbed)}" >&2
    done
}

forward()
{
    local compare=()
    (($(nproc) >= 2)) || die "two CPUs are needed: one for the switch, one for the generator"
    [[ $(type -P dpdk-testpmd) ]] || die "dpdk-testpmd is missing (Debian: dpdk-dev)"
    runs=${runs:-5}
    mkfifo "$tmp/stdin"
    exec 8<>"$tmp/stdin"
    write_config
    verify_ours
    alternate
    [[ ! $json ]] || compare=(--json)
    /usr/bin/python3 "$here/report.py" compare --case "forward 64 B, $flows flows" \
        --peer testpmd --floor "$floor" --target "$target" "${compare[@]}" "$tmp/runs"
}

# with_state_in_memory PROGRAM ARGUMENTS...: for it is not the disk that is measured; some cases say
# "on disk".
with_state_in_memory()
{
    local args=(--build "$build" --tmp "$tmp")
    if [[ -d /dev/shm && -w /dev/shm ]]; then
        memory=$(mktemp -d /dev/shm/fusuma-bench.XXXXXX)
        args+=(--memory-dir "$memory/state")
    fi
    [[ ! $json ]] || args+=(--json)
    /usr/bin/python3 "$here/$1" "${args[@]}" "${no_huge[@]}" "${@:2}"
}

policy()
{
    local args=(--top "$here/.." --runs "${runs:-5}")
    [[ ! $only ]] || args+=(--only "$only")
    with_state_in_memory policy.py "${args[@]}"
}

respond()
{
    (($(nproc) >= 2)) || die "two CPUs are needed: one for the switch, one for the desktop"
    with_state_in_memory respond.py --runs "${runs:-1000}" --rate "${rate:-10000}"
}

acl()
{
    local report=() files=() set cpu=$(($(nproc) - 1))
    if ((${#sets[@]})); then
        for set in "${sets[@]}"; do
            files+=("$here/../tests/data/rulesets/$set.rules.gz")
            [[ -r ${files[-1]} ]] || die "there is no rule set '$set'"
        done
    else
        files=("$here"/../tests/data/rulesets/*.rules.gz)
    fi
    [[ ! $json ]] || report=(--json)
    taskset -c "$cpu" "$build/perf/acl" --lcore "$cpu" --runs "${runs:-15}" --headers "$headers" \
        "${body[@]}" "${no_huge[@]}" "${files[@]}" >"$tmp/acl" ||
        die "the tables and rte_acl could not be compared"
    /usr/bin/python3 "$here/report.py" acl "${report[@]}" "$tmp/acl"
}

case_=${1-}
case $case_ in forward | acl | policy | respond) ;; *) usage ;; esac
shift
while (($#)); do
    case $case_$1 in
        *-o) case ${2-} in table) ;; json) json=yes ;; *) usage ;; esac ;;
        *--runs) runs=${2?} ;;
        forward--windows) windows=${2?} ;;
        forward--flows) flows=${2?} ;;
        policy--only) only=${2?} ;;
        respond--rate) rate=${2?} ;;
        acl--headers) headers=${2?} ;;
        acl--body) body=(--body "${2?}") ;;
        acl[!-]*)
            sets+=("$1")
            shift
            continue
            ;;
        *) usage ;;
    esac
    shift 2
done

for program in bin/vswitchd perf/acl perf/gen perf/respond perf/rte_build; do
    [[ -x $build/$program ]] || die "$build/$program is missing: ./run build"
done
trap clean_up EXIT
trap 'exit 130' INT TERM
tmp=$(mktemp -d /tmp/fusuma-bench.XXXXXX)
reserve_hugepages
take_precedence
$case_
