"""Wrappings are undone in any order, nothing makes that fail, and nothing is decoded without a reason."""

import base64
import gzip
import io
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harden_secrets.budget import Budget, Meter
from harden_secrets.confidential import Confidential
from harden_secrets.examine import Sighting, Unexamined, examine
from harden_secrets.material import Detection, Detector, Material, Signature
from harden_secrets.unwrap import Clues, Part, archived, from_base64, from_escapes, from_hexadecimal, from_percent
from harden_secrets.unwrap.base64text import decode
from harden_secrets.unwrap.clues import base64_forms, is_text
from tests.harden_secrets.planted.wrappings import WRAPPINGS

MARK = b"PLANTED+KEY: 0123456789abcdef"


def find_mark(content: bytes, _surroundings: object) -> list[Detection]:
    start = content.find(MARK)
    found = Detection(Material.API_TOKEN, Confidential(MARK), start, start + len(MARK))
    return [found] if start >= 0 else []


DETECTORS = (Detector("mark", (Signature(b"PLANTED+KEY:"),), find_mark),)


def seen(content: bytes) -> list[tuple[str, ...]]:
    return [one.encodings for one in examine(content, "x", DETECTORS) if isinstance(one, Sighting)]


def parts(content: bytes, budget: Budget | None = None) -> list[Part]:
    clues, meter = Clues(DETECTORS[0].signatures), Meter(budget or Budget())
    whole = list(archived(content, meter))
    return whole or [
        *from_base64(content, clues, meter, _from_there),
        *from_hexadecimal(content, clues, meter, _from_there),
        *from_percent(content, meter, _from_there),
        *from_escapes(content, meter, _from_there),
    ]


def _from_there(offset: int) -> int:
    return offset


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    stack=st.lists(st.sampled_from(sorted(WRAPPINGS)), min_size=1, max_size=6),
    before=st.sampled_from([b"", b"\n", b"a: ", b"x=", b"some words, then\n", b"\xff\x00\n"]),
    after=st.sampled_from([b"", b"\n", b" and more\n", b'"']),
)
def test_any_stack_of_wrappings_is_undone(stack: list[str], before: bytes, after: bytes) -> None:
    """Innermost first in ``stack``; the finding names them outermost first.

    Percent-encoding may have touched nothing but the padding of base64, which is found without undoing it, and so is
    a piece of base64 between two escapes: what was packed as it was, not compressed, is found in that at once.
    """
    content, layers = b"text around a " + MARK + b" here", Layers(MARK)
    for name in stack:
        label, wrap = WRAPPINGS[name]
        if label == "percent" and (wrap(content) == content or layers.labels[:1] == ["percent"]):
            continue  # nothing in it needs such an escape, or only that of an escape
        content = wrap(content)
        layers.add(label, content)
    if stack[-1] in ("base64", "base64 in lines", "hexadecimal"):
        content = before + content + after
    assert [told for told in seen(content) if layers.allow(told)], (layers.labels, seen(content))


class Layers:
    """What is around a mark, outermost first, and what a finding may leave unsaid of it."""

    def __init__(self, mark: bytes) -> None:
        self.labels: list[str] = []
        self._packed: list[bool] = []  # whether what was inside stands in it byte for byte
        self._inner = mark

    def add(self, label: str, content: bytes) -> None:
        """One more around it, which makes ``content`` of it."""
        packed = self._inner in content
        self.labels.insert(0, label)
        self._packed.insert(0, packed)
        self._inner = self._inner if packed else content

    def allow(self, told: Iterable[str]) -> bool:
        """Whether a finding may say so: all of them, but for escapes, and for what was packed in escaped text."""
        pattern = ""
        for number, label in enumerate(self.labels):
            unsaid = label == "percent" or (self._packed[number] and "percent" in self.labels[:number])
            pattern += f"(?:{re.escape(label)};){'?' * unsaid}"
        return re.fullmatch(pattern, "".join(f"{label};" for label in told)) is not None


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_taken(content: bytes) -> None:
    """Nothing raises, with or without the beginning of something."""
    for magic in (
        b"",
        b"\x1f\x8b\x08\x00",
        b"\xfd7zXZ\x00",
        b"\x28\xb5\x2f\xfd",
        b"BZh91AY&SY",
        b"PK\x03\x04",
        b"\x78\x9c",
    ):
        list(examine(magic + content, "x", DETECTORS))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(sorted(WRAPPINGS)), cut=st.integers(0, 400), byte=st.integers(0, 255))
