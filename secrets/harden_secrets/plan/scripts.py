"""Scripts that ask the API server for a ConfigMap or Secret, turned to the delivered Secret. Pure."""

import re
from collections.abc import Iterable

from harden_secrets.cluster.port import ObjectName
from harden_secrets.plan.storing import Entry

_URL = re.compile(r"/(?:configmaps|secrets)/(?P<name>[\w.-]+)\Z")
_COMMAND = re.compile(r"\b(?P<kind>configmaps?|cm|secrets?)(?P<between>[/\s]+)(?P<name>[\w.-]+)\Z", re.IGNORECASE)


def redirected(piece: str, old: ObjectName, secret: str) -> str | None:
    """The piece of a script that names ``old``, naming the Secret instead; None where harden does not know how."""
    url = _URL.search(piece)
    if url is not None and url["name"] == old.name:
        return f"{piece[: url.start()]}/secrets/{secret}"
    command = _COMMAND.search(piece)
    if command is not None and command["name"] == old.name:
        return f"{piece[: command.start()]}secret{command['between']}{secret}"
    return None


def otherwise(old: ObjectName, entries: Iterable[Entry]) -> str:
    """What a script has to do besides asking for the Secret, where that answers otherwise; else nothing.

    ``data`` of a Secret is base64, ``data`` of a ConfigMap text, and ``binaryData`` base64.
    """
    if old.kind != "ConfigMap":
        return ""
    parts = {entry.part for entry in entries if entry.form == "raw"}
    said = ["undo base64 once more"] if "data" in parts else []
    said += ["read .data instead of .binaryData"] if "binaryData" in parts else []
    return " and ".join(said)
