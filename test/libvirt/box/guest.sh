#!/usr/bin/env bash
# What is done inside of the box while it is built, in a chroot.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

useradd --create-home --shell /bin/bash vagrant 2>/dev/null
chown -R vagrant:vagrant /home/vagrant
chmod 700 /home/vagrant/.ssh
chmod 440 /etc/sudoers.d/vagrant

# Every machine made from the box becomes somebody of its own at its first boot.
: >/etc/machine-id
rm -f /etc/ssh/ssh_host_*

systemctl enable --quiet ssh ssh-host-keys serial-getty@ttyS0 systemd-networkd resolv-conf.path
# Installed for the tests, which start what they want.
systemctl disable --quiet containerd etcd haproxy keepalived
# What only costs time in a machine that lives for minutes.
systemctl mask --quiet \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  dev-hugepages.mount sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount \
  sys-kernel-tracing.mount modprobe@configfs.service modprobe@drm.service systemd-network-generator.service \
  getty@tty1.service modprobe@fuse.service systemd-binfmt.service systemd-networkd-wait-online.service \
  systemd-pstore.service systemd-timesyncd.service systemd-update-utmp.service systemd-update-utmp-runlevel.service

update-initramfs -u -k all
apt-get clean
rm -rf /var/lib/apt/lists/*
