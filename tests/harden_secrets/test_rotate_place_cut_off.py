"""harden killed by SIGKILL at random moments while it rotates a password, or by a program: nothing is lost."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import SecretEntry, SecretKind
from harden_secrets.rotate.kinds.command import command_rotator
from harden_secrets.rotate.rotator import Fields, Pair, Rotator
from tests.harden_secrets.rotate_databases import (
    mariadb_server,
    mariadb_session,
    postgresql_server,
    postgresql_session,
)
from tests.harden_secrets.rotate_estate import NOW, OLD, Estate, begin, carry_on, goes_in
from tests.harden_secrets.rotate_programs import kept_in_a_file

ROTATIONS = 10
KILLS = 10  # in each rotation


@pytest.fixture(params=["postgresql", "mysql"])
def estate(request: pytest.FixtureRequest) -> Iterator[Estate]:
    """Either server."""
    if request.param == "postgresql":
        with postgresql_server("host all all 127.0.0.1/32 scram-sha-256\n") as server:
            yield Estate("postgresql", server, postgresql_session)
    else:
        with mariadb_server() as server:
            yield Estate("mysql", server, mariadb_session)


def cut_off(seconds: float, work: Callable[[], object]) -> None:
    """Does it in another process, which is killed after that time."""
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            work()
        os._exit(0)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def taken_back(rotator: Rotator, pair: Pair) -> None:
    """A rotation that is abandoned."""
    (target,) = rotator.targets
    rotator.install(target, pair)
    rotator.prove(target, pair)
    rotator.withdraw(target, pair)


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def test_a_database_always_has_a_good_password(estate: Estate) -> None:
    """100 kills: old or new is good after each; then the next run comes to exactly one, the one it has to be."""
    estate.prepare()
    moments, rotator, current = random.Random(5), estate.rotator(), OLD
    whole = 0.0
    for turn in range(ROTATIONS):
        pair = begin(rotator, current)
        ahead = turn % 3 != 2
        work = partial(carry_on if ahead else taken_back, rotator, pair)
        for _ in range(KILLS if whole else 0):
            cut_off(moments.uniform(0, whole), work)
            assert goes_in(estate, pair.new) or goes_in(estate, pair.old)
            assert ahead or goes_in(estate, pair.old)
        whole = max(whole, timed(work))
        current = pair.new if ahead else pair.old
        assert [goes_in(estate, pair.old), goes_in(estate, pair.new)] == [not ahead, ahead]


def test_a_program_is_asked_again_until_it_is_done(tmp_path: Path) -> None:
    """200 kills in the middle of twenty rotations, the same with a program: it is asked for all that is not done."""
    program, store = kept_in_a_file(tmp_path), tmp_path / "store"
    entry = SecretEntry("door", SecretKind.COMMAND, "a", command=(str(program),), timeout=timedelta(seconds=20))
    rotator, moments = command_rotator(entry), random.Random(7)
    current: Fields = {"value": Confidential(b"the-first-value-of-all")}
    rotator.install("command", Pair({}, current, "0123456789ab", NOW))
    whole = 0.0
    for turn in range(2 * ROTATIONS):
        pair = Pair(current, rotator.generate(current), "0123456789ab", NOW)
        ahead = turn % 3 != 2
        work = partial(carry_on if ahead else taken_back, rotator, pair)
        for _ in range(KILLS if whole else 0):
            cut_off(moments.uniform(0, whole), work)
            wait_for(program)
            assert len(store.read_text().split()) in (1, 2)
        whole = max(whole, timed(work))
        current = pair.new if ahead else pair.old
        assert len(store.read_text().split()) == 1
        rotator.prove("command", Pair({}, current, "0123456789ab", NOW))


def wait_for(program: Path) -> None:
    """Till a call that outlived harden is over: the next run comes minutes later."""
    deadline = time.monotonic() + 10
    while any(str(program).encode() in words for words in command_lines()):
        assert time.monotonic() < deadline
        time.sleep(0.002)


def command_lines() -> Iterator[bytes]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with suppress(OSError):
                yield (folder / "cmdline").read_bytes()


def test_the_clock_of_harden_does_not_end_a_password_early(estate: Estate) -> None:
    """An end that the machine gives is a time with a zone: the server is told the same moment."""
    estate.prepare()
    rotator = estate.rotator()
    pair = begin(rotator)
    (target,) = rotator.targets
    rotator.install(target, pair)
    east = datetime.now(UTC).astimezone().replace(microsecond=0) + timedelta(minutes=5)
    rotator.limit(target, pair, east)
    assert goes_in(estate, pair.old)
