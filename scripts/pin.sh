#!/bin/sh
# Writes the exact pins, with hashes, from pyproject.toml and requirements/*.in. Needs uv. The options keep the
# address of whatever index is configured out of the files.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

compile() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command scripts/pin.sh "$@"
}

compile "$@" requirements/build.in -o requirements/build.txt
compile "$@" pyproject.toml -c requirements/build.txt -o requirements/run.txt
compile "$@" pyproject.toml requirements/dev.in --extra legacy --extra vault --extra databases \
    -c requirements/build.txt -c requirements/run.txt -o requirements/dev.txt
# What runs the collection stands apart from harden's own environment: one Ansible each.
for edition in oldest newest; do
    compile "$@" "requirements/ansible-$edition.in" -o "requirements/ansible-$edition.txt"
done
