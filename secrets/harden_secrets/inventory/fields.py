"""Reading single fields of an inventory: an optional text, number or length of time, checked by a rule."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from harden.document.shape import Fields, Shape, describe
from harden.document.wording import listing, quote
from harden.document.yamltree import Mapping, Node, Scalar
from harden_secrets.inventory.spans import DURATION_EXAMPLE, parse_duration

Rule = Callable[[str], str | None]
"""What is wrong with a text, or None."""


def fine(_text: str) -> None:
    """The rule that has nothing to say."""


def text(shape: Shape, fields: Fields, key: str, rule: Rule = fine) -> str:
    """An optional text; empty where it is not there, or wrong (which then is a problem)."""
    if key not in fields:
        return ""
    node = fields[key][1]
    value = shape.string(node, quote(key)) or ""
    return checked(shape, node, value, rule)


def checked(shape: Shape, node: Node, value: str, rule: Rule) -> str:
    """The text if the rule has nothing against it, else nothing."""
    if value and (wrong := rule(value)):
        shape.problems.add(node.line, wrong)
        return ""
    return value


def texts(shape: Shape, fields: Fields, key: str, rule: Rule = fine) -> tuple[str, ...]:
    """An optional list of texts, or a single one."""
    if key not in fields:
        return ()
    found = shape.one_or_more(fields[key][1], quote(key))
    return tuple(value for one, node in found if (value := checked(shape, node, one, rule)))


def number(shape: Shape, fields: Fields, key: str, default: int, most: int) -> int:
    """An optional whole number from 1 to ``most``."""
    if key not in fields:
        return default
    node = fields[key][1]
    written = node.value if isinstance(node, Scalar) else ""
    if written.isascii() and written.isdigit() and 1 <= int(written[:20]) <= most:
        return int(written)
    shape.problems.add(node.line, f"{quote(key)} must be a number from 1 to {most}, not {describe(node)}")
    return default


def flag(shape: Shape, fields: Fields, key: str) -> bool:
    """An optional ``true`` or ``false``; not there is ``false``."""
    if key not in fields:
        return False
    node = fields[key][1]
    if isinstance(node, Scalar) and node.kind == "boolean":
        return node.value.lower() == "true"
    shape.problems.add(node.line, f"{quote(key)} must be true or false, not {describe(node)}")
    return False


def duration(shape: Shape, fields: Fields, key: str) -> timedelta | None:
    """An optional length of time."""
    if key not in fields:
        return None
    node = fields[key][1]
    value = shape.string(node, quote(key), DURATION_EXAMPLE)
    if value is None:
        return None
    try:
        return parse_duration(value)
    except ValueError as error:
        shape.problems.add(node.line, str(error))
        return None


def needs(shape: Shape, node: Node, fields: Fields, what: str, wanted: tuple[str, ...]) -> bool:
    """Whether all that is wanted is there; what is not is one problem."""
    missing = [quote(key) for key in wanted if key not in fields]
    if missing and isinstance(node, Mapping):
        shape.problems.add(node.line, f"{what} needs {listing(missing)}")
    return not missing and isinstance(node, Mapping)


def out_of_place(shape: Shape, fields: Fields, what: str, known: tuple[str, ...]) -> None:
    """A problem for each key that exists and does not belong here."""
    for name, (key, _) in fields.items():
        if name not in known:
            takes = listing([quote(one) for one in known])
            shape.problems.add(key.line, f"{what} has no {quote(name)}: it takes {takes}")


def entries(shape: Shape, fields: Fields, key: str) -> Iterator[Node]:
    """The items of an optional list."""
    if key in fields:
        yield from shape.items(fields[key][1], quote(key))
