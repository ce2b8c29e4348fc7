"""The shape of the inventory as a JSON Schema (draft 2020-12), for editors.

The loader is the authority and says in words what is wrong. What the loader takes, the schema takes too.
"""

from typing import Any, get_args

from harden_secrets.inventory.deliveries import NEEDS as DELIVERY_NEEDS
from harden_secrets.inventory.deliveries import STORE_KINDS
from harden_secrets.inventory.deliveries import TAKES as DELIVERY_TAKES
from harden_secrets.inventory.entries import TAKES as ENTRY_TAKES
from harden_secrets.inventory.model import AuthMethod, Form, SecretKind
from harden_secrets.inventory.passwords import DATABASES, LENGTH, LONGEST
from harden_secrets.inventory.randomness import ALPHABET, SHORTEST
from harden_secrets.inventory.targets import target_needs
from harden_secrets.inventory.vaultsection import NEEDS as AUTH_NEEDS
from harden_secrets.inventory.vaultsection import TAKES as AUTH_TAKES

Schema = dict[str, Any]

_TEXT = r"\S"
_DURATION = r"^([0-9]{1,9}[wdhms])+$"


def inventory_schema() -> Schema:
    """The schema of version 1."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Inventory of harden secrets",
        "description": "Which secrets there are, where they lie in Vault, who gets them and when they change.",
        **_object({"version": {"const": 1}, "vault": _vault(), "secrets": _secrets()}, ["version"]),
        "$defs": {"duration": {"type": "string", "pattern": _DURATION, "examples": ["30d", "24h"]}},
    }


def _vault() -> Schema:
    fields = {
        "address": _text("Its URL; left out: the local one of harden vault up.", r"^https?://"),
        "mount": {**_text("Where KV version 2 is mounted."), "default": "secret"},
        "namespace": _text("The namespace of Vault Enterprise or OpenBao."),
        "ca_file": _text("The authority of its certificate, a PEM file."),
        "auth": {"oneOf": [_auth(method) for method in AuthMethod]},
    }
    return {"description": "Which Vault, and how to log in.", **_object(fields)}


def _auth(method: AuthMethod) -> Schema:
    meanings = {
        "mount": "Where the method is enabled.",
        "role": "The role of the method.",
        "role_id": "The role ID, which is no secret.",
        "role_id_file": "The file with the role ID.",
        "secret_id_file": "The file with the secret ID.",
        "token_file": "The file with the token.",
        "token_variable": "The environment variable with the token.",
    }
    fields = {key: _text(meanings[key]) for key in AUTH_TAKES[method]}
    choices = [{"oneOf": [{"required": [key]} for key in either]} for either in AUTH_NEEDS[method]]
    made = _object({"method": {"const": str(method)}, **fields}, ["method"])
    return {**made, "allOf": choices} if choices else made


def _secrets() -> Schema:
    kinds = [_entry(str(kind), keys) for kind, keys in ENTRY_TAKES.items()]
    return {
        "description": "The secrets, by names of your choice.",
        "type": ["object", "null"],
        "propertyNames": {"pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$"},
        "additionalProperties": {"oneOf": kinds},
    }


def _entry(kind: str, keys: tuple[str, ...]) -> Schema:
    every = {
        "kind": {"const": kind},
        "path": _text("Its path in the KV mount, without data/."),
        "description": _text("For people."),
        "deliver": {
            "description": "How it reaches those who use it.",
            "type": "array",
            "items": {"oneOf": [_delivery(to) for to in DELIVERY_TAKES]},
        },
        "targets": {"description": "Where its other half is installed.", "type": "array", "items": _target(kind)},
        "repository": _repository(),
        "command": _texts("The program, and its arguments, that makes and installs it."),
        "timeout": {"$ref": "#/$defs/duration", "description": "How long each call of a program may take."},
        "password": _password(),
        "rotate": _rotate(),
    }
    return _object({key: every[key] for key in keys}, ["kind", "path"])


def _delivery(to: str) -> Schema:
    every = {
        "to": {"const": to},
        "namespace": _text("The namespace of Kubernetes."),
        "secret": _text("The Secret's name."),
        "type": {**_text("The Secret's type."), "default": "Opaque"},
        "keys": {
            "description": "Key of the Secret: field of the secret in Vault.",
            "type": "object",
            "additionalProperties": {"oneOf": [_text("The field."), _source()]},
        },
        "path": _text("The file.", "^/"),
        "mode": {"type": ["string", "integer"], "default": "0600"},
        "owner": _text("The file's owner."),
        "group": _text("The file's group."),
        "auth": _text("The VaultAuth that the operator uses."),
        "store": _text("The store's name."),
        "store_kind": {"enum": list(STORE_KINDS), "default": STORE_KINDS[0]},
        "refresh": {"$ref": "#/$defs/duration"},
        "restart": {
            "description": "Whether consumers are restarted for a new version even where they would see it.",
            "type": "boolean",
            "default": False,
        },
        "reload": _texts("The program, and its arguments, that makes the file's consumer read it again."),
    }
    takes = {name: keys for name, keys in DELIVERY_TAKES.items() if name == to}
    needed = [key for name, keys in DELIVERY_NEEDS.items() if name == to for key in keys]
    return _object({key: every[key] for keys in takes.values() for key in keys}, ["to", *needed])


def _source() -> Schema:
    forms = {"enum": list(get_args(Form)), "default": "raw"}
    return _object({"field": _text("The field."), "form": forms}, ["field"])


def _target(kind: str) -> Schema:
    fields = {
        **_host(),
        "user": _text("The user whose key it is."),
        "interface": _text("The WireGuard interface."),
        "jump": {
            "description": "The hosts on the way (ProxyJump), the first one first.",
            "type": "array",
            "maxItems": 8,
            "items": _object(_host(), ["host", "host_key"]),
        },
        "authorized_keys": _text("The file, whole or from the home folder; left out: .ssh/authorized_keys."),
        "login": _text("Who edits that file, where it is not the user with the key itself."),
        "login_key": _text("The secret of this inventory with which the one who edits logs in."),
        "sudo": {"description": "Whether he needs sudo for it.", "type": "boolean", "default": False},
        "log": {
            **_text("Where sshd logs: auto, journal, none, or a file.", "^(auto|journal|none|/.*)$"),
            "default": "auto",
        },
    }
    return _object(fields, list(target_needs(SecretKind(kind))))


def _host() -> Schema:
    return {
        "host": _text("Its name or address."),
        "user": _text("The user to log in as."),
        "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 22},
        "host_key": _texts("The host's own public key: ssh-ed25519 AAAA…"),
    }


def _repository() -> Schema:
    fields = {
        "path": _text("The repository."),
        "branches": _texts("The branches whose files are encrypted anew."),
        "keys": {
            "description": "Whether the new key takes the old one's name, or has one of its own each time.",
            "enum": ["replace", "named"],
            "default": "replace",
        },
        "key_name": _text("The name of the git-crypt key; left out: the default key.", "^[A-Za-z0-9_-]{1,128}$"),
        "remote": _text("Where the branches are: a remote's name or URL. Left out: in the repository itself.", "^[^-]"),
        "departed": _texts("Fingerprints of people's GnuPG keys that get no new key."),
    }
    return {"description": "The repository that a git-crypt key is for.", **_object(fields, ["path"])}


def _password() -> Schema:
    fields = {
        "alphabet": {**_text("The characters that it is made of."), "default": ALPHABET},
        "length": {"type": "integer", "minimum": SHORTEST, "maximum": LONGEST, "default": LENGTH},
        "field": {**_text("The field in Vault."), "default": "password"},
        "set_command": _texts("The program, and its arguments, that sets it."),
        "test_command": _texts("The program, and its arguments, that tries it."),
        "database": {"enum": list(DATABASES)},
        "host": _text("The database server's name or address, or the absolute path of its socket."),
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "name": _text("The database."),
        "users": _texts("The user, or two that take turns."),
        "admin": _text("The secret of this inventory with which the users' passwords are set."),
        "ca_file": _text("The authority of the server's certificate, a PEM file.", "^/"),
    }
    return {"description": "How it is made, set and tried.", **_object(fields)}


def _rotate() -> Schema:
    duration: Schema = {"$ref": "#/$defs/duration"}
    fields = {
        "every": duration,
        "overlap": duration,
        "window": _text("Hours in which it may begin: 02:00-05:00, or 02:00-05:00 Europe/Bucharest."),
        "jitter": duration,
        "blackout": _texts("Days on which none begins: 2026-12-24, 2026-12-20..2027-01-06, 12-20..01-06, sat."),
    }
    return {"description": "When it changes.", **_object(fields, ["every"])}


def _object(properties: Schema, required: list[str] | None = None) -> Schema:
    fixed: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**fixed, "required": required} if required else fixed


def _text(description: str, pattern: str = _TEXT) -> Schema:
    return {"description": description, "type": "string", "pattern": pattern}


def _texts(description: str) -> Schema:
    text = _text(description)
    return {"anyOf": [text, {"type": "array", "items": text}]}
