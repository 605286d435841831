# Sourced by the scripts, as root on the machine that becomes the image.
# shellcheck shell=bash disable=SC2034 # Read by the scripts that source this file.
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# Files of the bundle as homelab uploaded them; only those that a node of this version needs.
BUNDLE=$HOMELAB_DIR/bundle
FILES=$HOMELAB_DIR/files
CNI_BIN=/opt/cni/bin

# homelab shows lines that begin like this when a build fails.
stop() {
  echo "homelab: $*" >&2
  exit 1
}

has() { command -v "$1" >/dev/null; }

apt() {
  apt-get -q -y -o DPkg::Lock::Timeout=600 -o Dpkg::Options::=--force-confold "$@"
}
