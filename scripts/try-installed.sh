#!/bin/sh
# Tries an installed harden from a folder that has none of its sources: scripts/try-installed.sh PATH/TO/harden
# It must know its version, find the profiles that come with it, judge a policy, and know a key when it sees one.
set -eu
harden=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >wg0.conf <<'END'
[Interface]
Address = 10.8.0.1/24, fd00:8::1/64

[Peer]
# Name = anca
PublicKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
AllowedIPs = 10.8.0.2/32, fd00:8::2/128
END
cat >policy.yaml <<'END'
version: 1
interface: wg0
peers: wg0.conf
clients:
  anca: {profile: internet-only}
tests:
  - {from: anca, to: 9.9.9.9, service: tcp/443, expect: allow}
  - {from: anca, to: 192.168.1.10, service: tcp/445, expect: deny}
END

"$harden" --version
"$harden" wg check --policy policy.yaml
"$harden" wg render --policy policy.yaml --family 4 >rules.v4
grep -q '^\*filter' rules.v4

key=$(head -c 32 /dev/urandom | base64)
printf '[Interface]\nPrivateKey = %s\n' "$key" >wg1.conf
status=0
"$harden" secrets scan --state state wg1.conf >found 2>&1 || status=$?
cat found
[ "$status" -eq 3 ] # there are findings
grep -q wireguard-private-key found
! grep -qF -e "$key" found || { echo 'it shows the key'; exit 1; }
"$harden" secrets scan --state state policy.yaml
"$harden" secrets log verify --state state
"$harden" secrets schema >schema.json
"$harden" vault --help >help
grep -q 'OpenBao' help
echo 'the installed harden works'
