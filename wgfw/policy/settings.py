"""The sections ``defaults`` and ``tests``."""

import re
from collections.abc import Collection

from harden.document.shape import Shape, describe
from harden.document.wording import listing, quote
from harden.document.yamltree import Mapping, Node, Scalar
from wgfw import services
from wgfw.addresses import FAMILIES, parse_ip
from wgfw.intervals import IntervalSet
from wgfw.policy.document import Defaults, PolicyTest
from wgfw.policy.interfaces import check_profile, read_profile_name
from wgfw.policy.people import check_mode
from wgfw.policy.terms import Terms, looks_like_address

DEFAULTS_KEYS = ("profile", "on_allow", "mode", "mark")
TEST_KEYS = ("from", "to", "service", "expect")
ON_ALLOW = ("accept", "return")
EXPECT = ("allow", "deny")

_MASK = re.compile(r"0[xX][0-9a-fA-F]{1,8}\Z|[0-9]{1,10}\Z")


def read_defaults(shape: Shape, node: Node, profiles: Collection[str]) -> Defaults:
    """The ``defaults`` section."""
    fields = shape.fields(node, '"defaults"', DEFAULTS_KEYS)
    given = Defaults()
    profile = read_profile_name(shape, fields["profile"], profiles) if "profile" in fields else None
    if "profile" not in fields:
        check_profile(shape, given.profile, node.line, profiles)
    on_allow = shape.choice(fields["on_allow"][1], quote("on_allow"), ON_ALLOW) if "on_allow" in fields else None
    if "mode" in fields:
        check_mode(shape, fields["mode"][1])
    mark = _read_mark(shape, fields["mark"][1]) if "mark" in fields else None
    return Defaults(profile or given.profile, on_allow or given.on_allow, mark or given.mark)


def _read_mark(shape: Shape, node: Node) -> int | None:
    """Two bits of the packet mark, as 0x… (text by YAML 1.2) or a decimal number."""
    text = node.value if isinstance(node, Scalar) else ""
    mark = int(text, 16 if text[:2] in ("0x", "0X") else 10) if _MASK.match(text) else 0
    if mark.bit_count() != 2 or mark > 0xFFFFFFFF:
        message = f'"mark" must be a mask of two bits out of 32, such as 0x0c000000, not {describe(node)}'
        shape.problems.add(node.line, message)
        return None
    return mark


def read_tests(shape: Shape, node: Node, terms: Terms) -> tuple[PolicyTest, ...]:
    """The ``tests`` section; clients' names are looked up later, when the peers are known."""
    tests = (_read_test(shape, item, terms) for item in shape.items(node, '"tests"'))
    return tuple(test for test in tests if test is not None)


def _read_test(shape: Shape, node: Node, terms: Terms) -> PolicyTest | None:
    fields = shape.fields(node, "a test", TEST_KEYS)
    missing = [quote(key) for key in TEST_KEYS if key not in fields]
    if missing and isinstance(node, Mapping):
        shape.problems.add(node.line, f"a test needs {listing(missing)}")
    if missing:
        return None
    sender = shape.string(fields["from"][1], '"from"')
    to = _read_address(shape, fields["to"][1])
    service = _read_point(shape, fields["service"][1], terms)
    expect = shape.choice(fields["expect"][1], quote("expect"), EXPECT)
    if sender is None or to is None or service is None or expect is None:
        return None
    return PolicyTest(sender, to, service, expect, shape.place(node))


def _read_address(shape: Shape, node: Node) -> str | None:
    text = shape.string(node, '"to"')
    if text is None:
        return None
    try:
        parse_ip(text)
    except ValueError:
        slip = "bad address" if looks_like_address(text) else 'a test\'s "to" is one address, not'
        shape.problems.add(node.line, f"{slip} {quote(text)}")
        return None
    return text


def _read_point(shape: Shape, node: Node, terms: Terms) -> str | None:
    """One service in notation: a test asks for one packet, so a name must stand for one point."""
    name = shape.string(node, '"service"')
    if name is None:
        return None
    try:
        points = terms.service(name)
    except ValueError as error:
        shape.problems.add(node.line, str(error))
        return None
    notations = services.describe(points)
    if len(notations) != 1 or any(not _single(points, family) for family in FAMILIES):
        stands = listing(notations) if notations else "nothing"
        shape.problems.add(node.line, f"a test asks for one service, and {quote(name)} stands for {stands}")
        return None
    return "icmp/echo-request" if notations[0] == "ping" else notations[0]


def _single(points: IntervalSet, family: int) -> bool:
    """Whether in this family at most one port, or the codes of one ICMP type, remain."""
    spans = services.of_family(points, family).spans
    return not spans or (len(spans) == 1 and (spans[0][0] == spans[0][1] or _one_icmp_type(*spans[0])))


def _one_icmp_type(low: int, high: int) -> bool:
    return low >> 16 in (services.ICMP, services.ICMPV6) and low >> 8 == high >> 8
