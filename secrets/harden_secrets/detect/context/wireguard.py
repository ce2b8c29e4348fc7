"""WireGuard's keys. 32 random bytes alone are none: what stands around them must say so, or the public half beside it.

Sources: wg(8), wg-quick(8), systemd.netdev(5), netplan's `tunnels`, nm-settings(5), the images that take keys from
their environment.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect import pair
from harden_secrets.detect.settings import MARKS, OF_SECRET
from harden_secrets.detect.siblings import sibling_texts
from harden_secrets.detect.tokens.form import compiled
from harden_secrets.material import PAIR, Detection, Detector, Material, Signature, Surroundings

_KEY = rb"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="  # 32 bytes leave two bits of the last character unused
_BARE = rb"(?<![A-Za-z0-9+/])(?P<key>" + _KEY + rb")(?![A-Za-z0-9+/=])"
_QUOTE = rb"\\?[\"']?"
_IS = _QUOTE + rb"[ \t]{0,12}[:=]>?[ \t]{0,12}" + _QUOTE
# Names that only WireGuard's own files have, and names that others have too.
_OWN = (
    rb"(?<![A-Za-z])(?:(?i:private[_-]?key)|(?P<shared>(?i:pre-?shared[_-]?key)))(?:" + _IS
    + rb"|[ \t]{1,12}[\"']?)" + _BARE  # `private-key "…"` of VyOS, `option private_key '…'` of OpenWrt
)  # fmt: skip
_ENVIRONMENT = (
    rb"(?i:(?:wg|wireguard)[A-Za-z0-9_.-]{0,24}(?:(?:private|priv)|(?P<shared>pre-?shared|psk))[A-Za-z_.-]{0,8})"
    + _IS + _BARE
)  # fmt: skip
_COMMAND = rb"(?P<kind>private-key|preshared-key)\s+<\(\s*(?:echo|printf)\s+(?:-n\s+|'?%s(?:\\n)?'?\s+)?[\"']?" + _BARE
_PIPED = (
    rb"(?:echo|printf)\s+(?:-n\s+|[\"']%s(?:\\n)?[\"']\s+)?[\"']?" + _BARE
    + rb"[\"']?\s*(?:\|\s*(?:sudo\s+)?wg\s+set\s[^\n|;]{0,200}?(?P<kind>private-key|preshared-key)"
    + rb"|>\s*[^\s;|]{0,100}?(?P<file>private|psk|preshared|wg[^\s;|]{0,40}\.key))"
)  # fmt: skip
_NETPLAN = rb"(?m)^\s*(?:-\s+)?(?:(?P<shared>shared)|private|key)\s*:\s*[\"']?" + _BARE
_TALKS_OF_WIREGUARD = rb"(?i)wireguard|wg-quick|\bwg\d{1,3}\b|\bwg (?:set|show|genkey|pubkey)\b|AllowedIPs|allowed-ips"
_IMAGES = re.compile(r"(?i)wireguard|gluetun|wg-easy|wg-portal|wgui|boringtun|netbird|subspace|firezone|vpn")
_HINT = rb"(?i)private|shared|psk|wireguard|\bwg"
_DNSSEC = b"Private-key-format: v1"  # a `PrivateKey:` of something else
_MOST_CANDIDATES = 64  # keys of one text that are tried for a public half beside them


def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """Private and preshared keys in files, scripts, environments and fields, as WireGuard's tools have them."""
    yield from _field(content, surroundings)
    if _DNSSEC in content or not compiled(_HINT).search(content) or not compiled(_BARE).search(content):
        return
    ours = _about_wireguard(content, surroundings)
    for match in compiled(_OWN).finditer(content):
        # `preSharedKey` of that form is WireGuard's; a `privateKey` beside its public half (as in wg-easy's file), too.
        if ours or match["shared"] or _has_own_spelling(match[0]) or _public_text(match["key"]) in content:
            yield from _detection(match["key"], match.start("key"), shared=match["shared"] is not None)
    for match in compiled(_ENVIRONMENT).finditer(content):
        yield from _detection(match["key"], match.start("key"), shared=match["shared"] is not None)
    for pattern in (_COMMAND, _PIPED):
        for match in compiled(pattern).finditer(content):
            kind = match["kind"] or match.groupdict().get("file") or b""
            yield from _detection(match["key"], match.start("key"), shared=kind.startswith((b"pre", b"psk")))
    if b"wireguard" in content:
        for match in compiled(_NETPLAN).finditer(content):
            yield from _detection(match["key"], match.start("key"), shared=match["shared"] is not None)
    if ours:
        yield from _proved(content)


