"""Key material outside of manifests: what can be done about it where it lies. Pure."""

import posixpath
import re
from dataclasses import dataclass
from typing import Literal

from harden_secrets.examine import Sighting
from harden_secrets.rewrite.layout import Mapping, Node, Scalar, Sequence, end_of
from harden_secrets.rewrite.stream import Stream

# Patterns of names → what to do there.
_ADVICE: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        (r"\.tfstate(\.backup)?\Z",),
        "take it out of Terraform's state, or encrypt the state, once no configuration has the value",
    ),
    (
        (r"\.(tf|tofu|tfvars|hcl)\Z",),
        'take the value out of this block: data "vault_kv_secret_v2" can read {path}, or leave the Secret to harden',
    ),
    ((r"\A\.?env\b", r"\.env\Z"), "take the line out and fill the variable where it is deployed: {read}"),
    (
        (r"dockerfile|containerfile",),
        "hand it over when the image runs, or by RUN --mount=type=secret when it is built: {read}",
    ),
    (
        (r"\Akustomization(\.ya?ml)?\Z",),
        "take it out of its generator and let its users name the Secret that is kept from Vault: {read}",
    ),
    ((r"\Avalues.*\.ya?ml\Z",), "let the chart refer to an existing Secret instead of this value: {read}"),
    ((r"\.conf\Z",), "keep the file out of the tree, or set the key when the service starts: {read}"),
)
_READ_IT = "read it from Vault instead ({path}, field {field})"


@dataclass(frozen=True, slots=True)
class Place:
    """What a value is in its file: a ``comment`` that can be cut out, the whole ``file``, or anything ``other``."""

    kind: Literal["comment", "file", "other"]
    start: int = 0
    end: int = 0


def place_of(content: bytes, whole: Stream, seen: Sighting) -> Place:
    """Where a sighting stands."""
    before, after = content[: seen.start], content[seen.end :]
    if seen.object is None and not before.strip(b"\xef\xbb\xbf \t\r\n") and not after.strip():
        return Place("file")
    span = _comment(content, seen)
    readable = all(one.problem is None for one in whole.documents) and any(one.root for one in whole.documents)
    if span is not None and readable and not any(one.root and _covers(one.root, *span) for one in whole.documents):
        return Place("comment", *span)
    return Place("other")


def _comment(content: bytes, seen: Sighting) -> tuple[int, int] | None:
    """The lines of comments, or the end of a line, that a value stands in."""
    first = content.rfind(b"\n", 0, seen.start) + 1
    newline = content.find(b"\n", max(seen.start, seen.end - 1))
    last = newline + 1 if newline >= 0 else len(content)
    lines = content[first:last].splitlines(keepends=True)
    if all(line.lstrip().startswith(b"#") for line in lines):
        return first, last
    sign = content.find(b" #", first, seen.start)
    if len(lines) == 1 and sign >= 0:
        return len(content[:sign].rstrip(b" \t")), first + len(lines[0].rstrip(b"\r\n"))
    return None


def _covers(node: Node, start: int, end: int) -> bool:
    """Whether a scalar reaches into a span."""
    if isinstance(node, Sequence):
        return any(_covers(item, start, end) for item in node.items)
    if isinstance(node, Mapping):
        return any(_covers(key, start, end) or _covers(value, start, end) for key, value in node.pairs)
    return isinstance(node, Scalar) and node.inner < end and start < end_of(node)


def advice(path: str, vault: str, field: str) -> str:
    """What to do about a value that harden leaves where it is."""
    name, read = posixpath.basename(path).lower(), _READ_IT.format(path=vault, field=field)
    said = next(
        (words for ends, words in _ADVICE if any(re.search(one, name) for one in ends)), "take it out and {read}"
    )
    return said.format(read=read, path=vault)
