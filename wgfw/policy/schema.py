"""The shape of the policy file as a JSON Schema (draft 2020-12), for editors.

The loader is the authority: it also knows which names exist and says what is wrong in words. What the loader
takes, the schema takes too.
"""

from typing import Any

from wgfw import services
from wgfw.policy.names import LONGEST
from wgfw.policy.settings import EXPECT, ON_ALLOW

Schema = dict[str, Any]

_TEXT = r"\S"
_INTERFACE = r"^(?!(any|all|default|lo|\.\.?)$)(?!-)[A-Za-z0-9_=+.-]{0,14}[A-Za-z0-9_=.-]$"
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2})?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)$"
# What is no reserved word, no prefixed name and no notation.
_PLAIN_NAME = rf"^(?!any$|gateway$|internet$)(?=.*\S)[^/:]{{1,{LONGEST}}}$"


def policy_schema() -> Schema:
    """The schema of version 1."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Policy of harden wg",
        "description": "Who may open connections to what through a WireGuard gateway, and to it.",
        "type": "object",
        "additionalProperties": False,
        "required": ["version"],
        "oneOf": [
            {"required": ["interface", "peers"], "not": {"required": ["interfaces"]}},
            {"required": ["interfaces"], "not": {"anyOf": [{"required": ["interface"]}, {"required": ["peers"]}]}},
        ],
        "properties": _properties(),
        "$defs": _definitions(),
    }


def _properties() -> Schema:
    return {
        "version": {"const": 1},
        "interface": {"$ref": "#/$defs/interfaceName", "description": "The WireGuard interface, with peers."},
        "peers": {"$ref": "#/$defs/peers"},
        "interfaces": {
            "description": "Several interfaces, instead of interface and peers.",
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"$ref": "#/$defs/interfaceName"},
            "additionalProperties": _object(
                {
                    "peers": {"$ref": "#/$defs/peers"},
                    "profile": _text("The profile of this interface's peers without an entry under clients."),
                },
                required=["peers"],
            ),
        },
        "networks": _section(
            "Names for addresses; IPv4 and IPv6 may mix.",
            _one_or_more("An address or CIDR without host bits."),
            {"pattern": _PLAIN_NAME},
        ),
        "services": _section(
            "Names for ports, besides the built-in ones.",
            _one_or_more("tcp/443, udp/5000-5100, icmp/echo-request, any, or a service's name."),
            {"pattern": r"^(?!any$)[^/]+$", "maxLength": LONGEST},
        ),
        "profiles": _section(
            "Trust profiles, besides or instead of those that come with harden.",
            _object({"description": _text("For people."), **_rules()}),
            {"pattern": _TEXT, "maxLength": LONGEST},
        ),
        "clients": _section(
            "By the peer's name, as interface/name where two interfaces have it, or by any name with public_key.",
            {"$ref": "#/$defs/client"},
            {"minLength": 1},
        ),
        "defaults": {"$ref": "#/$defs/defaults"},
        "tests": {
            "description": "What must be allowed or denied; checked by harden wg check and before apply.",
            "type": ["array", "null"],
            "items": {"$ref": "#/$defs/test"},
        },
    }


def _definitions() -> Schema:
    return {
        "interfaceName": {"type": "string", "pattern": _INTERFACE},
        "peers": _text("A wg-quick file, relative to the policy's folder, or kernel for the running interface."),
        "services": {
            "description": "An empty list covers nothing.",
            "type": "array",
            "items": {
                "anyOf": [
                    {"enum": sorted(services.BUILT_IN)},
                    {"type": "string", "pattern": _TEXT},
                ]
            },
        },
        "target": _text("A network's name, an address or CIDR, client:NAME, profile:NAME, gateway, internet or any."),
        "until": {
            "description": "From this moment the entry allows nothing: 2026-12-24T18:00:00Z.",
            "type": "string",
            "pattern": _MOMENT,
        },
        "mode": {"description": "Denied packets are dropped.", "const": "enforce"},
        "client": {
            **_object(
                {
                    "profile": _text("Its only profile. An entry without one has none."),
                    "profiles": {
                        "description": "Its profiles; they add up.",
                        "type": "array",
                        "items": {"type": "string"},
                    },
                    "public_key": {
                        "description": "The peer's key; the entry's name is then the client's.",
                        "type": "string",
                        "pattern": "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$",
                    },
                    **_rules(),
                    "mode": {"$ref": "#/$defs/mode"},
                    "description": _text("For people."),
                }
            ),
            "not": {"required": ["profile", "profiles"]},
        },
        "defaults": {
            **_object(
                {
                    "profile": {**_text("For a peer without an entry under clients."), "default": "quarantine"},
                    "on_allow": {
                        "description": "accept, or return: what is allowed is still subject to the host's own rules.",
                        "enum": list(ON_ALLOW),
                        "default": "accept",
                    },
                    "mode": {"$ref": "#/$defs/mode"},
                    "mark": {
                        "description": "Two bits of the packet mark that nobody else on this host uses.",
                        "type": ["string", "integer"],
                        "default": "0x0c000000",
                    },
                }
            ),
            "type": ["object", "null"],
        },
        "test": _object(
            {
                "from": _text("A client's name, or an address."),
                "to": _text("An address."),
                "service": _text("One service: tcp/443, or a name that stands for one."),
                "expect": {"enum": list(EXPECT)},
            },
            required=["from", "to", "service", "expect"],
        ),
    }


def _rules() -> Schema:
    until = {"until": {"$ref": "#/$defs/until"}}
    return {
        "allow": _entries("to", "What it may open connections to.", until),
        "deny": _entries("to", "What it may not, whatever allows it.", {}),
        "inbound": _entries("from", "Who may open connections to it.", until),
    }


def _entries(side: str, description: str, more: Schema) -> Schema:
    fields = {side: {"$ref": "#/$defs/target"}, "services": {"$ref": "#/$defs/services"}, **more}
    return {"description": description, "type": "array", "items": _object(fields, required=[side, "services"])}


def _object(properties: Schema, required: list[str] | None = None) -> Schema:
    fixed: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**fixed, "required": required} if required else fixed


def _section(description: str, value: Schema, names: Schema) -> Schema:
    """A mapping with names of the user's choice; one that has only comments is empty."""
    return {
        "description": description,
        "type": ["object", "null"],
        "propertyNames": names,
        "additionalProperties": value,
    }


def _text(description: str) -> Schema:
    return {"description": description, "type": "string", "pattern": _TEXT}


def _one_or_more(description: str) -> Schema:
    text = _text(description)
    return {"anyOf": [text, {"type": "array", "items": text}]}
