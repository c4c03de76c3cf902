#!/bin/sh
# Runs a peer over files of its own: its packages lie over /usr and /etc, what it writes goes to its own folder, and its
# system log is a file there. The mounts are those of this process and its children only ("ip netns exec" has made them
# private), so nothing of the machine changes.
#   as-peer.sh ROOT OWN COMMAND…   ROOT: unpacked packages; OWN: folder with etc/ to lie over /etc, log/ and lib/
set -eu
root=$1 own=$2
shift 2
mkdir -p "$own/private" "$own/log" "$own/lib" "$own/etc"
# A folder over which nothing can be laid (itself an overlay) cannot be the upper layer; a tmpfs always can.
mount -t tmpfs tmpfs "$own/private"
mkdir "$own/private/etc" "$own/private/work" "$own/private/dev"
mount -t overlay peer -o "lowerdir=$root/etc:/etc,upperdir=$own/private/etc,workdir=$own/private/work" /etc
cp -R "$own/etc/." /etc/
mount -t overlay peer -o "lowerdir=$root/usr:/usr" /usr
mount --bind "$own/log" /var/log
mount --bind "$own/lib" /var/lib
mount -t tmpfs tmpfs /run
# A /dev without the machine's /dev/log.
for node in null zero full random urandom tty; do
  : >"$own/private/dev/$node"
  mount --bind "/dev/$node" "$own/private/dev/$node"
done
mount --bind "$own/private/dev" /dev
busybox syslogd -n -O /var/log/syslog &
until [ -S /dev/log ]; do sleep 0.05; done
exec "$@"
