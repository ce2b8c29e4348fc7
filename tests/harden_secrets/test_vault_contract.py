"""What every KV store must do for harden: the real OpenBao through our adapter, and the fake that stands in for it."""

import itertools
from collections.abc import Iterator

import pytest
from bao.devserver import DevServer
from hypothesis import given, settings
from hypothesis import strategies as st

from harden_secrets.confidential import Confidential
from harden_secrets.vault.kv import KeyValue
from harden_secrets.vault.port import CasMismatchError, Vault, VaultDeniedError, VaultError, VaultUnavailableError
from tests.harden_secrets.fake_vault import FakeVault

numbers = itertools.count(1)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def real(bao: DevServer) -> KeyValue:
    return bao.vault()


@pytest.fixture(params=["real", "fake"])
def store(request: pytest.FixtureRequest) -> Iterator[Vault]:
    if request.param == "fake":
        yield FakeVault()
        return
    kv: KeyValue = request.getfixturevalue("real")
    yield kv


@pytest.fixture
def path() -> str:
    """A path that nobody else uses."""
    return f"test/p{next(numbers)}"


def fields(**values: bytes) -> dict[str, Confidential]:
    return {name: Confidential(value) for name, value in values.items()}


def test_bytes_come_back_exactly(store: Vault, path: str) -> None:
    """Every byte, and none at all, in fields of any name."""
    stored = {"raw": Confidential(bytes(range(256))), "empty": Confidential(b""), "a b/ț.pem": Confidential(b"\r\n\0")}
    assert store.write(path, stored, cas=0) == 1
    found = store.read(path)
    assert found is not None
    assert (found.version, dict(found.fields)) == (1, stored)


@settings(max_examples=15, deadline=None)
@given(st.dictionaries(NAMES, st.binary(max_size=200), min_size=1, max_size=4))
def test_any_bytes_come_back(real: KeyValue, values: dict[str, bytes]) -> None:
    """The real store gives back what it was given, whatever it is."""
    place, stored = f"test/any{next(numbers)}", {name: Confidential(value) for name, value in values.items()}
    real.write(place, stored, cas=0)
    found = real.read(place)
    assert found is not None
    assert dict(found.fields) == stored


def test_a_write_follows_the_version_that_was_seen(store: Vault, path: str) -> None:
    """0 is for a path without versions, else the version before; anything else is somebody else's write in between."""
    store.write(path, fields(a=b"1"), cas=0)
    for wrong in (0, 2):
        with pytest.raises(CasMismatchError):
            store.write(path, fields(a=b"2"), cas=wrong)
    assert store.write(path, fields(a=b"2"), cas=1) == 2


def test_there_is_nothing_at_an_unused_path(store: Vault, path: str) -> None:
    """Absence is an answer, not an error."""
    assert (store.read(path), store.read(path, 3), store.metadata(path)) == (None, None, None)


def test_older_versions_can_be_read(store: Vault, path: str) -> None:
    """Each version keeps its own fields."""
    store.write(path, fields(a=b"1", b=b"x"), cas=0)
    store.write(path, fields(a=b"2"), cas=1)
    first, newest = store.read(path, 1), store.read(path)
    assert first is not None
    assert newest is not None
    assert (dict(first.fields), dict(newest.fields)) == (fields(a=b"1", b=b"x"), fields(a=b"2"))
    assert store.read(path, 9) is None


def test_a_deleted_version_still_counts(store: Vault, path: str) -> None:
    """It reads as nothing, cas=0 is refused, and it comes back."""
    store.write(path, fields(a=b"1"), cas=0)
    store.delete(path, (1,))
    assert store.read(path) is None
    known = store.metadata(path)
    assert known is not None
    assert (known.current, [(one.number, one.deleted, one.destroyed) for one in known.versions]) == (
        1,
        [(1, True, False)],
    )
    with pytest.raises(CasMismatchError):
        store.write(path, fields(a=b"2"), cas=0)
    store.undelete(path, (1,))
    assert store.read(path) is not None
    store.delete(path, (1,))
    assert store.write(path, fields(a=b"2"), cas=1) == 2


def test_a_destroyed_version_is_gone(store: Vault, path: str) -> None:
    """It reads as nothing, cannot be brought back, and still counts."""
    store.write(path, fields(a=b"1"), cas=0)
    store.write(path, fields(a=b"2"), cas=1)
    store.destroy(path, (2,))
    store.undelete(path, (2,))
    assert store.read(path) is None
    assert store.read(path, 1) is not None
    known = store.metadata(path)
    assert known is not None
    assert (known.current, [one.destroyed for one in known.versions]) == (2, [False, True])


