#!/bin/sh
# Puts what the test with a virtual machine boots into .vm_cache: the distribution's kernel, those of its modules that
# matter, a static busybox. Packages are downloaded and unpacked, not installed: a kernel that is installed
# changes how the host boots, and a busybox may be there already in a package that does not go with this one.
# Where the folder is there it does nothing.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."
LC_ALL=C
export LC_ALL

[ ! -d .vm_cache ] || exit 0

# Those in arch, crypto and lib are what the others depend on.
module='((arch|crypto|lib|net|drivers/virtio|fs/9p|fs/fscache|fs/netfs|drivers/net/wireguard)/.*|drivers/net/veth)[.]ko'
wanted="/boot/vmlinuz-|/bin/busybox\$|/lib/modules/[^/]+/kernel/$module"

# The package of the newest kernel has a name that changes with it; the one that depends on it keeps its own.
kernel_packages() {
    if grep -q '^ID=ubuntu' /etc/os-release; then
        latest=linux-image-virtual
    else
        latest=linux-image-$(dpkg --print-architecture)
    fi
    image=$(apt-cache depends "$latest" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    [ -n "$image" ] || { echo "fetch-vm: error: apt knows no package $latest" >&2; return 1; }
    printf '%s\n' "$image"
    # Ubuntu has the modules in a package of their own.
    if apt-cache show "linux-modules-${image#linux-image-}" >/dev/null 2>&1; then
        printf '%s\n' "linux-modules-${image#linux-image-}"
    fi
}

download() {
    packages=$(kernel_packages) || return
    # shellcheck disable=SC2086  # names of packages, without blanks
    (cd "$new/packages" && apt-get -q -o APT::Sandbox::User=root download $packages busybox-static)
}

new=$(mktemp -d .vm_cache.XXXXXX)
trap 'rm -rf "$new"' EXIT
trap 'exit 130' INT TERM
chmod 755 "$new"
mkdir "$new/packages" "$new/modules"

# Lists of packages grow old, and images of containers come without.
download || { apt-get -q -o DPkg::Lock::Timeout=300 update && download; }

cd "$new/packages"
for package in *.deb; do
    dpkg-deb --fsys-tarfile "$package" >package.tar
    tar -t -f package.tar | grep -E "$wanted" >members
    tar -x -f package.tar -T members
done
find . -name '*.ko.zst' -exec zstd -dq --rm {} +
find . -name '*.ko.xz' -exec xz -d {} +
find . -name '*.ko' -exec mv {} ../modules \;
find . -name 'vmlinuz-*' -exec mv {} ../vmlinuz \;
find . -name busybox -exec mv {} ../busybox \;
cd ../..
rm -rf "$new/packages"
ls "$new/vmlinuz" "$new/busybox" "$new/modules/wireguard.ko" >/dev/null
mv "$new" .vm_cache
