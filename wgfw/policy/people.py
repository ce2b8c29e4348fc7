"""The sections ``profiles`` and ``clients``."""

import base64
import binascii

from harden.document.shape import Fields, Shape
from harden.document.wording import did_you_mean, quote
from harden.document.yamltree import Node, Scalar
from wgfw.policy.document import ClientEntry, Profile
from wgfw.policy.entries import LISTS, read_rules
from wgfw.policy.interfaces import check_profile, read_profile_name
from wgfw.policy.names import profile_fault
from wgfw.policy.terms import Terms

PROFILE_KEYS = ("description", *LISTS)
CLIENT_KEYS = ("profile", "profiles", "public_key", *LISTS, "mode", "description")
MODES = ("enforce",)


def read_profiles(shape: Shape, node: Node, terms: Terms) -> dict[str, Profile]:
    """The ``profiles`` section."""
    profiles: dict[str, Profile] = {}
    for name, (key, value) in shape.pairs(node, '"profiles"').items():
        if fault := profile_fault(name):
            shape.problems.add(key.line, fault)
        fields = _filled(shape, key, value, f"profile {quote(name)}", PROFILE_KEYS)
        description = read_description(shape, fields)
        profiles[name] = Profile(name, description, read_rules(shape, fields, terms), shape.place(value, key), False)
    return profiles


def read_shipped(shape: Shape, node: Node, name: str, terms: Terms) -> Profile:
    """A profile that is a file of its own."""
    fields = shape.fields(node, f"profile {quote(name)}", PROFILE_KEYS)
    return Profile(name, read_description(shape, fields), read_rules(shape, fields, terms), shape.place(node), True)


def read_clients(shape: Shape, node: Node, terms: Terms) -> tuple[ClientEntry, ...]:
    """The ``clients`` section, in file order."""
    pairs = shape.pairs(node, '"clients"')
    return tuple(_read_client(shape, name, key, value, terms) for name, (key, value) in pairs.items())


def _read_client(shape: Shape, name: str, key: Scalar, value: Node, terms: Terms) -> ClientEntry:
    fields = _filled(shape, key, value, f"client {quote(name)}", CLIENT_KEYS)
    read_description(shape, fields)
    if "mode" in fields:
        check_mode(shape, fields["mode"][1])
    public_key = _read_public_key(shape, fields["public_key"][1]) if "public_key" in fields else None
    profiles = _read_client_profiles(shape, fields, terms)
    rules = read_rules(shape, fields, terms)
    return ClientEntry(name, public_key, profiles, rules, shape.place(value, key))


def _filled(shape: Shape, key: Scalar, value: Node, what: str, known: tuple[str, ...]) -> Fields:
    """The fields of a profile or a client; one with nothing at all is more likely a slip than a wish."""
    if isinstance(value, Scalar) and value.kind == "null":
        shape.problems.add(key.line, f"{what} is empty: write {{}} if nothing is to be allowed")
        return {}
    return shape.fields(value, what, known)


def read_description(shape: Shape, fields: Fields) -> str:
    """The ``description``, on one line; empty where there is none."""
    if "description" not in fields:
        return ""
    return " ".join((shape.string(fields["description"][1], '"description"') or "").split())


def _read_client_profiles(shape: Shape, fields: Fields, terms: Terms) -> tuple[str, ...]:
    if "profile" in fields and "profiles" in fields:
        line = max(fields["profile"][0].line, fields["profiles"][0].line)
        shape.problems.add(line, '"profile" and "profiles" exclude each other: list them all in "profiles"')
        return ()
    if "profile" in fields:
        name = read_profile_name(shape, fields["profile"], terms.profiles)
        return (name,) if name is not None else ()
    if "profiles" not in fields:
        return ()
    names: dict[str, None] = {}
    for name, item in shape.strings(fields["profiles"][1], '"profiles"'):
        check_profile(shape, name, item.line, terms.profiles)
        names[name] = None
    return tuple(names)


def _read_public_key(shape: Shape, node: Node) -> str | None:
    text = shape.string(node, '"public_key"')
    if text is None:
        return None
    try:
        sound = len(text) == 44 and base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
    except (binascii.Error, ValueError):
        sound = False
    if not sound:
        shape.problems.add(node.line, '"public_key" is no WireGuard key: 32 bytes in base64, 44 characters')
        return None
    return text


def check_mode(shape: Shape, node: Node) -> None:
    """Note a problem for every ``mode`` but ``enforce``."""
    mode = shape.string(node, '"mode"')
    if mode == "audit":
        shape.problems.add(node.line, 'mode "audit" is not supported in this release, only "enforce"')
    elif mode is not None and mode != "enforce":
        shape.problems.add(node.line, f"unknown mode {quote(mode)}{did_you_mean(mode, MODES) or '; known: enforce'}")
