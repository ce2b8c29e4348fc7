"""Files with more than one name (link(2)): exchanged under one of them, it stays as it was under the others."""

import os
from collections.abc import Iterable, Iterator


def other_names(paths: Iterable[str]) -> Iterator[str]:
    """One line for each of these files that has names beside them; all of ``paths`` get exchanged or removed.

    A symbolic link is followed, as it is when the file is written.
    """
    names: dict[tuple[int, int], set[str]] = {}
    counts: dict[tuple[int, int], int] = {}
    for path in paths:
        try:
            there = os.stat(path)
        except OSError:
            continue  # it went meanwhile: migrate looks at it again
        names.setdefault((there.st_dev, there.st_ino), set()).add(os.path.realpath(path))
        counts[there.st_dev, there.st_ino] = there.st_nlink
    for file, known in names.items():
        others = counts[file] - len(known)
        if others > 0:
            said = "one more name (a hard link), which keeps" if others == 1 else f"{others} more names, which keep"
            yield f"{min(known)} has {said} its content: find {_mount(min(known))} -xdev -inum {file[1]}"


def _mount(path: str) -> str:
    """Where the file system is mounted in which a path lies: a hard link does not leave it."""
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    return path
