#!/bin/sh
# Runs commands of the committed checkout in a fresh, minimal Debian 12: does the README hold where nothing is installed?
#
#   scripts/try-bare-debian.sh                    ./test, ./test without network, ./demo
#   scripts/try-bare-debian.sh 'COMMAND' ...      these instead, each by sh -c in the checkout
#
# Needs root, mmdebstrap and git. The system lies in a temporary folder (TMPDIR) and is removed afterwards; package
# sources, certificates and settings of apt and pip are those of the host.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."
[ $# -gt 0 ] || set -- ./test 'unshare --net ./test -q tests/harden' ./demo

root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 130' INT TERM

mmdebstrap --quiet --variant=minbase bookworm "$root"
for setting in /etc/apt /etc/pip.conf /etc/ssl/certs /usr/local/share/ca-certificates /etc/resolv.conf /etc/hosts; do
    if [ -e "$setting" ]; then
        rm -rf "${root:?}$setting"
        mkdir -p "$root${setting%/*}"
        cp -rL "$setting" "$root$setting"
    fi
done
mkdir "$root/checkout" "$root/host"
git archive HEAD | tar -x -C "$root/checkout"

# pivot_root and not chroot: `ip netns exec` remounts /, which has to be a mount point.
# shellcheck disable=SC2016  # the inner shell expands these
unshare --mount --pid --fork --kill-child sh -euc '
    root=$1
    shift
    mount --make-rprivate /
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/run"
    cd "$root"
    pivot_root . host
    umount -l /host
    cd /checkout
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    HOME=/root
    export PATH HOME
    unset PYENV_ROOT PYTHONPATH VIRTUAL_ENV
    status=0
    for command in "$@"; do
        printf "\n## %s\n" "$command"
        begin=$(date +%s)
        if sh -c "$command"; then result=passed; else result="failed with status $?" status=1; fi
        printf "## %s: %s, %d s\n" "$command" "$result" $(($(date +%s) - begin))
    done
    exit $status
' sh "$root" "$@"
