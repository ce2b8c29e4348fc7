"""YAML as the policy file has it: the meaning of YAML 1.2, lines, and limits."""

import re
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harden.document.problems import Problems
from harden.document.shape import excerpt
from harden.document.yamltree import Mapping, Node, Scalar, Sequence, parse
from harden.errors import HardenError


def tree(text: str | bytes) -> Node:
    """The top node; every problem raises."""
    problems = Problems("p.yaml")
    root = parse(text if isinstance(text, bytes) else text.encode(), problems).root
    problems.raise_if_any()
    return root


def value(text: str) -> Scalar:
    """The scalar of ``a: …``."""
    root = tree(f"a: {text}\n")
    assert isinstance(root, Mapping)
    node = root.pairs["a"][1]
    assert isinstance(node, Scalar)
    return node


def complaint(text: str | bytes) -> str:
    """What is said about a file that is refused."""
    with pytest.raises(HardenError) as caught:
        tree(text)
    return "\n".join(caught.value.messages)


@pytest.mark.parametrize(
    "text",
    [
        *("no", "yes", "on", "off", "y", "n", "22:22", "190:20:30", "0x10", "0o17", "1_000", "0b1", "+0x1", "="),
        *("2026-12-24", "2026-12-24T18:00:00Z", "1.2.3", "1e", "e3", ".", "tRUE", "nULL", "+.nan", "12e03x"),
        *("fd00::1", "::1"),
    ],
)
def test_what_yaml_1_2_calls_text_is_text(text: str) -> None:
    """What YAML 1.1 took for booleans, numbers of base 60, dates and the like is text, as written."""
    node = value(text)
    assert (node.kind, node.value) == ("string", text)


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("null", ["", "~", "null", "Null", "NULL"]),
        ("boolean", ["true", "True", "TRUE", "false", "False", "FALSE"]),
        ("number", ["1", "-1", "+12", "007", "1.5", ".5", "1.", "1e3", "-1.5E-3", ".inf", "-.INF", ".nan"]),
    ],
)
def test_the_core_schema_resolves_the_rest(kind: str, texts: list[str]) -> None:
    """Null, booleans and decimal numbers are what they are; between quotes they are text."""
    assert {value(text).kind for text in texts} == {kind}
    assert {value(f'"{text}"').kind for text in texts} == {"string"}
    assert {value(f"!!str {text}").kind for text in texts} == {"string"}


def test_nodes_know_their_lines() -> None:
    """Lines count from 1, whatever the line ends, and a byte order mark is no content."""
    root = tree("\ufeff# top\r\na:\r\n  - b\r\n\r\n  - c: d\r\n".encode())
    assert isinstance(root, Mapping)
    key, items = root.pairs["a"]
    assert isinstance(items, Sequence)
    assert (key.line, [item.line for item in items.items]) == (2, [3, 5])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- {to: nas,  services: [ssh]}  # why\n- x", "{to: nas,  services: [ssh]}"),
        (
            "- to: nas  # the box\n  services:\n    - ssh\n    - 'a b'\n# after\n- x",
            "{to: nas, services: [ssh, 'a b']}",
        ),
        ("- {to: nas, # why\n   services: []}\n", "{to: nas, services: []}"),
        ('- "a\n  b"\n', '"a b"'),
        ("- " + "x" * 300 + "\n", "x" * 199 + "…"),
    ],
)
def test_an_excerpt_is_the_entry_on_one_line(text: str, expected: str) -> None:
    """An entry is quoted as written; one that spans lines is set in flow style, without comments."""
    problems = Problems("p.yaml")
    parsed = parse(text.encode(), problems)
    assert isinstance(parsed.root, Sequence)
    assert excerpt(parsed.text, parsed.root.items[0]) == expected


def test_excerpts_of_aliases_do_not_grow() -> None:
    """An entry that repeats another a thousand times over is cut like any other."""
    text = "- &a [" + ", ".join(["xyz"] * 500) + "]\n- [" + ", ".join(["*a"] * 500) + "\n  ]\n"
    parsed = parse(text.encode(), Problems("p.yaml"))
    assert isinstance(parsed.root, Sequence)
    assert len(excerpt(parsed.text, parsed.root.items[1])) <= 200


def test_duplicate_keys_name_both_lines() -> None:
    """The second of two equal keys is a problem, and all of them are reported."""
    assert complaint("a: 1\nb: 2\na: 3\nc: {d: 1,\n d: 2}\n").splitlines() == [
        'p.yaml:3: key "a" is there twice, first in line 1',
        'p.yaml:5: key "d" is there twice, first in line 4',
    ]


