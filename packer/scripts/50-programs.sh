#!/usr/bin/env bash
# Further programs, and then a look whether every program is there that a node will be asked for.
set -euo pipefail
# shellcheck source=packer/files/common.sh
. "$HOMELAB_DIR/files/common.sh"

shopt -s nullglob
for program in "$BUNDLE"/common/bin/*; do
  install -m 0755 "$program" /usr/local/bin/
done

if [ "$OFFLINE" != true ] && [ -n "$HELM_VERSION" ]; then
  archive=helm-$HELM_VERSION-linux-amd64.tar.gz
  curl -fsSL --retry 5 --output "/var/tmp/$archive" "https://get.helm.sh/$archive"
  echo "$HELM_SHA256  /var/tmp/$archive" | sha256sum --check --quiet || stop "$archive is not the one that was published"
  tar --extract --file "/var/tmp/$archive" --directory /usr/local/bin --strip-components 1 --no-same-owner linux-amd64/helm
  rm "/var/tmp/$archive"
fi

programs=(arping conntrack containerd ctr curl ethtool ip iptables kubeadm kubectl kubelet mount nsenter runc socat)
case " $EXTRA_PACKAGES " in *' haproxy '*) programs+=(haproxy) ;; esac
case " $EXTRA_PACKAGES " in *' open-iscsi '*) programs+=(iscsiadm) ;; esac
case " $EXTRA_PACKAGES " in *' nfs-common '*) programs+=(mount.nfs) ;; esac
plugins=(loopback)
case "$CNI" in
  bridge) plugins+=(bridge host-local portmap) ;;
  flannel) plugins+=(bridge host-local portmap) ;;
esac

missing=()
for name in "${programs[@]}"; do
  has "$name" || missing+=("$name")
done
for name in "${plugins[@]}"; do
  [ -x "$CNI_BIN/$name" ] || missing+=("the CNI plugin $name")
done
if [ ${#missing[@]} -gt 0 ]; then
  list=$(printf '%s, ' "${missing[@]}")
  stop "neither the bundle nor the base image brings ${list%, }"
fi
has crictl || echo 'crictl is not there: kubeadm manages without, people miss it'
