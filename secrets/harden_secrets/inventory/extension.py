"""Deliveries added to an entry that is there: every byte that a person wrote stays, comments included."""

from collections.abc import Sequence
from dataclasses import replace

from harden.document.problems import Problems
from harden.document.yamltree import Mapping, Node, parse
from harden.document.yamltree import Sequence as Items
from harden.errors import HardenError
from harden_secrets.inventory.addition import BOM, after_line, content_end, indent_of
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import Delivery
from harden_secrets.inventory.rendering import STEP, delivery_text


def extended(text: str, name: str, deliveries: Sequence[Delivery], path: str = "the inventory") -> str:
    """``text`` with those of the deliveries that the entry ``name`` has not got yet, behind those that it has.

    Raises HardenError where they cannot be added without a change to what is there; it says what to add by hand.
    """
    before = read_inventory(text.encode(), path)
    entry = before.secrets[name]
    missing = [one for one in deliveries if one not in entry.deliver]
    if not missing:
        return text
    mark, body = (BOM, text[1:]) if text.startswith(BOM) else ("", text)
    wanted = {**before.secrets, name: replace(entry, deliver=(*entry.deliver, *missing))}
    made = mark + _added(body, name, [delivery_text(one) for one in missing], path)
    try:
        after = read_inventory(made.encode(), path)
    except HardenError:
        after = before
    if after.vault != before.vault or after.secrets != wanted:
        raise HardenError(
            f"{path}: the deliveries of {name} cannot be added to it without changing what it says",
            f"add them to it by hand: {'; '.join(delivery_text(one) for one in missing)}; then: harden secrets resume",
        )
    return made


def _added(text: str, name: str, items: Sequence[str], path: str) -> str:
    entry = _value(_value(parse(text.encode(), Problems(path)).root, "secrets"), name)
    if not isinstance(entry, Mapping):
        return text
    listed = _value(entry, "deliver")
    if isinstance(listed, Items) and listed.items and listed.flow:
        end = content_end(listed)
        return f"{text[:end]}, {', '.join(items)}{text[end:]}"
    if isinstance(listed, Items) and listed.items:
        first = listed.items[0]
        indent = text[text.rfind("\n", 0, first.start) + 1 : first.start]  # with the dash
        return after_line(text, content_end(listed), "".join(f"{indent}{item}\n" for item in items))
    if listed is None and not entry.flow and entry.pairs:
        indent = indent_of(text, next(iter(entry.pairs.values()))[0])
        lines = f"{indent}deliver:\n" + "".join(f"{indent}{STEP}- {item}\n" for item in items)
        return after_line(text, content_end(entry), lines)
    return text


def _value(node: Node | None, key: str) -> Node | None:
    found = node.pairs.get(key) if isinstance(node, Mapping) else None
    return found[1] if found is not None else None
