"""What the documentation says there is, and what there is: commands, options, keys of the inventory, modules."""

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from harden_secrets.inventory.schema import inventory_schema

pytestmark = pytest.mark.checkout

ROOT = Path(__file__).resolve().parents[1]
PARTS = {"wg": "wgfw.cli", "secrets": "harden_secrets.cli", "vault": "harden_secrets.vault.cli"}
EVERYWHERE = {"--help"}
CALL = re.compile(r"\bharden (wg|secrets|vault) ([a-z][a-z-]*)([^`\n|;&>#()]*)")
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
# Tables of keys: the first column of these pages, in backticks.
ROW = re.compile(r"^\| ((?:`[^`]+`(?:, )?)+) \|", re.MULTILINE)


def pages() -> Iterator[tuple[str, str]]:
    """Every page: its path in the checkout, what it says."""
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        yield str(path.relative_to(ROOT)), path.read_text()


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def commands() -> dict[tuple[str, str], set[str]]:
    """The options of each command; those of a group within a part (``secrets log``) are its commands' together."""
    found: dict[tuple[str, str], set[str]] = {}
    for part, module in PARTS.items():
        group: Any = typer.main.get_group(importlib.import_module(module).app)
        for name, command in group.commands.items():
            if command.hidden:
                continue
            inner = list(getattr(command, "commands", {}).values()) or [command]
            found[part, name] = {option for one in inner for parameter in one.params for option in parameter.opts}
    return found


def keys_of(schema: Any) -> Iterator[str]:
    """Every key that a mapping of the schema may have."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from properties
        for value in schema.values():
            yield from keys_of(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from keys_of(value)


def test_every_call_in_the_documentation_can_be_made() -> None:
    """The command is there, and has each of the options that stand behind it."""
    known = commands()
    wrong = []
    for page, text in pages():
        for part, name, rest in CALL.findall(text.replace("\\\n", " ")):
            options = set(OPTION.findall(rest.partition(" -- ")[0]))
            if unknown := options - known.get((part, name), options) - EVERYWHERE:
                wrong.append(f"{page}: harden {part} {name} has no {', '.join(sorted(unknown))}")
            if (part, name) not in known:
                wrong.append(f"{page}: there is no harden {part} {name}")
    assert wrong == []


def test_every_command_has_its_place_in_the_reference() -> None:
    """In a heading: ``## secrets migrate, resume, rollback``; those of ``wg`` without their part."""
    headings = re.findall(r"^## (.*)$", text_of("docs/reference/commands.md"), re.MULTILINE)
    listed = set()
    for heading in headings:
        part, _, names = heading.partition(" ")
        part, names = (part, names) if part in PARTS else ("wg", heading)
        listed |= {(part, name.split()[0]) for name in names.split(", ")}
    assert sorted(set(commands()) - listed) == []


def test_every_key_of_the_inventory_is_in_the_reference_and_no_other() -> None:
    """Whether of a secret, a delivery, a target or a password."""
    reference = text_of("docs/reference/inventory.md") + text_of("docs/reference/rotation-password.md")
    known = set(keys_of(inventory_schema()))
    code = {word for span in re.findall(r"`([^`\n]+)`", reference) for word in re.findall(r"\w+", span)}
    assert sorted(known - code) == []
    words = {word for row in ROW.findall(reference) for word in re.findall(r"`([^`]+)`", row)}
    kinds = {"ssh-key", "git-crypt", "wireguard", "password", "command", "opaque"}
    methods = {"token", "approle", "kubernetes", "jwt"}
    assert sorted(words - known - kinds - methods) == []


def test_every_module_of_the_rotation_is_on_the_map() -> None:
    """By its name, in ``custody.md``: whoever inherits it finds what each is for."""
    named = set(re.findall(r"[\w/]+", text_of("docs/reference/custody.md").partition("## Rotation")[2]))
    named |= {part for name in named for part in name.split("/")}
    folder = ROOT / "secrets/harden_secrets/rotate"
    modules = {path.stem for path in folder.rglob("*.py") if path.stem != "__init__"}
    assert sorted(modules - named) == []


def test_the_pages_that_are_made_from_the_code_are_up_to_date() -> None:
    """Tables of options, keys of the files, and the Ansible collection."""
    script = ROOT / "scripts/write_reference.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, timeout=120, check=False)
    advice = "bring them up to date with: .venv/bin/python scripts/write_reference.py"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), advice
