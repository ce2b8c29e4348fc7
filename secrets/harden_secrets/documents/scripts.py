"""What a shell script or Dockerfile holds within itself: here-documents, and lines that go on after a backslash."""

import re
from collections.abc import Iterator

from harden_secrets.documents.field import Field

_HEREDOC = re.compile(
    rb"(?<!<)<<(?P<dash>-?)[ \t]*(?P<quote>['\"]?)(?P<label>[A-Za-z_][\w.-]*)(?P=quote)(?P<rest>[^\n]*)\n"
)
_TABS = re.compile(rb"^\t+", re.MULTILINE)
_TARGET = re.compile(rb">>?[ \t]*([^\s;&|<>]+)|^COPY[ \t]+.*[ \t](\S+)$")
_MOST = 2_000  # here-documents of one text
_UNCLOSED = 20  # of them that may lack their end


def heredocs(content: bytes) -> Iterator[Field]:
    """The bodies of here-documents, named by the file that they are written to where the same line says so.

    Those of ``<<-`` lose their tabs, as in POSIX Shell Command Language, 2.7.4.
    """
    if b"<<" not in content:
        return
    position = unclosed = 0
    for _ in range(_MOST):
        match = _HEREDOC.search(content, position)
        if match is None or unclosed > _UNCLOSED:
            return
        start = match.end()
        end = _end(content, start, match["label"])
        position = start if end is None else end
        if end is None:
            unclosed += 1
            continue
        body = content[start:end]
        value = _TABS.sub(b"", body) if match["dash"] else body
        yield Field(value, start, end, exact=value == body, lined=True, name=_target(content, match))


def _end(content: bytes, start: int, label: bytes) -> int | None:
    closing = re.compile(rb"^[ \t]*" + re.escape(label) + rb"[ \t]*\r?$", re.MULTILINE)
    match = closing.search(content, start)
    return match.start() if match else None


def _target(content: bytes, match: re.Match[bytes]) -> str:
    line = content[content.rfind(b"\n", 0, match.start()) + 1 : match.end() - 1]
    target = _TARGET.search(line)
    return next((group.decode("utf-8", "replace") for group in target.groups() if group), "") if target else ""
