"""Names and other single texts of an inventory: what is wrong with one, in words, or None."""

import base64
import binascii
import re
from urllib.parse import urlsplit

from harden.document.wording import quote

_SECRET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}\Z")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")  # RFC 1123
# Its parts have no limit of their own, other than a host's: apimachinery, IsDNS1123Subdomain
_OBJECT = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*\Z")
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}\Z")  # of a Secret or ConfigMap: apimachinery, IsConfigMapKey
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_-]{0,252}\Z")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,253})\Z|\[?[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?\]?\Z")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,255}\Z")
_MODE = re.compile(r"0?[0-7]{3}\Z")
_INTERFACE = re.compile(r"(?!-)[A-Za-z0-9_=+.-]{1,15}\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,255}\Z")


def name_fault(text: str) -> str | None:
    """A secret's name in the inventory, which one types at the command line."""
    if _SECRET_NAME.match(text):
        return None
    return f"bad name {quote(text)}: a secret's name is letters, digits, dots, dashes and underscores"


def namespace_fault(text: str) -> str | None:
    """A namespace of Kubernetes."""
    return None if _LABEL.match(text) else f"{quote(text)} can be no namespace: lower case letters, digits and dashes"


def object_fault(text: str) -> str | None:
    """The name of a Secret or another object (RFC 1123 subdomain)."""
    if _OBJECT.match(text):
        return None
    return f"{quote(text)} can be no object's name: lower case letters, digits, dashes and dots"


def key_fault(text: str) -> str | None:
    """A key of a Secret."""
    if _KEY.match(text) and text not in (".", "..") and not text.startswith(".."):
        return None
    return f"{quote(text)} can be no key of a Secret: letters, digits, dots, dashes and underscores"


def type_fault(text: str) -> str | None:
    """A Secret's type."""
    return None if _TYPE.match(text) else f"{quote(text)} can be no type of a Secret"


def host_fault(text: str) -> str | None:
    """A host's name or address, never something that ssh would take for an option."""
    return None if _HOST.match(text) else f"{quote(text)} is no host's name or address"


def user_fault(text: str) -> str | None:
    """A user's or group's name."""
    return None if _USER.match(text) else f"{quote(text)} is no user's or group's name"


def interface_fault(text: str) -> str | None:
    """A network interface."""
    return None if _INTERFACE.match(text) else f"{quote(text)} is no interface's name"


def variable_fault(text: str) -> str | None:
    """An environment variable."""
    return None if _VARIABLE.match(text) else f"{quote(text)} is no environment variable's name"


def mode_of(text: str) -> int:
    """File permissions in octal. Raises ValueError."""
    if not _MODE.match(text):
        raise ValueError(f'bad mode {quote(text)}: write it in octal, as "0600"')
    return int(text, 8)


def host_key_fault(text: str) -> str | None:
    """A host key as ``known_hosts`` and ``ssh-keyscan`` have it, without the host: type and base64 (RFC 4253, 6.6)."""
    kind, _, rest = text.partition(" ")
    blob = _decoded(rest.split(" ")[0])
    if blob is not None and blob[4 : 4 + len(kind)] == kind.encode() and int.from_bytes(blob[:4]) == len(kind):
        return None
    hint = "write the key of the host as /etc/ssh/ssh_host_ed25519_key.pub on it has it: ssh-ed25519 AAAA…"
    return f"{quote(text[:40])} is no host key: {hint}"


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) or None
    except (binascii.Error, ValueError):
        return None


def address_fault(text: str) -> str | None:
    """The URL of a Vault."""
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return f"{quote(text)} is no address of a Vault: write it as https://vault:8200"
    if not fine or not text.isprintable() or " " in text:
        return f"{quote(text)} is no address of a Vault: write it as https://vault:8200"
    if parts.username is not None or parts.query or parts.fragment:
        return "the address of a Vault has no user, no query and no fragment: write it as https://vault:8200"
    return None
