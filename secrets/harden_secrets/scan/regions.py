"""The parts of a long text that deserve a closer look, where what is far away in it does not matter.

In program text, prose and binaries a key stands by itself: what surrounds it for some lines is all that says something
about it. Documents (YAML, JSON of objects, HCL) are another matter: a field far above may say what a value is.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial

from harden_secrets.detect.filekind import is_binary, is_code, is_prose, suffix
from harden_secrets.firstpass import FirstPass, Interest

DIVISIBLE = 8 << 10  # bytes; a shorter text is taken for a document if it looks like one
LONG = 24 << 10  # a shorter text is looked at from its beginning to its end
_LEAF = 4 << 10  # how finely it is divided
_MARGIN = 8 << 10  # that is looked at before and after: more than is between two signatures of a key
_OVERLAP = 2 << 10  # that two halves share when they are searched: more than any signature is long
_OBJECTS = re.compile(rb"\"apiVersion\"\s{0,8}:\s{0,8}\"(?:[a-z0-9.-]{1,253}/)?v\d|\"terraform_version\"")
_RUN = re.compile(rb"[A-Za-z0-9+/=_%\\-]+")  # what encoded text is made of, escaped line ends included
_BESIDE = [bytes((byte,)) for byte in b" \t\n\"',:;<>()\0"]
_DOCUMENTS = frozenset({"ipynb"})
_LISTS = frozenset({"lock", "sum", "csv", "tsv"})


def is_divisible(content: bytes, file: str, interest: Interest) -> bool:
    """Whether a text is long, and in parts says as much as it does as a whole."""
    return len(content) >= DIVISIBLE and not interest & Interest.WHOLE and _is_loose(content, file)


def regions(content: bytes, file: str, first_pass: FirstPass) -> Iterator[tuple[int, int]]:
    """Beginnings and ends of what to look at in a text that can be divided, in order and apart from each other."""
    if len(content) < LONG:
        yield 0, len(content)
        return
    view = memoryview(content)
    start = end = -1
    deserves_look = partial(first_pass.deserves_look, program=is_code(file))
    for at, to in _interesting(view, 0, len(view), deserves_look):
        begin, stop = _begin(content, at - _MARGIN), _end(content, to + _MARGIN)
        if begin > end >= 0:
            yield start, end
            start = begin
        elif end < 0:
            start = begin
        end = stop
    if end >= 0:
        yield start, end


def _is_loose(content: bytes, file: str) -> bool:
    """Whether the text is one in which nothing depends on what is far away."""
    if is_binary(content):
        return True
    kind = suffix(file)
    if is_code(file) or is_prose(file) or kind in _LISTS:
        return kind not in _DOCUMENTS
    return kind == "json" and not file.endswith(".tf.json") and not _OBJECTS.search(content)


def _interesting(
    content: memoryview, start: int, end: int, deserves_look: Callable[[memoryview], bool]
) -> Iterator[tuple[int, int]]:
    """The leaves in which something is seen, by halves: most are seen to be empty together with many others."""
    if not deserves_look(content[max(0, start - _OVERLAP) : end + _OVERLAP]):
        return
    if end - start <= _LEAF:
        yield start, end
        return
    middle = (start + end) // 2
    yield from _interesting(content, start, middle, deserves_look)
    yield from _interesting(content, middle, end, deserves_look)


def _begin(content: bytes, at: int) -> int:
    """The beginning of the line that an offset lies in or, if that is far, of the run of characters."""
    if at <= 0:
        return 0
    line = content.rfind(b"\n", max(0, at - _OVERLAP), at) + 1
    return line or max(content.rfind(beside, 0, at) for beside in _BESIDE) + 1


def _end(content: bytes, at: int) -> int:
    """The end of the run of characters that an offset lies in: encoded text must not be cut."""
    run = _RUN.match(content, at)
    return run.end() if run else min(at, len(content))
