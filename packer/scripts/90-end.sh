#!/usr/bin/env bash
# Takes away what belongs to this one machine or to the build. The SSH connection that runs this outlives its key.
set -euo pipefail
# shellcheck source=packer/files/common.sh
. "$HOMELAB_DIR/files/common.sh"

install -d -m 0700 -o vagrant -g vagrant /home/vagrant/.ssh
install -m 0600 -o vagrant -g vagrant "$FILES/vagrant.pub" /home/vagrant/.ssh/authorized_keys
builder=$(getent passwd "${SUDO_USER:-vagrant}" | cut -d: -f6)
sed -i '/ homelab-build$/d' "$builder/.ssh/authorized_keys"

# cloud-init wrote the build's name into it.
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$(hostname)" >/etc/hosts
if [ -d /etc/cloud ]; then
  touch /etc/cloud/cloud-init.disabled
  rm -rf /var/lib/cloud/instance /var/lib/cloud/instances
fi

systemctl stop kubelet.service containerd.service
apt-get clean
rm -f /etc/ssh/ssh_host_*
# Empty and not missing: missing would count as the first boot ever, which resets which units are enabled.
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id /var/lib/systemd/random-seed
find /var/log -type f -exec truncate --size 0 {} +
rm -rf /var/tmp/homelab /var/lib/systemd/network
sync
# So that the image does not carry what was deleted.
fstrim --verbose / || echo 'the disk cannot be trimmed; the image is larger than it need be'
