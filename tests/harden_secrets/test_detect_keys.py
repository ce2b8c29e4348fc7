"""Every kind of key file is recognised for what it is, and nothing else is."""

import base64
import json
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harden_secrets.detect import KEY_DETECTORS
from harden_secrets.firstpass import FirstPass
from harden_secrets.material import Material
from tests.harden_secrets.keys.asking import NOWHERE, found, only
from tests.harden_secrets.keys.catalogue import HARMLESS, KINDS, Kind
from tests.harden_secrets.keys.programs import run

_MADE: dict[str, bytes] = {}


def made(kind: Kind) -> bytes:
    """A key of the kind, the same one all along: some take a while to make."""
    if kind.name not in _MADE:
        _MADE[kind.name] = kind.make()
    return _MADE[kind.name]


each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@pytest.fixture(scope="module")
def first_pass() -> FirstPass:
    return FirstPass(KEY_DETECTORS, ())


@each_kind
def test_every_kind_of_key_is_found_as_what_it_is(kind: Kind) -> None:
    """One detection, of the right material, that knows whether a passphrase guards it."""
    detection = only(made(kind))
    assert (detection.material, detection.protected) == (kind.material, kind.protected)
    assert "damaged" not in detection.description


@each_kind
def test_two_keys_of_a_kind_have_two_identities(kind: Kind) -> None:
    """The identity is the key's, not the format's."""
    assert only(made(kind)).identity != only(kind.make()).identity


@each_kind
def test_what_is_delimited_is_the_key(kind: Kind) -> None:
    """The bytes from start to end are recognised alone, as the same key; where only a name makes it one they are it."""
    content = made(kind)
    detection = only(content)
    cut = content[detection.start : detection.end]
    if kind.material is Material.TSIG_KEY:
        assert base64.b64decode(cut) == detection.identity.reveal()
    else:
        assert only(cut).identity == detection.identity


@each_kind
def test_the_first_pass_lets_no_key_by(kind: Kind, first_pass: FirstPass) -> None:
    """A detector that finds the key is among those asked, also where base64 hides it, for text at any alignment."""
    content = made(kind)
    names = {detector.name for detector in KEY_DETECTORS if any(detector.detect(content, NOWHERE))}
    shifts = range(1) if kind.binary else range(3)
    for form in (content, *(base64.b64encode(b"x" * shift + content) for shift in shifts)):
        assert names & {detector.name for detector in first_pass.detectors_for(form)}


AROUND: dict[str, Callable[[bytes], bytes]] = {
    "between comments": lambda key: b"# a comment\n" + key + b"\n# the end\n",
    "CRLF": lambda key: b"\r\n" + key.replace(b"\n", b"\r\n") + b"\r\n",
    "indented": lambda key: b"  key: |\n    " + key.replace(b"\n", b"\n    ") + b"\n  other: 1\n",
    "in JSON": lambda key: json.dumps({"key": key.decode()}).encode(),
}
# JSON in JSON is for whoever reads documents to undo.
STANDING = [
    (kind, name) for kind in KINDS for name in AROUND if not kind.binary and (name, kind.material) != ("in JSON", "jwk")
]


@pytest.mark.parametrize(("kind", "name"), STANDING, ids=[f"{kind.name} {name}" for kind, name in STANDING])
def test_text_is_found_where_it_stands(kind: Kind, name: str) -> None:
    """The same key as alone, whatever stands around it and however its lines end."""
    content = made(kind)
    assert only(AROUND[name](content)).identity == only(content).identity


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_public_or_a_message_is_no_finding(name: str) -> None:
    """Neither as it is nor within other text."""
    content = HARMLESS[name]()
    assert not found(content)
    assert not found(b"key: |\n  " + content.replace(b"\n", b"\n  "))


@each_kind
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_mutilated_key_does_no_harm(kind: Kind, data: st.DataObject) -> None:
    """Whatever bytes are changed, left out or put in: no exception, and every detection lies within the content."""
    content = bytearray(made(kind))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=20))
    for detection in found(bytes(content)):
        assert 0 <= detection.start < detection.end <= len(content)


@each_kind
def test_a_key_cut_off_anywhere_does_no_harm(kind: Kind) -> None:
    """No exception at any length, and never the identity of another key."""
    content = made(kind)
    whole = only(content)
    for size in range(0, len(content), max(1, len(content) // 97)):
        for detection in found(content[:size]):
            assert detection.end <= size
            assert detection.family != "pair" or whole.family != "pair" or detection.identity == whole.identity


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                b"-----BEGIN PRIVATE KEY-----\n",
                b"-----END PRIVATE KEY-----",
                b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n",
                b"PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\n",
                b"Public-Lines: 2\n",
                b"Private-Lines: 1\n",
                b"openssh-key-v1\0\0\0\0\4none\0\0\0\4none\0\0\0\0\0\0\0\1",
                b"\0GITCRYPTKEY\0\0\0\2",
                b"\0\0\0\0",
                b"\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1\0\0\0\1",
                b"\x30\x82\x01\x00\x02\x01\x00",
                b"\x30\x80\x02\x01\x03",
                b"\x02\x01\x01\x04\x20",
                b"\x95\x01\x58\x04",
                b"AGE-SECRET-KEY-1",
                b'{"kty":"RSA","d":"AQAB","n":',
                b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
                b"-----BEGIN OpenVPN Static key V1-----",
                b'algorithm hmac-sha256; secret "',
                b"RWQAAEIy",
            ]
        )
        | st.binary(max_size=60),
        max_size=12,
    ).map(b"".join)
)
def test_any_bytes_do_no_harm(content: bytes) -> None:
    """Pieces of formats and chance: no exception, and what is found lies within."""
    for detection in found(content):
        assert 0 <= detection.start < detection.end <= len(content)


def test_to_know_the_detectors_costs_no_heavy_library() -> None:
    """What proves keys is loaded when there is one to prove: a pre-commit hook has no time for more."""
    told = run(sys.executable, "-c", "import harden_secrets.detect, sys; print('cryptography' in sys.modules)")
    assert told == b"False\n"
