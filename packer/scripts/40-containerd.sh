#!/usr/bin/env bash
# containerd as kubeadm's kubelet wants it: cgroups by systemd, the sandbox image that kubeadm pulls, CNI plugins
# where CNIs put theirs.
set -euo pipefail
# shellcheck source=packer/files/common.sh
. "$HOMELAB_DIR/files/common.sh"

has containerd || stop 'neither the bundle nor the base image brings containerd'

# Other kubeadms than the one homelab knows (a fork, a later patch) may want another pause image.
sandbox=$(kubeadm config images list --kubernetes-version "$KUBERNETES_VERSION" | grep '/pause:' || true)
sandbox=${sandbox:-$SANDBOX_IMAGE}

# From containerd's own defaults and not from Debian's file, which looks for plugins in /usr/lib/cni only. 1.x calls
# the setting sandbox_image, 2.x sandbox; 2.1 and later list several folders as bin_dirs.
config=/etc/containerd/config.toml
install -d /etc/containerd
containerd config default |
  sed -E \
    -e 's|^( *SystemdCgroup *= *).*|\1true|' \
    -e "s|^( *sandbox(_image)? *= *).*|\1'$sandbox'|" \
    -e "s|^( *bin_dir *= *)['\"]?[^'\"]*cni[^'\"]*['\"]?\$|\1'$CNI_BIN'|" \
    -e "s|^( *bin_dirs *= *)\[.*cni.*\]\$|\1['$CNI_BIN']|" \
    >"$config.new"
grep -q "SystemdCgroup = true" "$config.new" || stop 'this containerd has no setting SystemdCgroup'
grep -qF "'$sandbox'" "$config.new" || stop 'this containerd has no setting for the sandbox image'
grep -qF "'$CNI_BIN'" "$config.new" || stop 'this containerd has no setting for the folder of CNI plugins'
mv "$config.new" "$config"
install -m 0644 "$FILES/crictl.yaml" /etc/crictl.yaml

# CNIs install their plugins into this folder; Debian's package keeps the standard ones elsewhere.
install -d "$CNI_BIN"
shopt -s nullglob
for plugin in "$BUNDLE"/common/cni/*; do
  install -m 0755 "$plugin" "$CNI_BIN/"
done
for plugin in /usr/lib/cni/*; do
  [ -e "$CNI_BIN/${plugin##*/}" ] || ln -s "$plugin" "$CNI_BIN/"
done

systemctl enable containerd.service
systemctl restart containerd.service
