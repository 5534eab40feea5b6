#!/bin/bash
# fuzz.sh TARGET [LIBFUZZER OPTIONS]: builds tests/fuzz/fuzz_TARGET.c with clang's libFuzzer, ASan and
# UBSan, and runs it on the seeds.  What it finds new stays in the build directory's fuzz/TARGET.
set -euo pipefail

top=${FUSUMA_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${FUSUMA_BUILD:-$top/build}
target=$1
libraries=() coverage=()
shift

# What each target is made of, beside itself.
case $target in
    parse) sources=(vswitch/datapath/parse.c acl/addr.c vswitch/telemetry/reasons.c) ;;
    guard | frag | conn)
        sources=(tests/fuzz/world.c tests/fuzz/oracle.c)
        for file in "$top"/vswitch/datapath/*.c "$top"/acl/{addr,table,rows}.c; do
            sources+=("${file#"$top/"}")
        done
        libraries=(vswitch/libtelemetry.a acl/libacl.a)
        # Theirs are rows of operations: no comparison tells a better one.
        [ "$target" = guard ] || coverage=(-fno-sanitize-coverage=trace-cmp)
        ;;
    *) echo "fuzz.sh: no target '$target'" >&2 && exit 2 ;;
esac

ovs=$("$top/build-aux/ovs-lib.sh" --where)
mkdir -p "$build/fuzz/$target"
cd "$build"
# shellcheck disable=SC2046
clang -O2 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined "${coverage[@]}" \
    $(make -s print-flags) "$top/tests/fuzz/fuzz_$target.c" "${sources[@]/#/$top/}" \
    "${libraries[@]}" "$ovs/lib/libopenvswitch.a" $(cat "$ovs/lib/libs") $(pkg-config --libs libdpdk) \
    -o "fuzz/fuzz_$target"
# Little is freed here that a large quarantine would catch.
export ASAN_OPTIONS=quarantine_size_mb=8${ASAN_OPTIONS:+:$ASAN_OPTIONS}
exec "fuzz/fuzz_$target" -max_len=512 -print_final_stats=1 -artifact_prefix="fuzz/" "$@" \
    "fuzz/$target" "$top/tests/fuzz/seeds/$target"
