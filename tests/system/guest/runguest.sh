#!/bin/bash
# Boots the guest of mkguest.sh under TCG, with one virtio network device on a vhost-user socket,
# and shows its serial console until it powers off.
#
#     runguest.sh [--listen] [--mac MAC] [--timeout SECONDS] SOCKET [fusuma.ip=... ...]
#
# The words after SOCKET go to the guest: see ./init.  With --listen QEMU makes the socket and the
# switch connects to it (the guest starts once it has); otherwise QEMU connects.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
mac=52:54:00:00:00:01
seconds=120
listen=

usage()
{
    echo "usage: runguest.sh [--listen] [--mac MAC] [--timeout SECONDS] SOCKET [WORD...]" >&2
    exit 2
}

while [[ ${1-} == --* ]]; do
    case $1 in
        --listen) listen=,server=on,wait=off ;;
        --mac) mac=${2?} && shift ;;
        --timeout) seconds=${2?} && shift ;;
        *) usage ;;
    esac
    shift
done
[[ $# -ge 1 ]] || usage
socket=$1
shift

guest=$("$here/mkguest.sh")
# Interrupts by MSI-X (vectors) do not work with vhost-user under TCG.
exec timeout --foreground "$seconds" qemu-system-x86_64 \
    -nodefaults -no-user-config -no-reboot -display none -serial stdio \
    -machine pc,accel=tcg,memory-backend=mem -m 128 -smp 1 \
    -object memory-backend-memfd,id=mem,size=128M,share=on \
    -kernel "$guest/vmlinuz" -initrd "$guest/initramfs.gz" \
    -append "console=ttyS0 quiet panic=-1 $*" \
    -chardev "socket,id=c0,path=$socket$listen" \
    -netdev vhost-user,id=n0,chardev=c0 \
    -device "virtio-net-pci,netdev=n0,mac=$mac,vectors=0,romfile=" </dev/null
