"""Entries added to an inventory that a person wrote: every byte of theirs stays, comments included."""

import re
from collections.abc import Sequence

from harden.document.problems import Problems
from harden.document.wording import listing, quote
from harden.document.yamltree import Mapping, Node, Scalar, parse
from harden.errors import HardenError
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import Inventory, SecretEntry
from harden_secrets.inventory.rendering import STEP, block, flow

BOM = "\ufeff"


def appended(text: str, entries: Sequence[SecretEntry], path: str = "the inventory") -> str:
    """``text`` with the entries at the end of its ``secrets``; an empty text becomes a whole inventory.

    ``path`` is for messages. Raises HardenError where the text is no inventory, a name or path is taken, or the
    entries cannot be added without a change to what is there.
    """
    if not entries:
        return text
    if not text.strip(f" \t\r\n{BOM}"):
        return "version: 1\nsecrets:\n" + "".join(block(entry, STEP) for entry in entries)
    before = read_inventory(text.encode(), path)
    taken = [quote(entry.name) for entry in entries if entry.name in before.secrets]
    if taken:
        raise HardenError(f"{path}: has {listing(taken)} already")
    mark, body = (BOM, text[1:]) if text.startswith(BOM) else ("", text)
    result = mark + _added(body, entries, path)
    _check(result, before, entries, path)
    return result


def _added(text: str, entries: Sequence[SecretEntry], path: str) -> str:
    root = parse(text.encode(), Problems(path)).root
    assert isinstance(root, Mapping)  # or it would have been no inventory
    if "secrets" not in root.pairs:
        return _with_section(text, root, entries)
    key, section = root.pairs["secrets"]
    if section.start < key.end:
        hint = "write them out in their own place"
        raise HardenError(f"{path}:{key.line}: nothing can be added to secrets that stand elsewhere (*…)", hint)
    if isinstance(section, Mapping) and section.pairs:
        return _behind_last(text, section, entries)
    if root.flow:
        return f"{text[: section.start].rstrip()} {_braces(entries)}{text[section.end :]}"
    return _into_empty(text, key, section, entries)


def _with_section(text: str, root: Mapping, entries: Sequence[SecretEntry]) -> str:
    end = content_end(root)
    if root.flow:
        return f"{text[:end]}, secrets: {_braces(entries)}{text[end:]}"
    indent = indent_of(text, next(iter(root.pairs.values()))[0])
    lines = f"{indent}secrets:\n" + "".join(block(entry, indent + STEP) for entry in entries)
    return after_line(text, end, lines)


def _behind_last(text: str, section: Mapping, entries: Sequence[SecretEntry]) -> str:
    end = content_end(section)
    if section.flow:
        return f"{text[:end]}, {', '.join(flow(entry) for entry in entries)}{text[end:]}"
    indent = indent_of(text, next(iter(section.pairs.values()))[0])
    return after_line(text, end, "".join(block(entry, indent) for entry in entries))


def _into_empty(text: str, key: Scalar, section: Node, entries: Sequence[SecretEntry]) -> str:
    """Behind ``secrets:`` with nothing, ``~`` or ``{}`` after it; what stood for nothing goes."""
    lines = "".join(block(entry, indent_of(text, key) + STEP) for entry in entries)
    if section.end > section.start:
        text = text[: section.start].rstrip(" ") + text[section.end :]
    return after_line(text, key.end, lines)


def _braces(entries: Sequence[SecretEntry]) -> str:
    return "{" + ", ".join(flow(entry) for entry in entries) + "}"


def content_end(node: Node) -> int:
    """Where the last thing in a collection ends. A block collection's own end lies behind the comments that follow.

    What an alias stands for lies elsewhere and does not count.
    """
    ends: list[int] = []
    if isinstance(node, Mapping):
        for key, value in node.pairs.values():
            ends.append(key.end)
            if value.start >= key.end:
                ends.append(_outer_end(value))
    elif not isinstance(node, Scalar):
        ends.extend(_outer_end(item) for item in node.items if item.start >= node.start)
    return max(ends, default=node.end)


def _outer_end(node: Node) -> int:
    return node.end if isinstance(node, Scalar) or node.flow else content_end(node)


def indent_of(text: str, key: Scalar) -> str:
    """What stands before a key on its line."""
    start = max(text.rfind("\n", 0, key.start), text.rfind("\r", 0, key.start)) + 1
    return text[start : key.start]


def after_line(text: str, position: int, lines: str) -> str:
    """``lines`` behind the line that holds ``position``, with the line ends that the text has."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = lines.replace("\n", newline)
    if position and text[position - 1] == "\n":  # a block scalar ends with its line
        return text[:position] + lines + text[position:]
    end = re.compile(r"\r\n|\r|\n").search(text, position)
    if end is None:
        return f"{text}{newline}{lines}"
    return text[: end.end()] + lines + text[end.end() :]


def _check(text: str, before: Inventory, entries: Sequence[SecretEntry], path: str) -> None:
    """The result must say what was said before and what was added, and nothing else. Raises HardenError."""
    after = read_inventory(text.encode(), path)
    expected = {**before.secrets, **{entry.name: entry for entry in entries}}
    if after.vault != before.vault or after.secrets != expected:
        raise HardenError(
            f"{path}: the new secrets cannot be added to it without changing what it says",
            "add them by hand: " + "; ".join(flow(entry) for entry in entries),
        )
