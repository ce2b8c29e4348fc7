"""Passwords in addresses: ``postgres://user:password@host/base`` (RFC 3986, 3.2.1)."""

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from harden_secrets.confidential import Confidential
from harden_secrets.detect import quiet
from harden_secrets.detect.filekind import is_binary, is_code, is_illustration
from harden_secrets.detect.settings import OF_SECRET
from harden_secrets.detect.tokens.form import compiled
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_ADDRESS = (
    rb"(?<![A-Za-z0-9+.-])(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{1,24})://(?P<user>[^\s:/@\"'<>{}$()\\]{0,80}):"
    rb"(?P<password>[^\s/@\"'<>{}$()\\`]{3,200})@(?P<host>[A-Za-z0-9\[_.$\{][A-Za-z0-9._:\[\]-]{0,120})"
)
_NOWHERE = re.compile(
    r"(?i)(?:^|\.)example(?:\.(?:com|org|net|test))?(?::|$)|^(?:host|hostname|server|address|ip|domain|url|foo|bar)(?::|$)"
    r"|\.(?:test|invalid|example)(?::|$)"
)
_LOCAL = re.compile(r"^(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0)(?::|$)")


def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """Literal passwords that are more than a dummy; in program text and prose only ones that nobody would think up."""
    if b"://" not in content:
        return
    strict = is_code(surroundings.file) or is_illustration(surroundings.file) or is_binary(content)
    for match in compiled(_ADDRESS).finditer(content):
        host, user = (match[name].decode("latin-1") for name in ("host", "user"))
        password = unquote_to_bytes(match["password"])
        text = password.decode("latin-1")
        if _NOWHERE.search(host) or quiet.is_quiet(text) or quiet.is_weak(text, user):
            continue
        if (strict or _LOCAL.search(host)) and not quiet.is_strong(text):
            continue
        scheme = match["scheme"].decode().lower()
        yield Detection(Material.PASSWORD, Confidential(password), *match.span("password"), f"in a {scheme} address")


DETECTOR = Detector(
    "address-password",
    (
        Signature(
            rb"[a-zA-Z0-9+.-]{2,24}://[^\s:/@\"'<>{}$()\\]{0,80}:[^\s/@\"'<>{}$()\\`]{3,200}@[A-Za-z0-9]",
            literal=False,
            encoded=False,
        ),
        OF_SECRET,
    ),
    detect,
)
