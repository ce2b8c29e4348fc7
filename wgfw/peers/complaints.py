"""What to say about a line of a wg-quick file that WireGuard does not take.

Nothing here repeats a value that may be a secret: a key that is wrong is described, never shown.
"""

import re
from difflib import get_close_matches

from wgfw.peers.grammar import INTERFACE_KEYS, PEER_KEYS, QUICK_KEYS

_SPELLING = {name.lower(): name for name in INTERFACE_KEYS + PEER_KEYS + QUICK_KEYS}

_AMNEZIA = re.compile(r"(?:j(?:c|min|max|[1-3])|[sh][1-4]|i[1-5]|itime)\Z")
_TEMPLATE = re.compile(rb"\{\{|\{%|\{#|<%|\$\{|\$\(|\$[A-Za-z_]")
_WORDS = re.compile(r"[A-Za-z][A-Za-z0-9_ -]{0,29}\Z")
_MAY_BE_KEY = re.compile(r"[A-Za-z0-9+/=]{24,}")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")

AMNEZIA_HINT = (
    "Jc, Jmin, S1, H1 and the like belong to AmneziaWG, whose files harden does not read: give it a WireGuard file "
    "with the same [Peer] sections, or `peers: kernel` for a running WireGuard interface"
)
TEMPLATE_HINT = "render the template first and give harden the file that WireGuard gets"


def excerpt(text: str, limit: int = 40) -> str:
    """Text from a file, quoted for a message: on one line, printable, not longer than ``limit``.

    What may be a key, or a good part of one, is left out.
    """
    shown = "".join(c if c.isprintable() else "?" for c in _MAY_BE_KEY.sub("…", text.strip()))
    return f'"{shown[:limit]}…"' if len(shown) > limit else f'"{shown}"'


def template_marker(line: bytes) -> str | None:
    """The first ``{{``, ``{%``, ``${`` and so on."""
    found = _TEMPLATE.search(line)
    return found[0].decode() if found else None


def about_template(marker: str) -> str:
    """A line that some other program is to fill in first."""
    kind = "a shell template" if marker.startswith("$") else "a template (Jinja, Go or alike)"
    return f'this is {kind}, as its "{marker}" shows, and no WireGuard configuration yet'


def about_key(name: str, value: str) -> str:
    """A value that is no key, described without showing it (wg accepts 44 characters of base64, 32 bytes)."""
    if not value:
        return f"{name} is empty"
    if _NOT_BASE64.search(value):
        return f"{name} is a placeholder or damaged: it has characters that no key has"
    if len(value) != 44:
        return f"{name} is no key: it has {len(value)} characters, a key has 44"
    return f"{name} is no key: 44 characters, but not the base64 of 32 bytes"


def about_prefix(name: str, text: str) -> str:
    """An element of AllowedIPs or Address that is no address."""
    if not text:
        return f"{name} has an empty element: a comma too many"
    return f"{name}: {excerpt(text)} is no address or network (10.0.0.2/32, fd00::2/128)"


def about_unknown(name: str, has_value: bool, section: str | None) -> str:
    """A line whose key WireGuard does not know where it stands. ``section`` is None before the first one."""
    shown = name if _WORDS.match(name) else None
    if not has_value:
        return f"{excerpt(shown)} is no `Key = value` line" if shown else "this is no `Key = value` line"
    known = _SPELLING.get("".join(name.split()).lower())
    if known and section is None:
        return f"{known} stands before any section: put [Interface] or [Peer] above it"
    if known:
        home = "Peer" if known in PEER_KEYS else "Interface"
        return f"{known} belongs under [{home}]" + (" (written without blanks)" if home == section else "")
    if shown is None:
        return "unknown key"
    if _AMNEZIA.match(shown.strip().lower()):
        return f"{excerpt(shown)} is a setting of AmneziaWG, not of WireGuard"
    near = get_close_matches(shown.strip().lower(), _SPELLING, n=1)
    return f"unknown key {excerpt(shown)}" + (f'; did you mean "{_SPELLING[near[0]]}"?' if near else "")


def is_amnezia(name: str) -> bool:
    """Whether only AmneziaWG has a key of this name."""
    return _AMNEZIA.match(name.strip().lower()) is not None
