# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What a task shows with ``--diff``: access first, then the file."""

from __future__ import annotations

import difflib
from typing import Sequence

MOST_RULES = 20


def prepared(
    access: Sequence[str], rules: Sequence[str], path: str, before: bytes | None, after: bytes | None
) -> dict[str, str]:
    """The difference for Ansible. ``access`` and ``rules`` are lines, ``before`` and ``after`` the file's content, None
    where it is not there. The rules are shown where nobody's access changes."""
    lines = list(access)
    if rules and not access:
        lines += ["nobody's access changes, the rules do:", *(f"  {line}" for line in rules[:MOST_RULES])]
        lines += [f"  and {len(rules) - MOST_RULES} more"] if len(rules) > MOST_RULES else []
    if before != after:
        lines += difflib.unified_diff(_lines(before), _lines(after), *_headers(path, before, after), lineterm="")
    text = "".join(f"{line}\n" for line in lines)
    return {"before_header": f"{path} (in force)", "after_header": path, "prepared": text}


def _headers(path: str, before: bytes | None, after: bytes | None) -> tuple[str, str]:
    return (
        "/dev/null" if before is None else f"{path} (as it is)",
        "/dev/null" if after is None else f"{path} (as it is to be)",
    )


def _lines(data: bytes | None) -> list[str]:
    return (data or b"").decode("utf-8", "replace").splitlines()
