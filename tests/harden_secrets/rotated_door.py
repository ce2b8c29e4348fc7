"""A program that installs values at doors, by the protocol for programs: each door is a file of hashes in a folder.

rotated_door.py FOLDER     reads one question on stdin, answers on stdout
"""

import base64
import hashlib
import json
import os
import sys
from pathlib import Path

NOT_THERE = 64  # does not have this operation


def main() -> int:
    """Answer the question."""
    question = json.load(sys.stdin)
    if not question["target"]:
        return NOT_THERE
    old, new = (_hash(question[which]) for which in ("old", "new"))
    door = Path(sys.argv[1], question["target"])
    known = door.read_text().split()
    answers = {
        "install": lambda: _write(door, [*known, new] if new not in known else known),
        "prove": lambda: int(new not in known),
        "retire": lambda: _write(door, [one for one in known if one != old]) if new in known else 1,
        "prove-refused": lambda: int(old in known),
        "withdraw": lambda: _write(door, [one for one in known if one != new]),
    }
    answer = answers.get(question["operation"])
    return NOT_THERE if answer is None else answer()


def _hash(fields: dict[str, dict[str, str]]) -> str:
    value = base64.b64decode(fields["value"]["base64"]) if fields else b""
    return hashlib.sha256(value).hexdigest()


def _write(door: Path, known: list[str]) -> int:
    beside = door.with_suffix(".new")
    beside.write_text(" ".join(known))
    os.replace(beside, door)
    json.dump({"said": "written"}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
