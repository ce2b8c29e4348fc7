#!/bin/busybox sh
# The first process of the virtual machine: loads modules, mounts the host's files read-only, runs /command there.
/bin/busybox mkdir -p /proc /sys /dev /host
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do insmod "/modules/$module"; done </modules/order
# Whatever is wanted has been loaded: the kernel need not look for more.
echo '' >/proc/sys/kernel/modprobe
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /host
mount -t proc proc /host/proc
mount -t sysfs sysfs /host/sys
mount -t devtmpfs devtmpfs /host/dev
ln -s /proc/self/fd /host/dev/fd
ln -s fd/0 /host/dev/stdin
mount -t tmpfs tmpfs /host/run
mkdir /host/run/exchange
mount -t 9p -o rw,trans=virtio,version=9p2000.L exchange /host/run/exchange
ip link set lo up
chroot /host /bin/sh /run/exchange/command
sync
poweroff -f
