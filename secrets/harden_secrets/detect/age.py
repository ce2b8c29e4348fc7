"""Identities of age (its README and the file ``plugin/client.go``): Bech32 with a checksum, so nothing is guessed."""

import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect import pair
from harden_secrets.detect.bech32 import decode
from harden_secrets.detect.recognised import Recognised
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_IDENTITY = re.compile(
    rb"(?<![A-Z0-9-])AGE-(?:SECRET-KEY|PLUGIN)-(?:[A-Z0-9+.]+-){0,8}1[02-9AC-HJ-NP-Z]{6,1024}(?![A-Z0-9])"
)
_RECIPIENT = re.compile(rb"(?<![a-z0-9])age1[02-9ac-hj-np-z]{58}(?![a-z0-9])")
_NATIVE = "age-secret-key-"
_PLUGIN = "age-plugin-"
# These name a key on a device that does not give it away.
_ON_DEVICE = frozenset(("yubikey", "se", "tpm", "tkey", "fido2-hmac", "fido2prf", "trezor", "ledger", "openpgp-card"))


def detect(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
    """Identities, native ones and those of plugins. A recipient is public; an encrypted identity file is a message."""
    for match in _IDENTITY.finditer(content):
        found = _identity(match[0].decode())
        if found is not None:
            yield found.detection(Material.AGE_IDENTITY, match.start(), match.end())


def _identity(text: str) -> Recognised | None:
    decoded = decode(text)
    if decoded is None:
        return None
    prefix, secret = decoded
    if prefix == _NATIVE:
        found = pair.edwards("x25519", secret)
        return Recognised.of_pair(found) if found is not None else None
    if prefix.startswith(_NATIVE):
        kind = prefix.removeprefix(_NATIVE).rstrip("-")
        return Recognised(Confidential(prefix.encode() + secret), kind) if len(secret) >= 16 else None
    plugin = prefix.removeprefix(_PLUGIN).rstrip("-")
    description = f"for the plugin {plugin}"
    return Recognised(Confidential(prefix.encode() + secret), description, protected=plugin in _ON_DEVICE)


def recipients(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Public halves: (DER SubjectPublicKeyInfo, start, end) of each native recipient."""
    for match in _RECIPIENT.finditer(content) if b"age1" in content else ():
        decoded = decode(match[0].decode())
        if decoded is not None and len(decoded[1]) == 32:
            yield pair.edwards_public("x25519", decoded[1]), match.start(), match.end()


DETECTOR = Detector(
    "age",
    (
        Signature(b"AGE-SECRET-KEY-"),
        Signature(b"AGE-PLUGIN-"),
    ),
    detect,
)
