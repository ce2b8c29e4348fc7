#!/usr/bin/env python3
"""Writes the pages of docs/reference that are made from the code: ``.venv/bin/python scripts/write_reference.py``.

With ``--check`` it writes nothing and names those that are not up to date; the exit status is then 3.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import typer

from harden.cli import app
from harden.manual import read
from harden.manual.tree import Command
from harden_secrets.inventory.schema import inventory_schema
from reference.collection import collection_page
from reference.keys import keys_page
from reference.markdown import replace_region
from reference.options import exit_statuses, options_page, shared_options
from wgfw.policy.schema import policy_schema

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs/reference"
OUT_OF_DATE = 3


def pages() -> Mapping[Path, str]:
    """What each of the pages has to say."""
    root = read(typer.main.get_group(app))
    return {
        FOLDER / "collection.md": _text(collection_page(ROOT / "ansible")),
        FOLDER / "commands.md": _commands((FOLDER / "commands.md").read_text(), root),
        FOLDER / "keys.md": _text(keys_page([policy_schema(), inventory_schema()])),
        FOLDER / "options.md": _text(options_page(root)),
    }


def main() -> int:
    """Writes what is not up to date, or names it."""
    parser = argparse.ArgumentParser(description="Write the pages of docs/reference that are made from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; status 3 where something is out of date")
    check = parser.parse_args().check
    stale = {path: text for path, text in pages().items() if not path.exists() or path.read_text() != text}
    for path, text in stale.items():
        print(f"{path.name} is not up to date" if check else f"{path.name} is written")
        if not check:
            path.write_text(text)
    return OUT_OF_DATE if check and stale else 0


def _commands(page: str, root: Command) -> str:
    page = replace_region(page, "exit statuses", exit_statuses())
    for part in root.commands:
        if part.commands:
            page = replace_region(page, f"options of {part.path[-1]}", shared_options(part))
    return page


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
