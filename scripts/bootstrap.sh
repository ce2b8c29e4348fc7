#!/bin/sh
# Makes this checkout ready: `scripts/bootstrap.sh demo` or `scripts/bootstrap.sh test`.
#
# Installs the system packages that are missing (as root, with apt-get) and builds .venv from the pins in
# requirements/. Where everything is there already it changes nothing, needs no network and no root, and takes a
# moment. What it does, it says on stderr; stdout stays free for the command that comes after it.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

purpose=${1:-test}
PATH="$PATH:/usr/sbin:/sbin" # where Debian keeps ip and iptables, and a user's PATH does not look
export PATH

say() { printf 'bootstrap: %s\n' "$*" >&2; }

# Programs that must be there: purpose, program (or file), the package that has it. Reasons:
#   iproute2         network namespaces, tunnel devices
#   iptables         both backends, nft and legacy: what harden drives
#   nftables         reading back what iptables-nft wrote
#   conntrack        ending connections whose permission has gone
#   wireguard-tools  wg and wg-quick; wireguard-go: WireGuard where the kernel has none
#   gcc, libc6-dev   compiling python-iptables, which has no ready-made build
#   ipset            rules of others that match on sets, which ours must get along with
#   procps           sysctl
#   dash, shellcheck running and judging the shell scripts that harden writes
#   containerd, runc, containernetworking-plugins: a node on which the tests run real pods
#   git, git-crypt   a repository with a key, for harden to find
#   openssh          a host to log in to, for keys that are rotated; curl, jq: what the pods run as well
#   postgresql, mariadb-server: passwords that are rotated; systemd: its judgement on units that harden writes
#   groff, mandoc    setting the manual page; zsh, fish: completing words, as bash does; pipx: one way to install; tmux: sessions that outlive their connection
#   qemu-system-x86  a virtual machine with a kernel that has WireGuard; zstd: unpacking Ubuntu's kernel modules
programs() {
    cat <<'END'
both ip                 iproute2
both iptables-nft       iptables
both iptables-legacy    iptables
both nft                nftables
both conntrack          conntrack
both wg                 wireguard-tools
both wireguard-go       wireguard-go
both gcc                gcc
both /usr/include/stdio.h libc6-dev
test ipset              ipset
test sysctl             procps
test shellcheck         shellcheck
test dash               dash
test qemu-system-x86_64 qemu-system-x86
test zstd               zstd
test containerd         containerd
test runc               runc
test /usr/lib/cni/bridge containernetworking-plugins
both git                git
both git-crypt          git-crypt
both ssh                openssh-client
both sshd               openssh-server
test curl               curl
test jq                 jq
test gpg                gnupg
test openssl            openssl
test puttygen           putty-tools
test age                age
test minisign           minisign
test signify-openbsd    signify-openbsd
test openvpn            openvpn
test pg_createcluster   postgresql
test mariadbd           mariadb-server
test systemd-analyze    systemd
test sudo               sudo
test busybox            busybox-static
test groff              groff-base
test mandoc             mandoc
test zsh                zsh
test fish               fish
test pipx               pipx
test tmux               tmux
END
}

