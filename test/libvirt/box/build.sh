#!/usr/bin/env bash
# Builds a Vagrant box of a small Debian for vagrant-libvirt: BIOS, extlinux, one ext4 file system without partitions.
# usage: build.sh CACHE BOX PUBLIC_KEY
#   CACHE       folder that keeps downloaded packages
#   BOX         file to write; it is there whole or not at all
#   PUBLIC_KEY  the key by which Vagrant logs in
# Needs root, debootstrap, e2fsprogs and qemu-utils. Everything that it mounts is in a mount namespace of its own, so that
# nothing stays mounted however it ends.
set -euo pipefail
if [ "${HOMELAB_BOX_NAMESPACE:-}" != own ]; then
  HOMELAB_BOX_NAMESPACE=own exec unshare --mount --propagation private -- "$0" "$@"
fi

here=$(cd "$(dirname "$0")" && pwd)
cache=$1 box=$2 public_key=$3
suite=bookworm gib=16
work=$(mktemp -d "$box.XXXXXX")
root=$work/root
trap 'umount -R "$root" 2>/dev/null || true; rm -rf "$work"' EXIT
export LC_ALL=C.UTF-8
umask 022

# The mirror that this computer uses, in either of apt's two notations.
mirror() {
  cat /etc/apt/sources.list /etc/apt/sources.list.d/debian.* 2>/dev/null |
    sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb +(\[[^]]*\] +)?([^ ]+) .*/\2/p' | head -n 1
}

say() { printf '%4d s  %s\n' "$SECONDS" "$1"; }

say 'file system'
# extlinux 6.04 reads neither of the two features that are left out. Few inodes, and none of them written before use.
truncate -s "${gib}G" "$work/disk.raw"
mkfs.ext4 -q -L root -m 1 -N 500000 -J size=64 -O ^64bit,^metadata_csum \
  -E lazy_itable_init=1,lazy_journal_init=1 "$work/disk.raw"
mkdir "$root"
# Should the computer fail meanwhile, the build is begun again: nothing needs to be on the disk before its end.
mount -o loop,noinit_itable,nobarrier "$work/disk.raw" "$root"
mkdir -p "$root/etc/dpkg/dpkg.cfg.d"
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/build"

say 'packages'
mkdir -p "$cache/packages"
include=$(sed -E '/^(#|$)/d' "$here/packages" | paste -sd,)
debootstrap --variant=minbase --cache-dir="$(realpath "$cache/packages")" --include="$include" \
  "$suite" "$root" "$(mirror)" >"$work/debootstrap.log" 2>&1 || { tail -n 30 "$work/debootstrap.log"; exit 1; }

say 'settings'
cp -r "$here/guest/." "$root/"
cp "$here/guest.sh" "$root/tmp/"
install -D -m 600 "$public_key" "$root/home/vagrant/.ssh/authorized_keys"
for name in dev proc sys; do mount --rbind "/$name" "$root/$name"; done
chroot "$root" bash /tmp/guest.sh
rm "$root/tmp/guest.sh" "$root/etc/dpkg/dpkg.cfg.d/build"

say 'boot loader'
chroot "$root" extlinux --install /boot/extlinux >/dev/null 2>&1
# A lazy unmount would let the image be read before it is written.
for name in sys proc dev; do umount -R -l "$root/$name"; done
# What was deleted again, such as downloaded packages, would be part of the image.
fstrim "$root"
umount "$root"

say 'box'
qemu-img convert -O qcow2 "$work/disk.raw" "$work/box.img"
cp "$here/Vagrantfile" "$here/qemu-tcg" "$work/"
printf '{"provider":"libvirt","format":"qcow2","virtual_size":%d}\n' "$gib" >"$work/metadata.json"
tar -C "$work" --sparse -cf "$work/box" metadata.json Vagrantfile box.img qemu-tcg
mv "$work/box" "$box"
say "$(du -h "$box" | cut -f 1) in $(basename "$box")"