def test_an_alias_stands_for_its_anchor() -> None:
    """An alias is the node of its anchor, and keeps the anchor's line."""
    root = tree("a: &x [1]\nb: *x\n")
    assert isinstance(root, Mapping)
    assert root.pairs["b"][1] is root.pairs["a"][1]
    assert root.pairs["b"][1].line == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "p.yaml:1: the file is empty"),
        ("# nothing\n", "p.yaml:1: the file is empty"),
        ("a: b\n---\nc: d\n", "p.yaml:2: a second document begins"),
        ("a: &x [*x]\n", "p.yaml:1: *x stands inside what it refers to"),
        ("a: &x 1\nb: &x {c: *x}\n", "p.yaml:2: *x stands inside what it refers to"),
        ("a: *y\n", "p.yaml:1: no anchor &y before this *y"),
        ("b: &m {c: 1}\na:\n  <<: *m\n", "p.yaml:3: merge keys (<<) are not supported"),
        ("[a]: b\n", "p.yaml:1: a list or a mapping cannot be a key"),
        ("a: !!python/object/apply:os.system [ls]\n", 'p.yaml:1: the tag "!!python/object/apply:os.system" is not'),
        ("a: !!binary aGk=\n", 'p.yaml:1: the tag "!!binary" is not supported'),
        ("a: !!int 3\n", 'p.yaml:1: the tag "!!int" is not supported'),
        ("a:\n\t- b\n", "p.yaml:2: a tab in the indentation"),
        ("a: 'b\nc: d\n", "p.yaml:1: the quote that opens here is never closed"),
        ("a: [b\nc: d\n", "p.yaml:2: "),
        ("a: {b: c\n", 'p.yaml:1: a "," is missing, or the "}" of the "{" in line 1'),
        ("a: b: c\n", 'p.yaml:1: a ":" where none can be'),
        ("a: b\n c: d\n", 'p.yaml:2: a ":" where none can be'),
        ("a: b\nc\n", 'p.yaml:2: a key without ":"'),
        ("a:\n   b: 1\n  c: 2\n", "p.yaml:3: wrong indentation"),
        ("a: @b\n", "p.yaml:1: a word cannot begin with @"),
        ('a: "\\q"\n', "p.yaml:1: no such escape between double quotes"),
        ("a: \x07\n", "p.yaml:1: the character U+0007 cannot stand in YAML as it is"),
        ("a: b\nc: d\u2028e\n", "p.yaml:2: the character U+2028 cannot stand"),
        (b"a: b\nc: \xff\n", "p.yaml:2: is not UTF-8 text"),
        ("a: b".encode("utf-16"), "p.yaml:1: is not UTF-8 text"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "p.yaml:1: the character U+007F cannot stand"),
        ("[" * 65, "p.yaml:1: nested deeper than 64 levels"),
        pytest.param("[" * 10_000_000, "p.yaml:1: nested deeper than 64 levels", id="10-mb-of-brackets"),
        pytest.param("\n".join(" " * d + "a:" for d in range(200)), "nested deeper than 64 levels", id="a-staircase"),
    ],
)
def test_what_is_refused(text: str | bytes, said: str) -> None:
    """Each of these is refused with the line and a reason, never with a traceback."""
    assert said in complaint(text)


def test_an_alias_counts_with_its_depth() -> None:
    """Anchors within anchors cannot nest deeper than what is written out."""
    text = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 80))
    assert "nested deeper than 64 levels" in complaint(text)


def test_a_billion_laughs_are_refused_at_once() -> None:
    """Aliases that multiply are counted, not followed."""
    text = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    start = time.process_time()
    assert "more than 1000000 values, aliases followed" in complaint(text)
    assert time.process_time() - start < 1


def test_without_libyaml_the_tree_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML's own parser serves where it was built without libyaml."""
    text = "\ufeffa: {b: [1, 'x', \"y\\n\"]}\nc: &x\n  - d: no\n    e: 2026-12-24T18:00:00Z\nf: *x\n".encode()

    def flat(node: Node) -> object:
        if isinstance(node, Scalar):
            return (node.value, node.kind, node.line, node.start, node.end)
        if isinstance(node, Sequence):
            return (node.line, node.start, [flat(item) for item in node.items])
        return (node.line, node.start, [(flat(key), flat(item)) for key, item in node.pairs.values()])

    with_libyaml = flat(tree(text))
    assert yaml.__with_libyaml__
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert flat(tree(text)) == with_libyaml


@given(st.one_of(st.binary(max_size=200), st.text(st.sampled_from("ab:-[]{}&*!|>'\"#%@, \n\t?<~0é"), max_size=60)))
def test_any_bytes_give_a_tree_or_an_error_with_a_line(data: bytes | str) -> None:
    """Nothing but HardenError comes out, and each of its messages begins with the file and a line."""
    problems = Problems("p.yaml")
    said: tuple[str, ...] = ()
    try:
        parse(data if isinstance(data, bytes) else data.encode(), problems)
    except HardenError as error:
        said = tuple(error.messages)
    assert all(re.match(r"p\.yaml:[1-9]", message) for message in said)
