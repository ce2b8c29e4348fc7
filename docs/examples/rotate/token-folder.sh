#!/bin/sh
# Rotates the token of a service that takes each bearer token whose SHA-256 is the name of a file in a folder:
# old and new stand beside one another. Arguments: that folder, and a URL that wants a token. Needs jq and curl.
#
#   command: [/usr/local/lib/harden/token-folder.sh, /etc/service/tokens, "https://service.example.org/health"]
#
# A value goes from one program to the next through pipes; `printf` is part of the shell, so that none is ever an
# argument of a process.
set -eu
umask 077
folder=$1
url=$2
question=$(cat)

asked() { printf '%s' "$question" | jq -r "$1 // empty"; }
token() { asked ".$1.token.base64" | base64 -d; }
said() { jq -n --arg said "$1" '{said: $said}'; }
fail() { echo "$2" >&2; exit "$1"; }

file() { # the file of the old or new token
    [ -n "$(asked ".$1.token.base64")" ] || fail 1 "there is no $1 token"
    printf '%s/%s' "$folder" "$(token "$1" | sha256sum | cut -d ' ' -f 1)"
}

status() { # what the service answers to it
    { printf 'Authorization: Bearer '; token "$1"; } |
        curl --silent --output /dev/null --write-out '%{http_code}' --max-time 20 --header @- "$url" || true
}

case $(asked .operation) in
check)
    [ -d "$folder" ] && [ -w "$folder" ] || fail 1 "$folder is no folder that can be written to"
    ;;
install)
    new=$(file new)
    : >"$new"
    said "$(ls "$folder" | wc -l) tokens are good"
    ;;
prove)
    got=$(status new)
    [ "$got" = 200 ] || fail 1 "the service answers $got to the new token"
    said "the service answers 200"
    ;;
retire)
    old=$(file old)
    rm -f "$old"
    ;;
prove-refused)
    got=$(status old)
    case $got in
    401 | 403) said "the service answers $got" ;;
    200) fail 1 "the service takes the old token" ;;
    *) fail 75 "the service answers $got: that tells nothing of the token" ;;
    esac
    ;;
withdraw)
    new=$(file new)
    rm -f "$new"
    ;;
*)
    exit 64 # it does not have this operation: harden makes the token itself, and asks nobody who uses the old one
    ;;
esac
