"""A program that keeps to the protocol of ``command``, as small and fast as it can be."""

from pathlib import Path

# In sh with nothing but what is built in, for speed: it starts a thousand times. The good values are lines of a file.
_GOOD = """#!/bin/sh
store=STORE
read -r question
operation=${question#*'"operation": "'}
operation=${operation%%'"'*}

value() {
    part=${question##*'"'"$1"'": {"value": {"base64": "'}
    [ "$part" = "$question" ] || printf '%s' "${part%%'"'*}"
}
old=$(value old)
new=$(value new)

holds() {
    while read -r line; do
        if [ "$line" = "$1" ]; then return 0; fi
    done
    return 1
}
good() { holds "$1" <"$store"; }
put() { good "$1" || echo "$1" >>"$store"; }
drop() {
    : >"$store.new"
    while read -r line; do [ "$line" = "$1" ] || echo "$line" >>"$store.new"; done <"$store"
    mv "$store.new" "$store"
}

known="install prove retire prove-refused withdraw"
do_install() { put "$new"; }
do_prove() { good "$new"; }
do_retire() { drop "$old"; }
do_prove_refused() { ! good "$old"; }
do_withdraw() { drop "$new"; }
"""
_ASK = """
case " $known " in *" $operation "*) ;; *) exit 64 ;; esac
case $operation in prove-refused) do_prove_refused ;; *) "do_$operation" ;; esac
"""


def kept_in_a_file(folder: Path, *changes: str) -> Path:
    """The program, with these lines put into it; the good values are lines of ``folder/store``, as base64."""
    path, store = folder / "program", folder / "store"
    store.touch()
    path.write_text(_GOOD.replace("STORE", str(store)) + "\n".join(changes) + _ASK)
    path.chmod(0o755)
    return path
