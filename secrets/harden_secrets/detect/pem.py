"""Private keys in PEM (RFC 7468), whatever the label: the structure inside says what it is.

Also what OpenSSH puts between such lines, and the older encryption of PEM (RFC 1421: ``Proc-Type: 4,ENCRYPTED``).
"""

import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect.armour import Armour, armours, base64_text
from harden_secrets.detect.openssh import MAGIC, openssh_key
from harden_secrets.detect.privatekey import private_key
from harden_secrets.detect.recognised import Recognised
from harden_secrets.detect.surroundings import pair_material
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_BEGIN = re.compile(rb"-----BEGIN ((?:[A-Z0-9][A-Z0-9 -]{0,31} )?PRIVATE KEY)-----")
# The cipher tells how long its initialisation vector is, which matters where the ends of lines are lost.
_ENCRYPTED = re.compile(
    rb"\s*Proc-Type:\s*4,\s*ENCRYPTED\s*DEK-Info:\s*"
    rb"((?:AES|CAMELLIA|ARIA|SEED|SM4)[A-Z0-9-]*,[0-9A-Fa-f]{32}|[A-Z0-9][A-Z0-9-]*,[0-9A-Fa-f]{16})"
)
_HEADERS = re.compile(rb"\s*(?:[A-Za-z][A-Za-z0-9-]{1,30}:[^\n]*\n){1,20}+\s*\n")  # RFC 1421 has a dozen
_SHORTEST = 16
_SHORTEST_CIPHERTEXT = 64


def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """Every private key between lines of dashes; what does not parse as one (a placeholder, a template) is none."""
    for armour in armours(content, _BEGIN):
        found = _inside(armour)
        if found is not None:
            openssh = armour.label == "OPENSSH PRIVATE KEY"
            material = Material.SSH_PRIVATE_KEY if openssh else pair_material(surroundings)
            yield found.detection(material, armour.start, armour.end)


def _inside(armour: Armour) -> Recognised | None:
    text = armour.text()
    encrypted = _ENCRYPTED.match(text)
    if encrypted is not None:
        return _legacy(armour, encrypted[1], text[encrypted.end() :])
    headers = _HEADERS.match(text)
    data, _whole = base64_text(text[headers.end() :] if headers else text)
    if len(data) < _SHORTEST:
        return None
    return openssh_key(data) if data.startswith(MAGIC) else private_key(data)


def _legacy(armour: Armour, encryption: bytes, text: bytes) -> Recognised | None:
    """Whole blocks of ciphertext, which is all that can be known without the passphrase."""
    data, whole = base64_text(text)
    block = 16 if len(encryption.partition(b",")[2]) == 32 else 8
    if not armour.closed or not whole or len(data) < _SHORTEST_CIPHERTEXT or len(data) % block:
        return None
    kind = armour.label.removesuffix(" PRIVATE KEY").lower()
    return Recognised(Confidential(encryption.upper() + b"\n" + data), f"{kind}, encrypted", protected=True)


DETECTOR = Detector("pem", (Signature(b"PRIVATE KEY-----"),), detect)
