"""Scripts that ask the API server for a ConfigMap or Secret, turned to the delivered Secret. Pure."""

import re

from harden_secrets.cluster.port import ObjectName

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
