"""The section ``rotate`` of a secret."""

from harden.document.shape import Fields, Shape
from harden.document.wording import quote
from harden.document.yamltree import Node
from harden_secrets.inventory.blackouts import BLACKOUT_EXAMPLE, leaves_no_day, parse_blackout
from harden_secrets.inventory.fields import duration, needs
from harden_secrets.inventory.model import Blackout, Rotate, Window
from harden_secrets.inventory.spans import WINDOW_EXAMPLE, duration_text, parse_window

ROTATE_KEYS = ("every", "overlap", "window", "jitter", "blackout")


def read_rotate(shape: Shape, node: Node) -> Rotate | None:
    """When it rotates, or None where that is wrong."""
    fields = shape.fields(node, '"rotate"', ROTATE_KEYS)
    if not needs(shape, node, fields, '"rotate"', ("every",)):
        return None
    every = duration(shape, fields, "every")
    if every is None:
        return None
    zero = every - every
    rotate = Rotate(
        every=every,
        overlap=duration(shape, fields, "overlap") or zero,
        window=_read_window(shape, fields["window"][1]) if "window" in fields else None,
        jitter=duration(shape, fields, "jitter") or zero,
        blackout=_read_blackouts(shape, fields["blackout"][1]) if "blackout" in fields else (),
        place=shape.place(node),
    )
    _check_spans(shape, fields, rotate)
    return rotate


def _check_spans(shape: Shape, fields: Fields, rotate: Rotate) -> None:
    every = duration_text(rotate.every)
    if not rotate.every:
        shape.problems.add(fields["every"][1].line, '"every" cannot be no time at all')
    for name, length in (("overlap", rotate.overlap), ("jitter", rotate.jitter)):
        if rotate.every and length >= rotate.every:
            message = f"{quote(name)} must be shorter than {quote('every')}, which is {every}"
            shape.problems.add(fields[name][1].line, message)
    if rotate.window is not None and rotate.jitter > rotate.window.length:
        hours = duration_text(rotate.window.length)
        shape.problems.add(fields["jitter"][1].line, f'"jitter" would leave the window, which is {hours} long')


def _read_window(shape: Shape, node: Node) -> Window | None:
    written = shape.string(node, '"window"', WINDOW_EXAMPLE)
    if written is None:
        return None
    try:
        return Window(*parse_window(written))
    except ValueError as error:
        shape.problems.add(node.line, str(error))
        return None


def _read_blackouts(shape: Shape, node: Node) -> tuple[Blackout, ...]:
    found = []
    for written, item in shape.one_or_more(node, '"blackout"', BLACKOUT_EXAMPLE):
        try:
            found.append(parse_blackout(written))
        except ValueError as error:
            shape.problems.add(item.line, str(error))
    if leaves_no_day(found):
        shape.problems.add(node.line, '"blackout" leaves no day on which a rotation could begin')
    return tuple(found)
