#!/bin/bash
# Side-by-side measurements.
#
#     bench.sh forward|opening|many|denied|latency|idle [-o table|json] [--runs N] [--only WORD]
#     bench.sh acl     [-o table|json] [--runs N] [--headers N] [--body NAME] [SET...]
#     bench.sh policy  [-o table|json] [--runs N] [--only CASE]
#     bench.sh respond [-o table|json] [--runs N] [--rate PPS]
#
# forward, opening, many, denied, latency, idle: packets through vhost-user ports of vswitchd (bindings guarded, policy
# applied, connections tracked) beside dpdk-testpmd, which copies from port to port and looks at nothing,
# and beside Open vSwitch with DPDK and the same rules.  They take turns, so that a machine that changes
# its speed changes it for all; speed.py has the cases.
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
runs=
headers=65536
sets=()
body=()
json=
only=
rate=
memory=

tmp=
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
    echo "usage: bench.sh forward|opening|many|denied|latency|idle [-o table|json] [--runs N] [--only WORD]" >&2
    echo "       bench.sh acl [-o table|json] [--runs N] [--headers N] [--body NAME] [SET...]" >&2
    echo "       bench.sh policy [-o table|json] [--runs N] [--only CASE]" >&2
    echo "       bench.sh respond [-o table|json] [--runs N] [--rate PPS]" >&2
    exit 2
}

clean_up()
{
    [[ ! $hugepages_before ]] || echo "$hugepages_before" >/proc/sys/vm/nr_hugepages
    [[ ! $autogroup_before ]] || echo "$autogroup_before" >/proc/$$/autogroup
    [[ ! $tmp ]] || rm -rf "$tmp"
    [[ ! $memory ]] || rm -rf "$memory"
}

hugepages()
{
    awk -v key="HugePages_$1:" '$1 == key { print $2 }' /proc/meminfo
}

# 1,200 pages of 2 MiB serve a switch with 2 million connections and the generator; without them both run
# on ordinary pages.
reserve_hugepages()
{
    local want=1200 free
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

need_two_cpus()
{
    (($(nproc) >= 2)) || die "two CPUs are needed: one for the switch, one for its far ends"
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

speed()
{
    local args=(--runs "${runs:-5}")
    need_two_cpus
    [[ $(type -P dpdk-testpmd) ]] || die "dpdk-testpmd is missing (Debian: dpdk-dev)"
    [[ ! $only ]] || args+=(--only "$only")
    with_state_in_memory speed.py "$case_" "${args[@]}"
}

policy()
{
    local args=(--top "$here/.." --runs "${runs:-5}")
    [[ ! $only ]] || args+=(--only "$only")
    with_state_in_memory policy.py "${args[@]}"
}

respond()
{
    need_two_cpus
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
    /usr/bin/python3 "$here/acl.py" "${report[@]}" "$tmp/acl"
}

case_=${1-}
case $case_ in
    forward | opening | many | denied | latency | idle) run=speed ;;
    acl | policy | respond) run=$case_ ;;
    *) usage ;;
esac
shift
while (($#)); do
    case $case_$1 in
        *-o) case ${2-} in table) ;; json) json=yes ;; *) usage ;; esac ;;
        *--runs) runs=${2?} ;;
        acl--only | respond--only) usage ;;
        *--only) only=${2?} ;;
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

for program in bin/vswitchd perf/acl perf/gen perf/idle perf/opener perf/respond perf/rte_build; do
    [[ -x $build/$program ]] || die "$build/$program is missing: ./run build"
done
trap clean_up EXIT
trap 'exit 130' INT TERM
tmp=$(mktemp -d /tmp/fusuma-bench.XXXXXX)
reserve_hugepages
take_precedence
$run