def _has_own_spelling(text: bytes) -> bool:
    """``PrivateKey = `` of wg-quick and networkd, ``private-key=`` of NetworkManager; others write ``privateKey:``."""
    return re.match(rb"(?:PrivateKey|PresharedKey|PreSharedKey|preshared-key|private-key)\s*=", text) is not None


def _about_wireguard(content: bytes, surroundings: Surroundings) -> bool:
    named = f"{surroundings.file} {surroundings.name} {' '.join(surroundings.siblings)}"
    return (
        re.search(r"(?i)wireguard|\bwg(?:\d|[_.-])|\bwg\b|AllowedIPs|allowed_?ips", named) is not None
        or _IMAGES.search(surroundings.image) is not None
        or compiled(_TALKS_OF_WIREGUARD).search(content) is not None
    )


def _field(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    text = content.strip()
    if not compiled(_KEY).fullmatch(text) or "Private-key-format" in surroundings.siblings:
        return
    start = content.index(text)
    name = re.sub(r"[^a-z]", "", surroundings.name.lower())
    shared = name.endswith(("presharedkey", "psk", "preshared", "sharedkey"))
    private = name.endswith(("privatekey", "private", "privkey", "wgkey"))
    spelt = surroundings.name in {"PrivateKey", "PresharedKey", "PreSharedKey"}
    if (shared or private) and (spelt or _about_wireguard(b"", surroundings) or _public_beside(text, surroundings)):
        yield from _detection(text, start, shared=shared)
    elif not private and not shared and _public_beside(text, surroundings):
        yield from _detection(text, start, shared=False)


def _public_beside(text: bytes, surroundings: Surroundings) -> bool:
    keys = [value.strip() for _, value in sibling_texts(surroundings) if compiled(_KEY).fullmatch(value.strip())]
    return bool(keys) and _public_text(text) in keys


def _proved(content: bytes) -> Iterator[Detection]:
    """Keys whose public half stands in the same text, whatever they are called."""
    keys = [(match["key"], match.start("key")) for match in compiled(_BARE).finditer(content)]
    if not 1 < len(keys) <= _MOST_CANDIDATES:
        return
    known = {text for text, _ in keys}
    for text, start in keys:
        if _public_text(text) in known - {text}:
            yield from _detection(text, start, shared=False)


def _public_text(text: bytes) -> bytes:
    found = pair.edwards("x25519", base64.b64decode(text))
    return base64.b64encode(found.public[-32:]) if found else b"no key"


def _detection(text: bytes, start: int, *, shared: bool) -> Iterator[Detection]:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        return
    end = start + len(text)
    if len(set(key)) < 8 or key.isascii():  # zeros, or the words of an example
        return
    if shared:
        yield Detection(Material.WIREGUARD_PRESHARED_KEY, Confidential(key), start, end)
        return
    found = pair.edwards("x25519", key)
    if found is not None:
        material = Material.WIREGUARD_PRIVATE_KEY
        yield Detection(material, Confidential(found.public), start, end, public=found.public, family=PAIR)


_NAMED = (
    rb"(?:private|preshared|pre-shared|shared|psk)[_.-]?(?:key)?"
    + MARKS
    + rb"(?:\s{0,12}[:=]\s{0,12}|[ \t]{1,12})"
    + MARKS
    + _KEY
)

DETECTOR = Detector(
    "wireguard",
    (
        Signature(_NAMED, literal=False, encoded=False, ignore_case=True),
        Signature(rb"(?:echo|printf) {1,4}[^\n]{0,8}" + _KEY, literal=False, encoded=False),
        Signature(rb"key: {0,4}" + MARKS + _KEY, literal=False, encoded=False),
        Signature(b"PrivateKey = ", plain=False),
        Signature(b"PresharedKey = ", plain=False),
        Signature(b"[Interface]"),
        Signature(b"[WireGuard]"),
        Signature(b"reSharedKey", plain=False),
        Signature(b"WIREGUARD_PRIVATE_KEY"),
        Signature(b"mode: wireguard"),
        OF_SECRET,
    ),
    detect,
)
