"""What a server says about a request, without what the request said: messages quote values, and values may be keys."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

RUN = 8  # characters: so many in a row of a value that was sent never appear in a message
_LONGEST = 1200  # characters of a message; some servers append the whole object
_ELLIPSIS = "…"
# What stands under these says which object or field is meant; an error without it is of no use. Not so within
# mappings whose keys people choose: an entry may have any of these names.
_NAMING = frozenset({
    "apiVersion", "kind", "name", "namespace", "generateName", "uid", "resourceVersion", "path", "from", "op",
    "image", "mountPath", "subPath", "secretName", "serviceAccountName", "claimName", "type", "apiGroup", "key",
})  # fmt: skip
_CHOSEN = frozenset({"data", "stringData", "binaryData", "annotations"})
# Kinds of causes whose message goes on with the value that is at fault: `Invalid value: "…": what is wrong with it`.
_QUOTING = re.compile(
    r'\b((?:Invalid|Unsupported|Duplicate) value|Too (?:long|many)): (?:"(?:[^"\\]|\\.)*"|(?!")[^:]*)'
)
# Older servers show the piece of the body that they stumbled over.
_BODY = re.compile(r"(?:error found in #|bigger context|\(hex dump|the object provided is unrecognized).*", re.DOTALL)


def without_values(message: str, sent: Any) -> str:
    """The message with no value of ``sent`` (the body of the request) in it, in any spelling that is known of."""
    message = _QUOTING.sub(r"\1", message)
    message = _BODY.sub(_ELLIPSIS, message)[: 8 * _LONGEST]
    return _without_runs(message, _values(sent))[:_LONGEST]


def _values(sent: Any) -> Iterator[str]:
    """Every text that was sent as a value, also as it reads when its base64 is undone or done."""
    # The values of a patch come in a list: where they are put does not show in them, so all of them may be values.
    for text in _leaves(sent, chosen=isinstance(sent, list)):
        yield text
        yield base64.b64encode(text.encode(errors="replace")).decode()
        try:
            yield base64.b64decode(text, validate=True).decode(errors="replace")
        except (binascii.Error, ValueError):
            continue


def _leaves(value: Any, chosen: bool = False) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if chosen or key not in _NAMING or not isinstance(inner, str):
                yield from _leaves(inner, chosen or key in _CHOSEN)
    elif isinstance(value, Iterable):
        for inner in value:
            yield from _leaves(inner, chosen)


def _without_runs(message: str, values: Iterable[str]) -> str:
    """The message with all that it has in common with one of the values, over ``RUN`` characters or more, left out."""
    starts = range(len(message) - RUN + 1)
    runs = {message[at : at + RUN] for at in starts}
    shared = {run for value in values for run in _runs_in(value, runs)}
    hidden = {at + offset for at in starts if message[at : at + RUN] in shared for offset in range(RUN)}
    shown = (_ELLIPSIS if at in hidden else char for at, char in enumerate(message))
    return re.sub(f"{_ELLIPSIS}+", _ELLIPSIS, "".join(shown))


def _runs_in(value: str, runs: set[str]) -> Iterator[str]:
    return (value[at : at + RUN] for at in range(len(value) - RUN + 1) if value[at : at + RUN] in runs)
