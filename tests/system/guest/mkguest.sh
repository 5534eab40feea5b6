#!/bin/bash
# Makes a small Linux guest, once: Debian's cloud kernel, unpacked and not installed, and an
# initramfs of busybox, the virtio modules and ./init.  Prints the directory that holds both.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${FUSUMA_CACHE:-$here/../../../.cache}/guest
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

die()
{
    echo "mkguest: $*" >&2
    exit 1
}

for tool in apt-get busybox depmod dpkg-deb modprobe; do
    [[ $(PATH=$PATH:/usr/sbin:/sbin type -P "$tool") ]] || die "$tool is missing"
done
PATH=$PATH:/usr/sbin:/sbin
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# One guest is made at a time; who comes second finds it made.
exec 9>"$cache/lock"
flock 9

fetch_kernel()
{
    local package
    package=$(apt-cache depends linux-image-cloud-amd64 |
        awk '/Depends: linux-image-[0-9]/ { print $2; exit }')
    [[ $package ]] || die "no linux-image-cloud-amd64 in the package lists (apt-get update?)"
    echo "mkguest: fetching $package" >&2
    (cd "$work" && apt-get -q download "$package" >&2) || die "cannot fetch $package"
    dpkg-deb -x "$work"/linux-image-*.deb "$work/root"
    rm -rf "$cache/kernel"
    mv "$work/root" "$cache/kernel"
}

# Copies what the virtio network device needs, in the order in which it is to be loaded.
copy_modules()
{
    local version tree=$cache/kernel to=$1 path
    version=$(ls "$tree/lib/modules")
    depmod -b "$tree" "$version"
    mkdir "$to"
    for module in virtio_pci virtio_net; do
        modprobe -d "$tree" -S "$version" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r path; do
        cp "$path" "$to"
        basename "$path" >>"$to/order"
    done
    [[ -s $to/order ]] || : >"$to/order" # all built in
}

make_initramfs()
{
    local root=$work/initramfs
    mkdir -p "$root"/{bin,dev,proc,sys}
    cp "$(type -P busybox)" "$root/bin/busybox"
    install -m 755 "$here/init" "$root/init"
    copy_modules "$root/modules"
    (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null | gzip -1) >"$work/initramfs.gz"
    mv "$work/initramfs.gz" "$cache/initramfs.gz"
}

if ! compgen -G "$cache/kernel/boot/vmlinuz-*" >/dev/null; then
    fetch_kernel
fi
ln -sf "$cache"/kernel/boot/vmlinuz-* "$cache/vmlinuz" # the package has one
if [[ ! $cache/initramfs.gz -nt $here/init || ! $cache/initramfs.gz -nt $here/mkguest.sh ]]; then
    make_initramfs
fi
echo "$cache"
