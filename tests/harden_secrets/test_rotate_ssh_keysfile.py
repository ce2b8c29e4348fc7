"""authorized_keys files as text: what is changed in one, and that nothing else is."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harden_secrets.rotate.kinds.ssh.authorizedkeys import (
    LastKeyError,
    is_authority,
    is_in,
    parse,
    split_options,
    with_beside,
    with_expiry,
    without,
)


def blob(seed: bytes, kind: bytes = b"ssh-ed25519") -> bytes:
    return len(kind).to_bytes(4, "big") + kind + (32).to_bytes(4, "big") + seed.ljust(32, b".")


def text(key: bytes) -> bytes:
    return b"ssh-ed25519 " + base64.b64encode(key)


OLD, NEW, OTHER = blob(b"old"), blob(b"new"), blob(b"other")
OPTIONS = st.sampled_from(
    [
        b"restrict",
        b'from="10.0.0.0/8,!10.1.1.1"',
        b'command="echo \\"a b\\", # c"',
        b'environment="A=b c"',
        b"No-PTY",
        b'permitopen="host:22"',
        b'Expiry-Time="20200101"',
        b'command="sh -c \\"ssh-ed25519 x\\""',
    ]
)
COMMENTS = st.sampled_from([b"", b" a@b", b"\tx  y", b" old # not a comment", b" \xff\xfe"])
ENDINGS = st.sampled_from([b"\n", b"\r\n"])


@st.composite
def key_lines(draw: st.DrawFn) -> bytes:
    """A line with a key, as people and programs write it."""
    options = b",".join(draw(st.lists(OPTIONS, max_size=4)))
    lead = draw(st.sampled_from([b"", b" ", b"\t "]))
    gap = draw(st.sampled_from([b" ", b"  ", b" \t"])) if options else b""
    key = text(draw(st.sampled_from([OLD, OTHER]))).replace(b" ", draw(st.sampled_from([b" ", b"  "])))
    return lead + options + gap + key + draw(COMMENTS)


OTHER_LINES = st.sampled_from(
    [b"", b"# a comment with ssh-ed25519", b"   ", b"junk", b'command="no end', b"ssh-rsa AAAA"]
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A whole file, which may lack its last line feed."""
    lines = draw(st.lists(st.one_of(key_lines(), OTHER_LINES), max_size=8))
    made = b"".join(line + draw(ENDINGS) for line in lines)
    return made.rstrip(b"\r\n") if draw(st.booleans()) else made


@given(st.binary(max_size=300))
def test_the_lines_of_any_bytes_are_those_bytes(content: bytes) -> None:
    """Whatever a file holds, reading it and writing it again changes nothing."""
    assert b"".join(map(bytes, parse(content))) == content


@given(files())
def test_the_new_key_stands_behind_each_line_of_the_old_one(content: bytes) -> None:
    """With that line's options but for an expiry; every other line stays, byte for byte, and again changes nothing."""
    after = with_beside(content, OLD, NEW, b"new@x")
    if not is_in(content, OLD):
        assert after == content
        return
    before, lines = parse(content), parse(after)
    assert [bytes(line).rstrip(b"\r\n") for line in lines if line.blob != NEW] == [
        bytes(line).rstrip(b"\r\n") for line in before
    ]
    for at, line in enumerate(lines):
        if line.blob == NEW:
            behind = lines[at - 1]
            assert behind.blob == OLD
            assert behind.ending
            wanted = [one for one in split_options(behind.options) if not one.lower().startswith(b"expiry-time")]
            assert split_options(line.options) == wanted
    assert sum(line.blob == NEW for line in lines) == sum(line.blob == OLD for line in before)
    assert with_beside(after, OLD, NEW, b"new@x") == after


@given(files())
def test_what_was_put_in_can_be_taken_out(content: bytes) -> None:
    """Then the file is what it was, with a line feed at the end of each line."""
    after = without(with_beside(content, OLD, NEW, b""), NEW, keep=OLD) if is_in(content, OLD) else content
    assert after.rstrip(b"\r\n") == content.rstrip(b"\r\n")


@given(files())
def test_the_old_key_goes_and_nothing_else(content: bytes) -> None:
    """The other lines stay as they are."""
    both = with_beside(content, OLD, NEW, b"")
    if not is_in(content, OLD):
        return
    after = without(both, OLD, keep=NEW)
    assert not is_in(after, OLD)
    assert is_in(after, NEW)
    assert [line for line in parse(after) if line.blob == OTHER] == [line for line in parse(both) if line.blob == OTHER]


@given(files())
def test_the_last_working_key_is_never_taken_out(content: bytes) -> None:
    """A file in which the key that is to stay is not, or is the same, is left alone."""
    with pytest.raises(LastKeyError):
        without(content, OLD, keep=NEW)
    with pytest.raises(LastKeyError):
        without(content, OLD, keep=OLD)


@given(files())
def test_every_line_of_the_key_gets_an_end(content: bytes) -> None:
    """Of other lines no byte changes; once more changes nothing; the earlier one of two ends stays."""
    late = with_expiry(content, OLD, b"20301231235959Z")
    for before, after in zip(parse(content), parse(late), strict=True):
        if before.blob == OLD:
            assert any(one.lower().startswith(b"expiry-time") for one in split_options(after.options))
            assert (after.key, after.after) == (before.key, before.after)
        else:
            assert after == before
    assert with_expiry(late, OLD, b"20301231235959Z") == late
    assert with_expiry(late, OLD, b"20401231235959Z") == late
    early = with_expiry(late, OLD, b"20290101000000Z")
    assert early.count(b'"20290101000000Z"') == sum(line.blob == OLD for line in parse(content))
    assert b"20301231235959Z" not in early


@pytest.mark.parametrize(
    "broken", [b"", b"ssh-ed25519", b"ssh-ed25519 AAAA", b'from="x ssh-ed25519 ' + base64.b64encode(OLD)]
)
def test_what_is_no_key_is_left_alone(broken: bytes) -> None:
    """A type without a key, base64 that is another type's, a quote that does not end."""
    assert not is_in(broken, OLD)
    assert with_beside(broken, OLD, NEW, b"") == broken


def test_a_key_without_a_final_line_feed_gets_one() -> None:
    """Else the two would be one line, and neither let in; the line ends of the file are kept."""
    assert with_beside(text(OLD), OLD, NEW, b"") == text(OLD) + b"\n" + text(NEW) + b"\n"
    crlf = text(OTHER) + b"\r\n" + text(OLD)
    assert with_beside(crlf, OLD, NEW, b"c") == crlf + b"\r\n" + text(NEW) + b" c\r\n"


def test_an_authority_is_no_line_of_the_key() -> None:
    """``cert-authority`` lets in what the key has signed, not the key."""
    line = b"cert-authority " + text(OLD)
    assert not is_in(line, OLD)
    assert is_authority(line, OLD)
