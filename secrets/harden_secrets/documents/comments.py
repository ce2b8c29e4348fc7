"""Comments: text like any other, and a manifest or a key that was commented out still stands there."""

import re
from collections.abc import Iterator

from harden_secrets.documents.field import Field

_BLOCK = re.compile(rb"(?:^[ \t]*(?:#(?!!)|//|;|--[ \t])[^\n]*(?:\n|\Z)){2,}", re.MULTILINE)
_SIGN = re.compile(rb"^[ \t]*(?:#+|//+|;+|--)[ ]?", re.MULTILINE)


def comments(content: bytes) -> Iterator[Field]:
    """Blocks of two or more lines that are comments, without the signs that make them so."""
    for match in _BLOCK.finditer(content):
        yield Field(_SIGN.sub(b"", match[0]), match.start(), match.end(), lined=True)