def test_damaged_wrappings_are_taken(name: str, cut: int, byte: int) -> None:
    """Cut short or with one byte changed, a wrapping gives what can be had of it."""
    content = bytearray(WRAPPINGS[name][1](MARK * 4))
    content[cut % len(content)] = byte
    list(examine(bytes(content), "x", DETECTORS))
    list(examine(bytes(content[: cut % len(content)]), "x", DETECTORS))


def test_what_comes_before_the_damage_is_looked_at() -> None:
    """The rest of a gzip file may be gone."""
    content = gzip.compress(MARK + os.urandom(100_000))
    assert seen(content[:50_000]) == [("gzip",)]


def test_several_streams_are_one_content() -> None:
    """gzip files that were put one behind the other."""
    assert seen(gzip.compress(MARK[:10]) + gzip.compress(MARK[10:])) == [("gzip",)]


@pytest.mark.parametrize(
    "content",
    [
        b"sha256:" + os.urandom(32).hex().encode(),
        b"integrity sha512-" + base64.b64encode(os.urandom(64)),
        b"data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + os.urandom(3000)),
        b"commit " + os.urandom(20).hex().encode(),
        b"kubernetesServiceAccountTokenVolumeProjectionName/withSubPathAndMore",
        b"AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD",
    ],
)
def test_hashes_images_and_names_are_not_decoded(content: bytes) -> None:
    """What decodes to noise is left alone after its first bytes."""
    assert parts(content) == []


def test_a_signature_deep_in_a_run_is_reason_enough() -> None:
    """Its base64 shows at any of the three alignments, though the run begins with noise."""
    for lead in range(200, 203):
        assert seen(b"x: " + base64.b64encode(os.urandom(lead) + MARK)) == [("base64",)]


def test_a_word_before_a_run_does_not_shift_it() -> None:
    """A slash is of the alphabet, but a path's last name is what counts."""
    assert seen(b"keys/" + base64.b64encode(MARK)) == [("base64",)]


@given(st.binary(max_size=60))
def test_base64_of_either_alphabet_is_decoded(content: bytes) -> None:
    """With and without padding, in lines and in one."""
    assert decode(base64.b64encode(content)) == content
    assert decode(base64.urlsafe_b64encode(content).rstrip(b"=")) == content
    assert decode(base64.encodebytes(content)) == content


@given(literal=st.binary(min_size=8, max_size=20), before=st.binary(max_size=9), after=st.binary(max_size=9))
def test_one_of_the_forms_is_in_any_base64_of_a_literal(literal: bytes, before: bytes, after: bytes) -> None:
    """Whatever stands around it."""
    encoded = base64.b64encode(before + literal + after)
    assert any(form in encoded for form in base64_forms(literal))


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"", False),
        (b"plain", True),
        (b"\xc3\xa9t\xc3\xa9", True),
        (b"caf\xc3", True),
        (b"\x00\x01", False),
        (b"\xff\xfe", False),
    ],
)
def test_text_is_told_from_noise(head: bytes, expected: bool) -> None:
    """A character that is cut off at the end does not matter."""
    assert is_text(head) is expected


def test_a_budget_bounds_what_comes_out() -> None:
    """And the part says so."""
    [part] = parts(zlib.compress(bytes(1 << 22)), Budget(layer=1 << 16))
    assert (len(part.content), part.bomb) == (1 << 16, True)
    assert part.missed


def test_too_many_members_are_told_of() -> None:
    """The layers are counted over a whole archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for number in range(50):
            member = tarfile.TarInfo(str(number))
            member.size = 10
            archive.addfile(member, io.BytesIO(b"0123456789"))
    told = list(examine(out.getvalue(), "x", DETECTORS, Budget(layers=20)))
    assert [one.bomb for one in told if isinstance(one, Unexamined)] == [True]


def test_a_zip_under_a_password_is_told_of() -> None:
    """Its members cannot be looked into: no clean result."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("secret", MARK)
    content = bytearray(out.getvalue())
    content[6] |= 1  # the flag in the member's header
    central = content.index(b"PK\x01\x02")
    content[central + 8] |= 1
    told = [one for one in examine(bytes(content), "x", ()) if isinstance(one, Unexamined)]
    assert [one.encodings for one in told] == [("zip:secret",)]
    assert not told[0].bomb


def test_links_and_devices_of_a_tar_have_no_content() -> None:
    """A link's size field says nothing about the bytes behind it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        member = tarfile.TarInfo("file")
        member.size = len(MARK)
        archive.addfile(member, io.BytesIO(MARK))
    assert seen(out.getvalue()) == [("tar:file",)]
