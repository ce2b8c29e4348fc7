"""The protocol between harden and a program of the user's: one JSON document in, at most one out.

Its reference for people is docs/reference/rotation-command.md. Values travel as base64 on stdin and stdout only.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from harden_secrets.confidential import Confidential
from harden_secrets.rotate.rotator import Fields

PROTOCOL = 1

DONE = 0
# EX_USAGE, EX_TEMPFAIL and EX_NOPERM of sysexits.h. Not 2 for the first: that is also how a shell ends over a syntax
# error, grep over a file that is not there and argparse over an option, and a withdrawal that broke must not pass for
# one that is not needed.
NOT_THERE = 64
LATER = 75
REFUSED = 77  # EX_NOPERM, of `test`: what was tried is not good


class Operation(StrEnum):
    """What a program can be asked for."""

    GENERATE = "generate"
    CHECK = "check"
    INSTALL = "install"
    PROVE = "prove"
    CUT_OVER = "cut-over"
    LIMIT = "limit"
    STILL_USED = "still-used"
    RETIRE = "retire"
    PROVE_REFUSED = "prove-refused"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class Question:
    """One call. ``until`` and ``since`` are for those operations that have them."""

    operation: str
    secret: str
    target: str = ""
    rotation: str = ""
    old: Fields = field(default_factory=dict)
    new: Fields = field(default_factory=dict)
    until: datetime | None = None
    since: datetime | None = None

    def document(self) -> bytes:
        """What the program reads."""
        times = {"until": self.until, "since": self.since}
        document = {
            "protocol": PROTOCOL,
            "operation": str(self.operation),
            "secret": self.secret,
            "target": self.target,
            "rotation": self.rotation,
            "old": _encoded(self.old),
            "new": _encoded(self.new),
            **{name: _rfc3339(at) for name, at in times.items() if at is not None},
        }
        return json.dumps(document).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the program wrote: fields where it was asked to generate, else a few words, or nothing."""

    fields: Fields = field(default_factory=dict)
    said: str = ""


def parse_answer(output: bytes) -> Answer:
    """The answer on stdout; nothing at all is an answer. Raises ValueError with words that hold nothing of it."""
    if not output.strip():
        return Answer()
    try:
        document = json.loads(output)
    except (ValueError, RecursionError):
        raise ValueError("what it wrote to stdout is not one JSON document") from None
    if not isinstance(document, Mapping):
        raise ValueError("what it wrote to stdout is no JSON object")
    said = document.get("said", "")
    if not isinstance(said, str):
        raise ValueError('"said" in its answer is no text')
    return Answer(_decoded(document.get("fields", {})), said)


def _encoded(fields: Fields) -> dict[str, dict[str, str]]:
    return {name: {"base64": base64.b64encode(value.reveal()).decode()} for name, value in fields.items()}


def _decoded(fields: object) -> Fields:
    if not isinstance(fields, Mapping):
        raise ValueError('"fields" in its answer is no object')
    return {_name(name): Confidential(_bytes(value)) for name, value in fields.items()}


def _name(name: str) -> str:
    if name.strip() and name.isprintable():
        return name
    raise ValueError("a field in its answer has no proper name")


def _bytes(value: object) -> bytes:
    encoded = value.get("base64") if isinstance(value, Mapping) else None
    if not isinstance(encoded, str):
        raise ValueError('a field in its answer is not {"base64": …}')
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a field in its answer is not base64") from None


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
