#!/usr/bin/env bash
# The kernel's side of a node: no swap, modules, settings, and interfaces that are called eth0 and eth1.
set -euo pipefail
# shellcheck source=packer/files/common.sh
. "$HOMELAB_DIR/files/common.sh"

# The kubelet refuses to start with swap on.
swapoff --all
sed -i -E '/^[^#[:space:]]+[[:space:]]+[^[:space:]]+[[:space:]]+swap[[:space:]]/d' /etc/fstab
systemctl mask swap.target

install -m 0644 "$FILES/modules.conf" /etc/modules-load.d/homelab.conf
install -m 0644 "$FILES/sysctl.conf" /etc/sysctl.d/90-homelab.conf
modprobe --all overlay br_netfilter || stop 'the kernel of the base image has no overlay or no br_netfilter module'
sysctl --quiet --load /etc/sysctl.d/90-homelab.conf

# Otherwise a card is called after its slot, which differs by hypervisor and machine type.
if has update-grub; then
  mkdir -p /etc/default/grub.d
  # shellcheck disable=SC2016 # grub-mkconfig expands it.
  echo 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX net.ifnames=0"' >/etc/default/grub.d/90-homelab.cfg
  update-grub
elif ! grep -qw net.ifnames=0 /proc/cmdline; then
  stop 'the base image boots without net.ifnames=0 and has no update-grub to add it with'
fi