is_there() {
    case $1 in
        /*) [ -e "$1" ] ;;
        *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

missing_packages() {
    programs | while read -r wanted_for program package; do
        case $wanted_for in both | "$purpose") is_there "$program" || printf '%s\n' "$package" ;; esac
    done
    # The headers serve python-iptables. A Python that came by other ways than the package system brings its own.
    [ -n "$(find_python)" ] || printf '%s\n' python3 python3-venv python3-dev
}

# The newest Python that is new enough and complete; nothing where there is none.
find_python() {
    for candidate in python3.14 python3.13 python3.12 python3.11 python3 /usr/bin/python3; do
        if is_there "$candidate" && "$candidate" - <<'END' >/dev/null 2>&1; then
import ensurepip, os, sys, sysconfig, venv
sys.exit(sys.version_info < (3, 11) or not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))
END
            command -v "$candidate"
            return
        fi
    done
}

install_packages() {
    missing=$(missing_packages | sort -u | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! is_there apt-get; then
        say "error: these packages are missing: $missing"
        if is_there apt-get; then
            say "hint: run this as root once, or: apt-get install --no-install-recommends $missing"
        else
            say "hint: there is no apt-get here: install what your distribution calls them by hand, then run this again"
        fi
        exit 1
    fi
    say "installing system packages: $missing"
    quietly env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update
    forbid_services
    # shellcheck disable=SC2086  # a list of package names, written above
    quietly env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
        install --no-install-recommends $missing
    allow_services
    keep_services_off "$missing"
}

# Demonstration and suite start sshd, containerd and databases by themselves, in namespaces of their own. That the
# packages came for it must not open this host: nothing is started while they are installed, nor with the next boot.
policy=/usr/sbin/policy-rc.d
forbid_services() {
    [ ! -e "$policy" ] || return 0
    printf '#!/bin/sh\n# harden: bootstrap.sh is installing packages\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap allow_services EXIT
}

allow_services() {
    ! grep -qs 'harden: bootstrap.sh' "$policy" || rm -f "$policy"
}

keep_services_off() {
    [ -d /run/systemd/system ] || return 0
    case " $1 " in *' openssh-server '*) disable ssh.service ssh.socket ;; esac
    case " $1 " in *' containerd '*) disable containerd.service ;; esac
    case " $1 " in *' openvpn '*) disable openvpn.service ;; esac
    case " $1 " in *' postgresql '*) disable postgresql.service ;; esac
    case " $1 " in *' mariadb-server '*) disable mariadb.service ;; esac
}

disable() {
    for unit; do
        # Not every distribution has each of them.
        ! systemctl cat "$unit" >/dev/null 2>&1 || quietly systemctl disable "$unit"
    done
}

# Runs a command and shows what it printed only if it fails.
quietly() {
    log=$(mktemp)
    if "$@" >"$log" 2>&1 </dev/null; then
        rm -f "$log"
    else
        cat "$log" >&2
        rm -f "$log"
        say "error: this failed: $*"
        exit 1
    fi
}

# What .venv was built from. The folder is part of it: a virtual environment cannot be moved.
pins_stamp() { { pwd && cat requirements/build.txt requirements/dev.txt; } | sha256sum; }
project_stamp() { cat pyproject.toml harden/__init__.py | sha256sum; }

is_stamped() { [ -f ".venv/$1.stamp" ] && [ "$(cat ".venv/$1.stamp")" = "$2" ]; }

pip_install() { quietly .venv/bin/python -m pip install -q --no-input --disable-pip-version-check "$@"; }

# A .venv whose Python was upgraded away under it no longer starts, or no longer finds its packages.
environment_is_built() { is_stamped pins "$(pins_stamp)" && .venv/bin/python -c 'import pytest' 2>/dev/null; }
project_is_installed() { is_stamped project "$(project_stamp)" && [ -x .venv/bin/harden ]; }

build_environment() {
    python=$(find_python)
    [ -n "$python" ] || { say "error: no Python 3.11 or newer with venv and headers"; exit 1; }
    say "building .venv with $python: a minute or so"
    rm -rf .venv
    quietly "$python" -m venv .venv
    pip_install --require-hashes -r requirements/build.txt
    # Built with what was just pinned, not with whatever is newest today.
    pip_install --require-hashes --no-build-isolation -r requirements/dev.txt
    pins_stamp >.venv/pins.stamp
}

install_project() {
    say "installing harden into .venv"
    pip_install --no-deps --no-build-isolation -e .
    project_stamp >.venv/project.stamp
}

# What the test suite boots in a virtual machine.
kernel_is_there() { [ "$purpose" != test ] || [ -d .vm_cache ]; }

fetch_kernel() {
    if ! is_there apt-get; then
        say "warning: there is no apt-get here to fetch a kernel with: the test with a virtual machine will fail"
        return
    fi
    say "fetching a kernel for the test with a virtual machine"
    quietly scripts/fetch-vm.sh
}

# The Kubernetes that the tests start. It lies in the user's cache, so that the next checkout finds it.
cluster_is_there() {
    [ "$purpose" != test ] || [ -n "${HARDEN_TEST_KUBECONFIG:-}" ] || [ -d "$(scripts/build-cluster.sh --where)" ]
}

build_cluster() {
    say "building a Kubernetes for the tests: about four minutes, the first time"
    quietly scripts/build-cluster.sh
}

# The Ansibles that the collection is tested with, in the cache as well.
ansible_is_there() { [ "$purpose" != test ] || [ -e "$(scripts/build-ansible.sh --where)/complete" ]; }

build_ansible() {
    say "installing Ansible for the tests: a minute or two, the first time"
    quietly scripts/build-ansible.sh
}

case $purpose in
    demo | test) ;;
    *) say "error: usage: $0 demo|test"; exit 2 ;;
esac
if [ -z "$(missing_packages)" ] && environment_is_built && project_is_installed && kernel_is_there &&
    cluster_is_there && ansible_is_there; then
    exit 0
fi
if [ ! -w . ]; then
    say "error: $PWD is not set up yet, and you may not write to it"
    say "hint: its owner, or root, runs the same command once"
    exit 1
fi
exec 9>.venv.lock
flock 9 # two at once would build into each other; the second finds everything done
install_packages
environment_is_built || build_environment
project_is_installed || install_project
kernel_is_there || fetch_kernel
cluster_is_there || build_cluster
ansible_is_there || build_ansible
