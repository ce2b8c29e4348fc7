"""The first pass: whatever wraps a signature, it is seen; and nothing else is."""

import base64
import gzip
import hashlib
import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harden_secrets.detect import DETECTORS
from harden_secrets.detect.publichalf import SIGNATURES
from harden_secrets.encodedforms import encoded_forms
from harden_secrets.firstpass import MAKING, FirstPass, Interest
from harden_secrets.material import Detector, Encoding, Signature
from harden_secrets.unwrap import UNWRAP_SIGNATURES

LITERAL = b"-----BEGIN OPENSSH PRIVATE KEY"
KEY = Detector("key", (Signature(LITERAL),), lambda _content, _surroundings: ())
WORD = Detector(
    "word",
    (Signature(rb"pass(?:word)? {0,4}=", literal=False, ignore_case=True), Signature(b"PrivateKey", ignore_case=True)),
    lambda _content, _surroundings: (),
)
FIRST_PASS = FirstPass((KEY, WORD), (Signature(b"\x1f\x8b\x08"),), SIGNATURES)
FILLER = st.binary(max_size=70)
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "base64": base64.b64encode,
    "base64url": base64.urlsafe_b64encode,
    "base64 in lines": base64.encodebytes,
    "base64 twice": lambda plain: base64.b64encode(base64.b64encode(plain)),
    "hex": lambda plain: plain.hex().encode(),
    "HEX": lambda plain: plain.hex().upper().encode(),
    "\\x": lambda plain: "".join(f"\\x{byte:02x}" for byte in plain).encode(),
    "UTF-16LE": lambda plain: plain.decode("latin-1").encode("utf-16-le"),
    "UTF-16BE": lambda plain: plain.decode("latin-1").encode("utf-16-be"),
    "gzip": gzip.compress,
    "gzip in base64": lambda plain: base64.b64encode(gzip.compress(plain)),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(before=FILLER, after=FILLER)
def test_a_signature_is_seen_in_every_encoding(encoding: str, before: bytes, after: bytes) -> None:
    """Wherever in the encoded text it stands, and whatever surrounds it."""
    encoded = ENCODINGS[encoding](before + LITERAL + after)
    assert FIRST_PASS.deserves_look(b"x: " + encoded + b"\n")


@given(st.binary(min_size=8, max_size=24), FILLER, FILLER)
def test_a_form_of_base64_is_part_of_any_base64(plain: bytes, before: bytes, after: bytes) -> None:
    """One of the three alignments always is; also after a second encoding."""
    forms = [form for kind, form in encoded_forms(plain) if kind is Encoding.BASE64]
    once = base64.b64encode(before + plain + after)
    assert any(form in once for form in forms)
    assert any(form in base64.b64encode(once) for form in forms)


def test_only_what_is_seen_is_asked() -> None:
    """The detectors come in their order, and only those with a signature there."""
    assert [one.name for one in FIRST_PASS.detectors_for(b"Password = x " + LITERAL)] == ["key", "word"]
    assert [one.name for one in FIRST_PASS.detectors_for(b"PRIVATEKEY")] == ["word"]
    assert not FIRST_PASS.detectors_for(b"nothing of the kind")


def test_capitals_matter_not_in_base64_either() -> None:
    """A signature that ignores case is found in the base64 of its usual spellings."""
    for spelling in (b"PrivateKey", b"privatekey", b"PRIVATEKEY", b"Privatekey"):
        assert FIRST_PASS.detectors_for(base64.b64encode(b"[Interface]\n" + spelling + b" = "))


VALUE = base64.b64encode(b"short").decode()
MANIFEST = {"apiVersion": "v1", "data": {"pin": VALUE}, "kind": "Secret", "metadata": {"name": "a"}}


@pytest.mark.parametrize(
    "text",
    [
        f"kind: Secret\ndata:\n  pin: {VALUE}\n",
        f"kind: Secret\r\ndata:\r\n  # of the door\r\n  pin: {VALUE}\r\n",
        "stringData: {'pin': short}\nkind: Secret\n",
        "kind: 'Secret'\nstringData:\n  pin: |\n    short\n",
        json.dumps(MANIFEST),
        json.dumps(MANIFEST, indent=2),
        json.dumps({"last-applied": json.dumps(MANIFEST)}),
        json.dumps({"a": json.dumps({"b": json.dumps(MANIFEST)})}),
        json.dumps({"manifest": f"kind: Secret\ndata:\n  pin: {VALUE}\n"}),
    ],
)
def test_a_secret_is_looked_at_whatever_its_values_are(text: str) -> None:
    """They are base64 of anything, under names that say nothing."""
    assert FIRST_PASS.deserves_look(text.encode())
    assert not FIRST_PASS.detectors_for(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "kind: Secret\nmetadata:\n  name: empty\n",
        "kind: SealedSecret\ndata:\n  pin: AgBy\n",
        '{"x-kinds": [{"kind": "Secret"}], "data": {"additionalProperties": {"type": "string"}}}',
        '{"x-kinds": [{"kind": "Secret"}], "data": {"description": "Data holds it.", "type": "object"}}',
    ],
)
def test_what_only_speaks_of_secrets_is_not(text: str) -> None:
    """OpenAPI documents do, and are large."""
    assert not FIRST_PASS.deserves_look(text.encode())


@pytest.mark.parametrize("text", [b'key = filebase64("x.key")', b"secretGenerator:\n- files: [x]\n"])
def test_a_reference_to_another_file_is_followed(text: bytes) -> None:
    """There is no signature of a key in it."""
    assert FIRST_PASS.deserves_look(text)


def test_a_public_half_is_no_secret() -> None:
    """It is noted, and nothing looks for keys in it."""
    assert FIRST_PASS.interest_in(b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5") == Interest.PUBLIC
    assert FIRST_PASS.interest_in(b"kind: SealedSecret") == Interest.NOTHING
    assert FIRST_PASS.interest_in(b"") == Interest.NOTHING


def test_views_and_buffers_are_searched_like_bytes() -> None:
    """A file is read into a buffer that is used again."""
    buffer = bytearray(b"..." + LITERAL + b"...")
    assert FIRST_PASS.deserves_look(buffer)
    assert FIRST_PASS.deserves_look(memoryview(buffer)[2:])
    assert not FIRST_PASS.deserves_look(memoryview(buffer)[:20])


def test_what_is_kept_belongs_to_what_is_made() -> None:
    """If this fails, something else is made of a signature: raise MAKING, and put the new value here."""
    signatures = (Signature(LITERAL), Signature(b"PrivateKey", ignore_case=True), Signature(rb"\Aab?", literal=False))
    made = sorted(pattern for one in signatures for pattern in FIRST_PASS._in_all_forms(0, one))
    assert (MAKING, hashlib.sha256(repr(made).encode()).hexdigest()[:16]) == (1, "4af2b68c2884fef7")


def test_every_signature_of_every_detector_is_one() -> None:
    """All of them compile, and what a detector searches for literally is seen by the pass that is used."""
    everything = FirstPass(DETECTORS, UNWRAP_SIGNATURES, SIGNATURES)
    for detector in DETECTORS:
        for signature in detector.signatures:
            if signature.literal:
                text = b" " + signature.pattern + b" "
                assert not signature.plain or detector in everything.detectors_for(text)
                assert not signature.encoded or detector in everything.detectors_for(base64.b64encode(text))
