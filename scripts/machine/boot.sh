#!/bin/sh
# Becomes process 1 of a throw-away machine: a new root over this system's /usr, and systemd in it. Run by machine.ts
# in namespaces of its own (mount, pid, net, uts, ipc, cgroup): nothing of it is left when its last process ends.
#   boot.sh EMPTY-FOLDER NODE [DISK]
# DISK is a folder for what stays over a reboot: /etc, /var/lib and /usr/local.
set -eu
root=$1
node=$2
disk=${3:-}

mount --make-rprivate /
mount -t tmpfs -o mode=755 machine "$root"
for folder in .upper .work usr etc/systemd/system var/lib var/log run tmp root proc sys dev old; do
  mkdir -p "$root/$folder"
done
stays() { # FOLDER
  mkdir -p "$disk/$1"
  mount --bind "$disk/$1" "$root/$1"
}
if [ -n "$disk" ]; then stays etc && mkdir -p "$root/etc/systemd/system" && stays var/lib; fi

# /usr as it is here, with changes going nowhere, and an empty /usr/local.
mount -t overlay overlay -o "lowerdir=/usr,upperdir=$root/.upper,workdir=$root/.work" "$root/usr"
if [ -n "$disk" ]; then stays usr/local; else mount -t tmpfs -o mode=755 local "$root/usr/local"; fi
mkdir -p "$root/usr/local/bin" "$root/usr/local/lib"
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
[ -x "$root$node" ] || cp "$node" "$root/usr/local/bin/node"

# Of /etc only what commands cannot do without: no secrets and no services of this system.
for file in passwd group login.defs nsswitch.conf ld.so.cache ld.so.conf ld.so.conf.d alternatives services protocols; do
  [ -e "$root/etc/hostname" ] || [ ! -e "/etc/$file" ] || cp -a "/etc/$file" "$root/etc/"
done
echo machine >"$root/etc/hostname"
echo '127.0.0.1 localhost machine' >"$root/etc/hosts"
: >>"$root/etc/machine-id"

# Kernel settings belong to the real machine: read-only, as systemd.io/CONTAINER_INTERFACE asks.
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 run "$root/run"

mount -t tmpfs -o mode=755 dev "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for device in null zero full random urandom tty; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done

cd "$root"
pivot_root . old
exec chroot . /bin/sh -c 'umount -l /old && rmdir /old &&
  exec env -i container=picket PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --unit=multi-user.target'
