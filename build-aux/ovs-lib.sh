#!/bin/bash
# Builds the Open vSwitch libraries once, from Debian's openvswitch-source, into a cache that
# `make clean` leaves alone.
#
#   ovs-lib.sh           build them unless they are there; prints the directory
#   ovs-lib.sh --where   only prints the directory
#
# The directory holds include/ (public and private headers), lib/libopenvswitch.a, and lib/libs, the
# system libraries that the archive needs.  It is built aside and renamed into place, so that what is
# there is whole.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
tarball=${OVS_TARBALL:-/usr/src/openvswitch/openvswitch.tar.gz}
version=$(dpkg-query -W -f '${Version}' openvswitch-source 2>/dev/null || echo unknown)
recipe=$(sha256sum "$0" | cut -c1-8)
dir=${FUSUMA_CACHE:-$top/.cache}/ovs-$version-$recipe

if [ "${1:-}" = --where ]; then
    echo "$dir"
    exit 0
fi
if [ -e "$dir/lib/libs" ]; then
    echo "$dir"
    exit 0
fi
if [ ! -r "$tarball" ]; then
    echo "ovs-lib.sh: $tarball is missing: apt-get install openvswitch-source" >&2
    exit 1
fi

mkdir -p "$(dirname "$dir")"
tmp=$(mktemp -d "$dir.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
log=$tmp/log

run() {
    if ! "$@" >>"$log" 2>&1; then
        tail -n 25 "$log" >&2
        echo "ovs-lib.sh: '$*' failed" >&2
        exit 1
    fi
}

mkdir "$tmp/src" "$tmp/build" "$tmp/out" "$tmp/out/include" "$tmp/out/lib"
run tar -xzf "$tarball" -C "$tmp/src" --strip-components=1
cd "$tmp/build"
run "$tmp/src/configure" --disable-shared --enable-static --disable-ssl --disable-libcapng \
    --disable-afxdp --disable-dependency-tracking PYTHON3=/usr/bin/python3 CFLAGS="-O2 -g -fPIE"
# The rule of the library does not name the headers that are generated for it.
run make -j"$(nproc)" include/odp-netlink.h include/odp-netlink-macros.h lib/vswitch-idl.h \
    lib/ovsdb-server-idl.h
run make -j"$(nproc)" lib/libopenvswitch.la

# Sources first: what the build generated wins where both have a file.
for from in "$tmp/src" "$tmp/build"; do
    (cd "$from" && find include lib -name '*.h' -print0 | tar -cf - --null -T -) |
        tar -xf - -C "$tmp/out/include"
done
# One archive: the part for AVX-512 and the rest need each other.
cp lib/.libs/libopenvswitch.a "$tmp/out/lib/"
if [ -e lib/.libs/libopenvswitchavx512.a ]; then
    mkdir "$tmp/avx512"
    (cd "$tmp/avx512" && run ar x ../build/lib/.libs/libopenvswitchavx512.a)
    run ar qsU "$tmp/out/lib/libopenvswitch.a" "$tmp/avx512"/*.o
fi
# Both it and jansson export json_object() and others, and a program's own symbols win over those of a
# shared library.  jansson is what our code calls; Open vSwitch goes on by itself under other names.
nm --defined-only "$tmp/out/lib/libopenvswitch.a" 2>/dev/null |
    awk '$3 ~ /^json_/ { print $3, "ovs_" $3 }' | sort -u >"$tmp/json.syms"
run objcopy --redefine-syms="$tmp/json.syms" "$tmp/out/lib/libopenvswitch.a"
# shellcheck disable=SC1091
libs=$(dependency_libs='' && . lib/libopenvswitch.la && echo "$dependency_libs")
for lib in $libs; do
    case $lib in *.la) ;; *) echo "$lib" ;; esac
done >"$tmp/out/lib/libs"

rm -rf "$dir"
mv -T "$tmp/out" "$dir"
echo "$dir"
