#!/usr/bin/env bash
# The container images of a node, pulled or taken from the bundle, so that no machine of a lab waits for a registry.
set -euo pipefail
# shellcheck source=packer/files/common.sh
. "$HOMELAB_DIR/files/common.sh"

wanted=$(kubeadm config images list --kubernetes-version "$KUBERNETES_VERSION")
# A lab without kube-vip needs no image of it.
wanted+=${KUBE_VIP_IMAGE:+$'\n'$KUBE_VIP_IMAGE}

if [ "$OFFLINE" = true ]; then
  shopt -s nullglob
  for archive in "$BUNDLE/$KUBERNETES_VERSION"/images/*.tar "$BUNDLE"/common/images/*.tar; do
    echo "import ${archive#"$BUNDLE/"}"
    ctr --namespace k8s.io images import "$archive" || stop "containerd cannot import ${archive#"$BUNDLE/"}"
    rm "$archive"
  done
else
  while read -r image; do
    echo "pull $image"
    ctr --namespace k8s.io images pull "$image" >/dev/null || stop "cannot pull $image"
  done <<<"$wanted"
fi

there=$(ctr --namespace k8s.io images list --quiet)
missing=()
while read -r image; do
  grep -qxF "$image" <<<"$there" || missing+=("$image")
done <<<"$wanted"
[ ${#missing[@]} = 0 ] || stop "there is no image ${missing[*]}"

# homelab asks etcd through etcdctl. The one in etcd's own image is of the version that will run.
if ! has etcdctl; then
  etcd=$(grep '/etcd:' <<<"$wanted" | head -n 1)
  mounted=$(mktemp -d)
  ctr --namespace k8s.io images mount "$etcd" "$mounted" >/dev/null
  for program in "$mounted"/usr/local/bin/etcdctl "$mounted"/usr/bin/etcdctl "$mounted"/etcdctl; do
    if [ -f "$program" ]; then
      install -m 0755 "$program" /usr/local/bin/etcdctl
      break
    fi
  done
  ctr --namespace k8s.io images unmount --rm "$mounted" >/dev/null
  rmdir "$mounted"
  has etcdctl || stop "neither the bundle nor the base image nor $etcd brings etcdctl"
fi
