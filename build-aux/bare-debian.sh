#!/bin/bash
# Proves that a clone is whole and that the package list is: runs `./run demo` and `./run check` in a
# minimal Debian 12.  debootstrap's result is cached; all else is done anew.
#
#   FUSUMA_MIRROR   where packages come from (default http://deb.debian.org/debian)
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
cache=${FUSUMA_CACHE:-$top/.cache}
mirror=${FUSUMA_MIRROR:-http://deb.debian.org/debian}
base=$cache/debian12-minbase.tar

# A mount namespace of our own: whatever happens, no mount outlives this script.
if [ "${1:-}" != --inside ]; then
    exec unshare --mount --propagation private "$0" --inside
fi

mkdir -p "$cache"
root=$(mktemp -d /var/tmp/fusuma-bare.XXXXXX)
cleanup() {
    umount -R -l "$root" 2>/dev/null || true
    rm -rf --one-file-system "$root"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# What makes network namespaces asks that / is a mount.
mount --bind "$root" "$root"
mount --make-private "$root"
if [ ! -e "$base" ]; then
    echo "== debootstrap"
    debootstrap --variant=minbase bookworm "$root" "$mirror"
    tar -C "$root" -cf "$base.new" .
    mv "$base.new" "$base"
else
    tar -C "$root" -xf "$base"
fi

# The security archive holds the newer of some packages, as on any installed machine.
cat >"$root/etc/apt/sources.list" <<END
deb $mirror bookworm main
deb $mirror bookworm-updates main
deb http://deb.debian.org/debian-security bookworm-security main
END
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cp -L /etc/hosts "$root/etc/hosts"
if [ -n "$(apt-config dump Acquire::http::Proxy)" ]; then
    apt-config dump Acquire::http::Proxy >"$root/etc/apt/apt.conf.d/90proxy"
fi
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"

echo "== clone"
git -c safe.directory='*' clone --quiet --no-hardlinks "$top" "$root/root/fusuma"

for verb in demo check; do
    echo "== ./run $verb"
    env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
        chroot "$root" /root/fusuma/run "$verb"
done
