#!/bin/sh
# Builds what the collection in ansible/ is tested with: the oldest and the newest ansible-core that it supports, each
# in a virtual environment of its own (oldest/bin, newest/bin), and beside them in home/ what `ansible-test sanity`
# would otherwise fetch while it runs. Prints the folder that holds all of it; what it does, it says on stderr.
#
#   scripts/build-ansible.sh            builds what is not there yet
#   scripts/build-ansible.sh --where    only prints the folder; it is whole if it has a file `complete`
#
# The folder lies outside the checkout, and its name tells what was built: $HARDEN_TEST_CACHE, or the user's cache.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

say() { printf 'build-ansible: %s\n' "$*" >&2; }

python=.venv/bin/python
[ -x "$python" ] || python=python3

# What is built depends on these, and on nothing else. A virtual environment belongs to one Python.
fingerprint() {
    {
        cat requirements/ansible-oldest.txt requirements/ansible-newest.txt scripts/build-ansible.sh
        "$python" -c 'import sys; print(sys.version, sys.base_prefix)'
    } | sha256sum | cut -c 1-16
}

cache=${HARDEN_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/harden-test}
built=$cache/ansible-$(fingerprint)

build_edition() {
    say "installing the $1 ansible-core"
    "$python" -m venv "$built/$1" >&2
    "$built/$1/bin/python" -m pip install -q --no-input --disable-pip-version-check --require-hashes \
        -r "requirements/ansible-$1.txt" >&2
}

# ansible-test makes environments for its tests under $HOME/.ansible when it first needs them, and would load a script
# that installs pip into them. What Python itself brings for that does as well, and lies where that script would.
lend_pip() {
    mkdir -p "$built/home/.ansible/test/cache"
    version=$("$built/newest/bin/python" - <<'END'
import sys
from ansible_test._internal.host_configs import NativePythonConfig
from ansible_test._internal.python_requirements import get_venv_packages

version = f"{sys.version_info.major}.{sys.version_info.minor}"
print(get_venv_packages(NativePythonConfig(version=version, path=sys.executable))["pip"].replace(".", "_"))
END
    )
    printf 'import ensurepip\n\nensurepip.bootstrap()\n' >"$built/home/.ansible/test/cache/get_pip_$version.py"
}

# It runs in the folder of a collection only; one with nothing in it will do.
prepare_sanity() {
    say "preparing ansible-test"
    lend_pip
    collection=$built/ansible_collections/harden/nothing
    mkdir -p "$collection"
    printf 'namespace: harden\nname: nothing\nversion: 0.0.0\nreadme: README.md\nauthors: [nobody]\n' \
        >"$collection/galaxy.yml"
    version=$("$built/newest/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    (
        cd "$collection"
        HOME=$built/home PATH=$built/newest/bin:$PATH LC_ALL=C.UTF-8 \
            ansible-test sanity --prime-venvs --requirements --python "$version" --color no >&2
    )
    rm -rf "$built/ansible_collections"
}

build_all() {
    build_edition oldest
    build_edition newest
    prepare_sanity
}

case ${1:-} in
    '') ;;
    --where) printf '%s\n' "$built"; exit 0 ;;
    *) say "error: usage: $0 [--where]"; exit 2 ;;
esac
if [ ! -e "$built/complete" ]; then
    mkdir -p "$cache"
    exec 9>"$cache/ansible.lock"
    flock 9 # a second build waits here, and then finds everything done
    if [ ! -e "$built/complete" ]; then
        say "building Ansible for the tests into $built: a minute or two, the first time"
        rm -rf "$built" # of a build that was killed
        trap '[ -e "$built/complete" ] || rm -rf "$built"' EXIT
        trap 'exit 130' INT TERM
        build_all
        : >"$built/complete"
    fi
fi
printf '%s\n' "$built"
