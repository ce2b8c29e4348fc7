"""Where rotations lie: records and locks in a real OpenBao, and in the fake that stands in for it."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from bao.devserver import DevServer
from hypothesis import given, settings
from hypothesis import strategies as st

from harden.errors import HardenError
from harden_secrets.cluster.holder import Holder
from harden_secrets.cluster.lease import LockedError, LockLostError, Surroundings
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import SecretKind
from harden_secrets.rotate.lock import secret_lock
from harden_secrets.rotate.paths import lock_path, record_path
from harden_secrets.rotate.record import UnreadableRecordError, as_json, from_json
from harden_secrets.rotate.store import OvertakenError, Store
from harden_secrets.rotate.values import Failure, Outcome, Phase, Proof, Rotation, Unit
from harden_secrets.vault.port import Vault
from tests.harden_secrets.fake_vault import FakeVault

OURS = Holder("devvm", "a" * 12, 4711, "rotate openclaw-ssh")
THEIRS = Holder("other", "b" * 12, 42, "rotate openclaw-ssh")
BEGAN = datetime(2026, 11, 24, 2, tzinfo=UTC)
ROTATION = Rotation("0123456789ab", SecretKind.SSH_KEY, BEGAN, 3, timedelta(hours=24))
OLD, NEW = {"key": Confidential(b"old\0")}, {"key": Confidential(b"new\xff"), "note": Confidential(b"")}

numbers = itertools.count(1)


@pytest.fixture(params=["real", "fake"])
def kv(request: pytest.FixtureRequest) -> Iterator[Vault]:
    if request.param == "fake":
        yield FakeVault()
        return
    bao: DevServer = request.getfixturevalue("bao")
    yield bao.vault()


@pytest.fixture
def path() -> str:
    return f"rotated/p{next(numbers)}"


def alive(_holder: Holder) -> bool:
    return False


def test_a_rotation_comes_back_with_its_keys(kv: Vault, path: str) -> None:
    """Every byte of both, and how far it has come; another host reads the same."""
    Store(kv).begin(path, ROTATION, OLD, NEW, 0)
    loaded = Store(kv).load(path)
    assert loaded is not None
    assert (loaded.rotation, loaded.version) == (ROTATION, 1)
    assert loaded.pair is not None
    assert (dict(loaded.pair.old), dict(loaded.pair.new)) == (OLD, NEW)
    assert (loaded.pair.rotation, loaded.pair.began) == (ROTATION.id, BEGAN)


def test_no_rotation_is_none(kv: Vault, path: str) -> None:
    """A secret that never was rotated has no record."""
    assert Store(kv).load(path) is None


def test_the_second_to_write_is_refused(kv: Vault, path: str) -> None:
    """Two hosts read the same state; one goes on, the other may not."""
    store = Store(kv)
    seen = store.begin(path, ROTATION, OLD, NEW, 0)
    store.save(path, seen, replace(ROTATION, switching=True))
    with pytest.raises(OvertakenError, match="somebody else goes on with this rotation"):
        store.save(path, seen, replace(ROTATION, abandoning=True))
    with pytest.raises(OvertakenError):
        Store(kv)._write(path, replace(seen, version=0))


def test_an_ended_rotation_keeps_no_key(kv: Vault, path: str) -> None:
    """Its record stays, for status; all versions that held a key are destroyed, not only deleted."""
    store = Store(kv)
    loaded = store.begin(path, ROTATION, OLD, NEW, 0)
    ended = replace(ROTATION, outcome=Outcome.DONE, ended=BEGAN)
    store.drop_keys(path, loaded)
    store.tidy(path)
    closing = store.load(path)
    assert closing is not None
    assert (closing.rotation, closing.is_closing) == (ROTATION, True)
    store.save(path, closing, ended)
    after = store.load(path)
    assert after is not None
    assert (after.rotation, after.pair) == (ended, None)
    known = kv.metadata(record_path(path))
    assert known is not None
    assert [one.destroyed for one in known.versions] == [True, False, False]
    assert store.begin(path, replace(ROTATION, id="b" * 12), OLD, NEW, store.version(path)).version == 4


def test_a_record_that_is_none_is_said_with_what_to_do(kv: Vault, path: str) -> None:
    """A key may lie in it: nothing is thrown away by itself."""
    kv.write(record_path(path), {"state": Confidential(b"{}")}, cas=0)
    with pytest.raises(HardenError, match="is damaged") as raised:
        Store(kv).load(path)
    assert "both keys are in its versions" in raised.value.hints[0]


def test_the_second_hears_who_holds_the_lock(kv: Vault, path: str) -> None:
    """The process and the host; when the first is done it gets the lock."""
    around = Surroundings(gone=alive)
    with secret_lock(kv, path, "", around, OURS) as held:
        held.confirm()
        with (
            pytest.raises(LockedError, match="held by run rotate openclaw-ssh, process 4711 on devvm"),
            secret_lock(kv, path, "", around, THEIRS),
        ):
            pytest.fail("two hold it")
    with secret_lock(kv, path, "", around, THEIRS) as held:
        held.confirm()
    assert kv.read(lock_path(path)) is None


def test_locks_of_other_secrets_are_free(kv: Vault, path: str) -> None:
    """There is one lock a secret."""
    around = Surroundings(gone=alive)
    with secret_lock(kv, path, "", around, OURS), secret_lock(kv, f"{path}-other", "", around, THEIRS) as held:
        held.confirm()


def test_a_lock_that_ran_out_is_followed_and_its_holder_told(kv: Vault, path: str) -> None:
    """A host that has gone keeps nobody out for ever; one that only stood still may change nothing more."""
    now = [1_800_000_000.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    around = Surroundings(lambda: datetime.fromtimestamp(now[0], UTC), lambda: now[0], sleep, alive, 60)
    with secret_lock(kv, path, "", around, OURS) as old:
        now[0] += 61
        with secret_lock(kv, path, "", around, THEIRS) as new:
            new.confirm()
            old.renew()
            with pytest.raises(LockLostError):
                old.confirm()
            new.confirm()


def test_renewing_keeps_it(kv: Vault, path: str) -> None:
    """By writing over the very version that is ours."""
    with secret_lock(kv, path, "", Surroundings(gone=alive), OURS) as held:
        held.renew()
        held.renew()
        held.confirm()


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
UNITS = st.builds(Unit, st.sampled_from(Phase), TEXTS)


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        Rotation,
        id=TEXTS,
        kind=st.sampled_from(SecretKind),
        began=MOMENTS,
        old_version=st.integers(0, 2**40),
        overlap=st.timedeltas(timedelta(), timedelta(days=90)),
        new_version=st.integers(0, 99),
        done=st.dictionaries(UNITS, st.builds(Proof, TEXTS, MOMENTS), max_size=4),
        failures=st.dictionaries(
            UNITS,
            st.builds(
                Failure,
                st.lists(TEXTS).map(tuple),
                st.lists(TEXTS).map(tuple),
                MOMENTS,
                MOMENTS,
                st.integers(1, 9),
                st.booleans(),
            ),
            max_size=3,
        ),
        overlap_began=st.none() | MOMENTS,
        overlap_until=st.none() | MOMENTS,
        deadline=st.none() | MOMENTS,
        old_made=st.none() | MOMENTS,
        switching=st.booleans(),
        abandoning=st.booleans(),
        outcome=st.none() | st.sampled_from(Outcome),
        ended=st.none() | MOMENTS,
    )
)
def test_any_rotation_comes_back(rotation: Rotation) -> None:
    """Whatever the names of targets and the words of failures are."""
    assert from_json(as_json(rotation)) == rotation


def test_nobody_is_told_to_delete_what_a_newer_harden_goes_on_with() -> None:
    """Only what is damaged has to be put right by hand."""
    vault = FakeVault()
    for version, (data, hint) in enumerate([(b'{"format": 2}', "go on with that one"), (b"", "then delete that path")]):
        vault.write(record_path("app"), {"state": Confidential(data)}, cas=version)
        with pytest.raises(HardenError) as raised:
            Store(vault).load("app")
        assert hint in raised.value.hints[0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is damaged"),
        (b"[]", "is damaged"),
        (b'{"format": 1}', "is damaged"),
        (b'{"format": 2, "id": "x"}', "was written by a newer harden"),
    ],
)
def test_what_is_no_record_is_refused(data: bytes, words: str) -> None:
    """Never guessed at."""
    with pytest.raises(UnreadableRecordError, match=words):
        from_json(data)
