"""Registry credentials in the files of Docker, Podman and the kubelet: ``config.json``, ``.dockercfg``, ``auth.json``.

Source: the Docker CLI's `cli/config/types.AuthConfig`.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect import quiet
from harden_secrets.detect.filekind import is_binary, is_code
from harden_secrets.detect.tokens.form import compiled
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_QUOTE = rb"\\{0,7}\""
_AUTH = (
    _QUOTE + rb"auth" + _QUOTE + rb"\s{0,8}:\s{0,8}" + _QUOTE + rb"(?P<value>[A-Za-z0-9+/_-]{6,8000}={0,2})" + _QUOTE
)
_OTHER = (
    _QUOTE + rb"(?P<name>identitytoken|registrytoken|password)" + _QUOTE + rb"\s{0,8}:\s{0,8}" + _QUOTE
    + rb"(?P<value>[^\s\"\\]{4,8000})" + _QUOTE
)  # fmt: skip
_FILES = (".dockercfg", ".dockerconfigjson", "dockerconfigjson", "config.json", "auth.json")
_TYPES = ("kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg")


def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """``auth`` entries that decode to a user and a password, tokens, and passwords that no ``auth`` repeats."""
    if not _is_docker(content, surroundings):
        return
    seen: set[bytes] = set()
    for match in compiled(_AUTH).finditer(content):
        login = _login(match["value"])
        if login is not None:
            seen.add(login.partition(b":")[2])
            yield Detection(Material.DOCKER_CONFIG, Confidential(login), *match.span("value"), "user and password")
    if is_code(surroundings.file) or is_binary(content):
        return
    for match in compiled(_OTHER).finditer(content):
        value = match["value"]
        if value not in seen and not quiet.is_quiet(value.decode("latin-1")):
            name = match["name"].decode()
            yield Detection(Material.DOCKER_CONFIG, Confidential(value), *match.span("value"), name)


def _is_docker(content: bytes, surroundings: Surroundings) -> bool:
    if b"auth" not in content and b"password" not in content:
        return False
    named = surroundings.name.endswith(_FILES) or surroundings.secret_type in _TYPES
    in_docker_file = surroundings.file.endswith((".dockercfg", ".docker/config.json", "auth.json"))
    return re.search(rb'auths\\{0,7}"', content) is not None or named or in_docker_file


def _login(value: bytes) -> bytes | None:
    """User and password, if the text is base64 of both and the password is no placeholder."""
    try:
        text = base64.b64decode(
            value + b"=" * (-len(value) % 4), altchars=b"-_" if b"-" in value or b"_" in value else None
        )
    except binascii.Error:
        return None
    text = text.strip(b"\0\n")
    user, colon, password = text.partition(b":")
    if not (user and colon and password and text.isascii() and text.decode().isprintable()):
        return None
    return None if quiet.is_quiet(password.decode()) or quiet.is_weak(password.decode(), user.decode()) else text


DETECTOR = Detector(
    "docker-config",
    (
        Signature(b'"auths"'),
        Signature(b"dockerconfigjson"),
        Signature(b"dockercfg"),
        Signature(rb"auths\\{1,7}\"", literal=False, encoded=False),
    ),
    detect,
)
