#!/usr/bin/env bash
# kube-vip's manifest as a template for people who do things by hand. It lies outside the kubelet's manifests folder:
# there it would become active on workers too. homelab writes the right variant on control planes itself.
set -euo pipefail
# shellcheck source=packer/files/common.sh
. "$HOMELAB_DIR/files/common.sh"

[ -n "$KUBE_VIP_IMAGE" ] || exit 0
install -d /usr/local/share/homelab
sed -E "s|^( *image: ).*|\1$KUBE_VIP_IMAGE|" "$FILES/kube-vip.yaml" >/usr/local/share/homelab/kube-vip.yaml
