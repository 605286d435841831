#!/usr/bin/env bash
# What Vagrant expects: its user with its well-known key, which it replaces at the first `vagrant up`, and a network
# that systemd-networkd runs without netplan, so that Vagrant writes a file for eth1 that homelab's drop-in lies beside.
set -euo pipefail
# shellcheck source=packer/files/common.sh
. "$HOMELAB_DIR/files/common.sh"

id vagrant >/dev/null 2>&1 || useradd --create-home --shell /bin/bash vagrant
echo 'vagrant ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/vagrant
chmod 0440 /etc/sudoers.d/vagrant

install -m 0644 "$FILES/homelab-ssh-keys.service" /etc/systemd/system/homelab-ssh-keys.service
# A name server that cannot be reached would delay every login.
printf 'HostKey /etc/ssh/ssh_host_ed25519_key\nUseDNS no\nGSSAPIAuthentication no\n' \
  >/etc/ssh/sshd_config.d/50-homelab.conf

install -m 0644 "$FILES/eth0.network" /etc/systemd/network/10-eth0.network
systemctl daemon-reload
systemctl enable systemd-networkd.service ssh.service homelab-ssh-keys.service
for unit in networking.service NetworkManager.service; do
  if systemctl cat "$unit" >/dev/null 2>&1; then systemctl disable "$unit"; fi
done

# netplan's files would match eth1 before Vagrant's do, and with netplan there Vagrant writes none of networkd's.
if has netplan; then apt purge netplan.io; fi
rm -rf /etc/netplan
