#!/usr/bin/env bash
# Before anything is uploaded: cloud-init has come to its end, nothing updates packages behind the build's back, and
# the root file system fills its disk.
set -euo pipefail

# What it complains of is shown and not fatal: its user and its key work, or nobody would be here.
if command -v cloud-init >/dev/null; then
  cloud-init status --wait || cloud-init status --long || true
fi

# A lab rehearses upgrades; nothing may change its packages on its own.
systemctl mask --now apt-daily.timer apt-daily-upgrade.timer
if systemctl cat unattended-upgrades.service >/dev/null 2>&1; then
  systemctl disable --now unattended-upgrades.service
fi

# Images with cloud-init grow by themselves; a file system without a partition table around it does not.
root=$(findmnt -n -o SOURCE /)
if [ "$(findmnt -n -o FSTYPE /)" = ext4 ] && [ ! -e "/sys/class/block/${root##*/}/partition" ]; then
  resize2fs "$root"
fi
df -h /

install -d -o "${SUDO_USER:-root}" /var/tmp/homelab
