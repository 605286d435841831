#!/usr/bin/env bash
# Debian's packages: from the bundle, or from the network.
set -euo pipefail
# shellcheck source=packer/files/common.sh
. "$HOMELAB_DIR/files/common.sh"

if [ "$OFFLINE" = true ]; then
  shopt -s nullglob
  packages=("$BUNDLE"/common/packages/*.deb)
  if [ ${#packages[@]} -gt 0 ]; then
    # Newer ones of the base image stay; what a package lacks is named by dpkg, and stops the build.
    dpkg --force-confold --refuse-downgrade --skip-same-version --install "${packages[@]}" ||
      stop 'the packages of the bundle cannot be installed on this base image: dpkg said above what they lack'
  fi
else
  read -ra extra <<<"$EXTRA_PACKAGES"
  apt update
  apt install --no-install-recommends ca-certificates conntrack containerd containernetworking-plugins curl ethtool \
    gpg iproute2 iptables iputils-arping iputils-ping kmod openssl procps runc socat "${extra[@]}"
fi

# The load balancer's step enables it, on the one machine that has a configuration for it.
if systemctl cat haproxy.service >/dev/null 2>&1; then
  systemctl disable --now haproxy.service
fi

# The package gave this machine a name of its own, and every clone would answer to it. iscsid makes a new one.
if [ -e /etc/iscsi/initiatorname.iscsi ]; then
  echo 'GenerateName=yes' >/etc/iscsi/initiatorname.iscsi
fi
