#!/usr/bin/env bash
# Starts libvirt for the tests where nothing runs it, such as in a container without systemd, and ends what it started.
# usage: libvirt.sh start|stop FOLDER
#   FOLDER  for process ids; empty when nothing had to be started
# The computer's own configuration stays as it is: the two daemons see ours in a mount namespace of their own, because
# libvirtd takes its own file by an option but qemu.conf only from where it always is.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
action=$1 folder=$2

answers() { virsh -q -c qemu:///system version >/dev/null 2>&1; }

start() {
  if answers; then
    echo 'libvirt runs already'
    return
  fi
  if [ -d /run/systemd/system ]; then
    echo 'libvirt does not answer, and systemd is there to start it: systemctl start libvirtd' >&2
    return 1
  fi
  mkdir -p "$folder" /run/libvirt /var/log/libvirt /var/lib/libvirt/images
  cat /proc/sys/net/ipv4/ip_forward >"$folder/ip_forward"
  unshare --mount --propagation slave -- bash -euc '
    mount --bind "$1/qemu.conf" /etc/libvirt/qemu.conf
    virtlogd --daemon --pid-file "$2/virtlogd.pid"
    libvirtd --daemon --config "$1/libvirtd.conf" --pid-file "$2/libvirtd.pid"
  ' bash "$here" "$folder"
  for _ in $(seq 100); do
    if answers; then
      echo 'libvirt started'
      return
    fi
    sleep 0.2
  done
  echo 'libvirt does not answer 20 s after its start' >&2
  return 1
}

stop() {
  local name pid
  [ -s "$folder/libvirtd.pid" ] || return 0
  if [ -n "$(virsh -q -c qemu:///system list --name 2>/dev/null | tr -d '\n')" ]; then
    echo 'libvirt goes on: machines run that the tests did not make' >&2
    return
  fi
  for name in libvirtd virtlogd; do
    pid=$(cat "$folder/$name.pid")
    kill "$pid"
    # It removes the file when it is done.
    for _ in $(seq 50); do [ -e "/proc/$pid" ] && sleep 0.2; done
  done
  cat "$folder/ip_forward" >/proc/sys/net/ipv4/ip_forward
  # Says nothing: the last line of a run is that of the tests.
  rm -r "$folder"
}

case $action in
  start | stop) "$action" ;;
  *) echo "usage: $0 start|stop FOLDER" >&2; exit 64 ;;
esac
