"""Private keys of DNS zones in the files of BIND: ``Kexample.org.+013+12345.private``.

Sources: RFC 8624 for the numbers of algorithms, BIND's lib/dns/dst_parse.c for the fields.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from harden_secrets.detect import pair
from harden_secrets.detect.pair import Pair
from harden_secrets.detect.recognised import Recognised
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_FILE = re.compile(
    rb"Private-key-format: v1\.[0-9][ \t]*\r?\n(?P<fields>(?:[ \t]*[A-Za-z][A-Za-z0-9]{1,20}:[^\n]{0,4000}\n?){1,20})"
)
_FIELD = re.compile(rb"([A-Za-z][A-Za-z0-9]{1,20}):[ \t]*([^\s(]{1,4000})")
_EC = {13: "1.2.840.10045.3.1.7", 14: "1.3.132.0.34"}
_EDWARDS = {15: "ed25519", 16: "ed448"}
_RSA = {1, 5, 7, 8, 10}


def detect(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
    """Every such key that is one."""
    for match in _FILE.finditer(content):
        found = _pair(dict(_FIELD.findall(match["fields"])))
        if found is not None:
            recognised = Recognised.of_pair(found).called(f"{found.description}, of a DNS zone")
            yield recognised.detection(Material.TLS_PRIVATE_KEY, match.start(), match.end())


def _pair(fields: dict[bytes, bytes]) -> Pair | None:
    number = int(fields.get(b"Algorithm", b"0")) if fields.get(b"Algorithm", b"").isdigit() else 0
    private = _octets(fields, b"PrivateKey")
    if number in _EC and private:
        return pair.ec(_EC[number], private)
    if number in _EDWARDS and private:
        return pair.edwards(_EDWARDS[number], private)
    if number in _RSA:
        names = (b"Modulus", b"PublicExponent", b"PrivateExponent", b"Prime1", b"Prime2")
        n, e, d, p, q = (int.from_bytes(_octets(fields, name), "big") for name in names)
        return pair.rsa(n, e, d, (p, q))
    return None


def _octets(fields: dict[bytes, bytes], name: bytes) -> bytes:
    try:
        return base64.b64decode(fields.get(name, b""), validate=True)
    except binascii.Error:
        return b""


DETECTOR = Detector("dnssec", (Signature(b"Private-key-format: v1"),), detect)
