#!/usr/bin/env bash
# kubeadm, kubelet and kubectl of the lab's version: held packages, or the bundle's programs with the units that the
# packages would have brought.
set -euo pipefail
# shellcheck source=packer/files/common.sh
. "$HOMELAB_DIR/files/common.sh"

# The key is pinned by its fingerprint and not by a digest of its file: its expiry is prolonged every few years, and
# with that the file changes.
from_repository() {
  local key keyring=/etc/apt/keyrings/kubernetes-apt-keyring.gpg found
  key=$(mktemp)
  curl -fsSL --retry 5 --output "$key" "$KUBERNETES_APT_KEY" || stop "cannot fetch $KUBERNETES_APT_KEY"
  found=$(gpg --show-keys --with-colons "$key" | awk -F: '$1 == "pub" { first = 1 } $1 == "fpr" && first { print $10; first = 0 }')
  [ "$found" = "$KUBERNETES_APT_KEY_FINGERPRINT" ] ||
    stop "the key at $KUBERNETES_APT_KEY has the fingerprint ${found:-of no key}, not $KUBERNETES_APT_KEY_FINGERPRINT"
  install -d -m 0755 /etc/apt/keyrings
  gpg --dearmor --batch --yes --output "$keyring" "$key"
  chmod 0644 "$keyring"
  rm "$key"
  echo "deb [signed-by=$keyring] $KUBERNETES_APT_REPOSITORY /" >/etc/apt/sources.list.d/kubernetes.list
  apt update
  apt install "kubeadm=$KUBERNETES_PACKAGE" "kubelet=$KUBERNETES_PACKAGE" "kubectl=$KUBERNETES_PACKAGE"
  apt-mark hold kubeadm kubelet kubectl
}

from_bundle() {
  local name missing=()
  for name in kubeadm kubelet kubectl; do
    if [ -f "$BUNDLE/$KUBERNETES_VERSION/bin/$name" ]; then
      install -m 0755 "$BUNDLE/$KUBERNETES_VERSION/bin/$name" "/usr/bin/$name"
    else
      missing+=("$KUBERNETES_VERSION/bin/$name")
    fi
  done
  [ ${#missing[@]} = 0 ] || stop "the bundle lacks ${missing[*]}"
  install -D -m 0644 "$FILES/kubelet.service" /usr/lib/systemd/system/kubelet.service
  install -D -m 0644 "$FILES/10-kubeadm.conf" /usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf
}

if [ "$OFFLINE" = true ]; then from_bundle; else from_repository; fi

found=$(kubeadm version -o short)
[ "$found" = "$KUBERNETES_VERSION" ] || stop "kubeadm says that it is $found, not $KUBERNETES_VERSION"

install -d /etc/kubernetes/manifests /etc/cni/net.d /var/lib/kubelet
systemctl daemon-reload
systemctl enable kubelet.service