def test_only_so_many_versions_are_kept(store: Vault, path: str) -> None:
    """Ten, where nobody says otherwise; the oldest go for good."""
    for number in range(12):
        store.write(path, fields(a=str(number).encode()), cas=number)
    known = store.metadata(path)
    assert known is not None
    assert [one.number for one in known.versions] == list(range(3, 13))
    assert (store.read(path, 2), store.read(path, 3) is None) == (None, False)


def test_nothing_happens_for_no_versions(store: Vault, path: str) -> None:
    """An empty list is not "all"."""
    store.write(path, fields(a=b"1"), cas=0)
    store.delete(path, ())
    store.destroy(path, ())
    assert store.read(path) is not None


def test_metadata_is_changed_key_by_key(store: Vault, path: str) -> None:
    """What others noted stays; None takes a key away; a path needs no version to have some."""
    store.annotate(path, {"theirs": "kept", "stage": "pending"})
    store.annotate(path, {"stage": None, "current": "7"}, cas=0)
    known = store.metadata(path)
    assert known is not None
    assert (known.current, dict(known.custom)) == (0, {"theirs": "kept", "current": "7"})
    store.write(path, fields(a=b"1"), cas=0)
    with pytest.raises(CasMismatchError):
        store.annotate(path, {"stage": "x"}, cas=0)
    store.annotate(path, {"stage": "x"}, cas=1)
    after = store.metadata(path)
    assert after is not None
    assert dict(after.custom) == {"theirs": "kept", "current": "7", "stage": "x"}


@pytest.mark.parametrize(
    "changes",
    [{f"k{n}": "v" for n in range(65)}, {"k" * 129: "v"}, {"k": "v" * 513}, {"": "v"}, {"k": "ț" * 257}],
    ids=["65 keys", "long key", "long value", "empty key", "bytes count"],
)
def test_metadata_has_limits(store: Vault, path: str, changes: dict[str, str]) -> None:
    """64 keys, 128 and 512 bytes: refused with words, and nothing is changed."""
    store.annotate(path, {"before": "1"})
    with pytest.raises(VaultError):
        store.annotate(path, changes)
    known = store.metadata(path)
    assert known is not None
    assert dict(known.custom) == {"before": "1"}


@pytest.mark.parametrize("wrong", ["", "/a", "a/", "a//b", "a/../b", ".", "a\nb", "a\\b", "x" * 600])
def test_paths_that_would_lead_elsewhere_are_refused(store: Vault, wrong: str) -> None:
    """Before any request is made."""
    with pytest.raises(VaultError):
        store.read(wrong)
    with pytest.raises(VaultError):
        store.write(wrong, fields(a=b"1"), cas=0)


@pytest.mark.parametrize("odd", ["a b", "ț/ü", "a%2fb", "a?b=c", "a#b", "a+b", "ünï/…"])
def test_paths_may_have_any_other_character(store: Vault, odd: str) -> None:
    """They are escaped for the URL, and lead to one place each."""
    place = f"odd{next(numbers)}/{odd}"
    store.write(place, fields(a=odd.encode()), cas=0)
    store.annotate(place, {"k": "v"})
    found, known = store.read(place), store.metadata(place)
    assert found is not None
    assert known is not None
    assert (dict(found.fields), dict(known.custom)) == (fields(a=odd.encode()), {"k": "v"})


@pytest.mark.parametrize("bad", [{}, {"": Confidential(b"x")}, {"harden_encoding": Confidential(b"x")}])
def test_fields_need_names_of_their_own(store: Vault, path: str, bad: dict[str, Confidential]) -> None:
    """None, an empty name, and the marker's name are refused before anything is stored."""
    with pytest.raises(VaultError):
        store.write(path, bad, cas=0)
    assert store.metadata(path) is None


def test_the_fake_fails_on_demand() -> None:
    """Before it acts, or after it did; the n-th call, of one kind or of any."""
    fake = FakeVault()
    fake.fail(2, "after", method="write")
    assert fake.write("a", fields(x=b"1"), cas=0) == 1
    with pytest.raises(VaultUnavailableError):
        fake.write("a", fields(x=b"2"), cas=1)
    assert fake.paths["a"].current == 2
    fake.fail(1, "before", VaultDeniedError("no"), times=2)
    for _ in range(2):
        with pytest.raises(VaultDeniedError):
            fake.destroy("a", (1,))
    assert fake.read("a", 1) is not None
    assert [method for method, _ in fake.calls] == ["write", "write", "destroy", "destroy", "read"]
