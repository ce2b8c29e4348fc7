#!/bin/sh
# The first process of a host that is booted in namespaces of its own: this host's files under a layer that can be
# written to, then systemd. Called as: boot.sh ROOT LAYER SHOWN… with SHOWN what is to be seen as it is.
set -e
root=$1 layer=$2
shift 2
mount --make-rprivate /
mount -t overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" overlay "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -o remount,bind,ro "$root/sys"
for folder in run tmp dev; do mount -t tmpfs -o mode=755 "$folder" "$root/$folder"; done
chmod 1777 "$root/tmp"
for device in null zero full random urandom tty net/tun; do
  mkdir -p "$(dirname "$root/dev/$device")"
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
: >"$root/dev/console"
mount --bind /dev/null "$root/dev/console"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
for folder; do
  mkdir -p "$root$folder"
  mount --rbind "$folder" "$root$folder"
done
cd "$root"
mkdir -p .outside
pivot_root . .outside
cd /
umount -l /.outside
exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --show-status=false --log-target=journal --unit=multi-user.target
