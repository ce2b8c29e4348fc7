"""A first file system for a kernel: a static busybox, modules in the order they need each other, and an init."""

import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_NEEDS = re.compile(rb"\0depends=([^\0]*)\0")


def archive(files: Mapping[str, tuple[int, bytes]]) -> bytes:
    """A cpio archive in the format ``newc`` (Documentation/driver-api/early-userspace/buffer-format.rst).

    ``files`` maps a path to its mode and content; folders come before what is in them.
    """
    entries = [_entry(number, name, *file) for number, (name, file) in enumerate(files.items(), start=1)]
    return b"".join((*entries, _entry(0, "TRAILER!!!", 0, b"")))


def _entry(inode: int, name: str, mode: int, content: bytes) -> bytes:
    path = name.encode() + b"\0"
    numbers = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + path
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)


def folder() -> tuple[int, bytes]:
    """An entry for a folder."""
    return stat.S_IFDIR | 0o755, b""


def program(content: bytes) -> tuple[int, bytes]:
    """An entry for a file that can be run."""
    return stat.S_IFREG | 0o755, content


def plain(content: bytes) -> tuple[int, bytes]:
    """An entry for a file that is only read."""
    return stat.S_IFREG | 0o644, content


def in_order(wanted: Iterable[str], tree: Path) -> Iterator[Path]:
    """The files of these kernel modules under ``tree``, each once and after those that it depends on.

    A name that no file bears is one that this kernel has built in, or has not got: what needs it will say so.
    """
    files = {_name(path.name): path for path in tree.rglob("*.ko")}
    seen: set[str] = set()

    def visit(name: str) -> Iterator[Path]:
        if name in seen or name not in files:
            return
        seen.add(name)
        for needed in _needs(files[name]):
            yield from visit(needed)
        yield files[name]

    for name in wanted:
        yield from visit(name)


def _needs(module: Path) -> list[str]:
    """The modules that one depends on, as its section .modinfo says."""
    found = _NEEDS.search(module.read_bytes())
    return [_name(name) for name in found[1].decode().split(",") if name] if found else []


def _name(text: str) -> str:
    """The kernel takes ``-`` and ``_`` in a module's name for the same."""
    return text.removesuffix(".ko").replace("-", "_")
