"""A run that is cut off at any call, by death or by a refusal, and then finished or undone.

At every moment, every workload and pod sees the bytes that it saw at the beginning (:class:`Stage` checks after each
call); at the end the world is as if nothing had happened: all done, or all as before.
"""

import contextlib
import errno
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import pytest

from harden.errors import HardenError
from harden_secrets import durable
from harden_secrets.cluster.port import ClusterUnavailableError, ConflictError, Manifest, RefusedError
from harden_secrets.migrate import journal
from harden_secrets.plan.values import Plan
from harden_secrets.vault.port import VaultSealedError, VaultUnavailableError
from tests.harden_secrets.cutting import WRITES, Cutter
from tests.harden_secrets.fake_cluster import Killed
from tests.harden_secrets.mixed import main_scene, mixed
from tests.harden_secrets.stage import Stage

SCENES = {"main": main_scene, "mixed": mixed}
Direction = Literal["resume", "rollback"]
BOTH: tuple[Direction, ...] = ("resume", "rollback")


@dataclass(frozen=True)
class Known:
    """How a scene is before and after its plan, and the calls in between."""

    plan: Plan
    before: list[Manifest]
    after: list[Manifest]
    calls: list[str]


@cache
def known(scene: str, folder: Path) -> Known:
    stage = Stage(SCENES[scene]())
    plan, before = stage.plan(), stage.bare()
    cutter = Cutter(stage)
    stage.run(plan, folder).forward()
    return Known(plan, before, stage.bare(), cutter.calls)


@pytest.fixture(scope="module", params=list(SCENES))
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Known]:
    return request.param, known(request.param, tmp_path_factory.mktemp("known"))


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Path]:
    """A folder for each attempt."""
    return numbered(tmp_path)


def numbered(parent: Path) -> Iterator[Path]:
    for number in itertools.count():
        (parent / str(number)).mkdir()
        yield parent / str(number)


def finished(stage: Stage, plan: Plan, folder: Path, direction: Direction) -> None:
    run = stage.run(plan, folder)
    run.forward() if direction == "resume" else run.back()


def as_wanted(stage: Stage, expected: Known, folder: Path, direction: Direction, what: str) -> None:
    assert stage.wrong == [], what
    assert stage.bare() == (expected.after if direction == "resume" else expected.before), what
    stored = [stage.vault.read(secret.vault_path) is not None for secret in expected.plan.secrets]
    assert stored == [direction == "resume"] * len(stored), what
    assert (folder / "secrets.yaml").exists() == (direction == "resume"), what


@pytest.mark.parametrize("direction", BOTH)
def test_killed_at_any_call(scene: tuple[str, Known], direction: Direction, folders: Iterator[Path]) -> None:
    """Before each call, and after each that changes something, when its answer never came."""
    name, expected = scene
    for number, method in enumerate(expected.calls):
        for after in (False, True) if method in WRITES else (False,):
            stage, folder = Stage(SCENES[name]()), next(folders)
            cutter = Cutter(stage)
            cutter.cut(number, Killed(), after=after)
            with pytest.raises(Killed):
                stage.run(expected.plan, folder).forward()
            cutter.live()
            finished(stage, expected.plan, folder, direction)
            as_wanted(stage, expected, folder, direction, f"{method} {number} {after}")


def test_killed_on_the_way_back_as_well(scene: tuple[str, Known], folders: Iterator[Path]) -> None:
    """A rollback of a finished run that dies at any call is finished by the next one."""
    name, expected = scene
    number, ended = 0, False
    while not ended:
        for after in (False, True):
            stage, folder = Stage(SCENES[name]()), next(folders)
            stage.run(expected.plan, folder).forward()
            cutter = Cutter(stage)
            cutter.cut(number, Killed(), after=after)
            ended = True
            with contextlib.suppress(Killed):
                finished(stage, expected.plan, folder, "rollback")
            ended = not stage.cluster.dead
            cutter.live()
            finished(stage, expected.plan, folder, "rollback")
            as_wanted(stage, expected, folder, "rollback", f"back, call {number} {after}")
        number += 3  # each third: what is between them is killed on the way forward and back above


REFUSALS = {
    "a webhook refuses": RefusedError("admission webhook denied the request"),
    "somebody else wrote": ConflictError("the object has changed"),
    "the server is away": ClusterUnavailableError("503 through all retries"),
    "Vault is sealed": VaultSealedError("sealed"),
    "Vault is away": VaultUnavailableError("no route"),
}


@pytest.mark.parametrize("direction", BOTH)
@pytest.mark.parametrize("why", list(REFUSALS))
def test_refused_at_any_write(
    scene: tuple[str, Known], why: str, direction: Direction, folders: Iterator[Path]
) -> None:
    """The run says why and stops; it is finished or undone when the reason is gone."""
    name, expected = scene
    of_vault = why.startswith("Vault")
    for number, method in enumerate(expected.calls):
        if (method in ("write", "metadata", "read")) if of_vault else (method in WRITES and method != "write"):
            stage, folder = Stage(SCENES[name]()), next(folders)
            cutter = Cutter(stage)
            cutter.cut(number, REFUSALS[why], after=why.endswith("away"))
            with pytest.raises(HardenError, match=str(REFUSALS[why])):
                stage.run(expected.plan, folder).forward()
            cutter.live()
            finished(stage, expected.plan, folder, direction)
            as_wanted(stage, expected, folder, direction, f"{why} at {method} {number}")


@pytest.mark.parametrize("direction", BOTH)
def test_a_disk_that_is_full_at_any_line_of_the_journal(
    scene: tuple[str, Known], direction: Direction, folders: Iterator[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step that cannot be noted is not begun, or is done again."""
    name, expected = scene
    lines = 2 * 4
    for number in range(lines):
        stage, folder = Stage(SCENES[name]()), next(folders)
        with monkeypatch.context() as patch:
            patch.setattr(journal, "append_line", full_after(number, durable.append_line))
            with pytest.raises(HardenError, match="the journal cannot be written: No space left on device"):
                stage.run(expected.plan, folder).forward()
        finished(stage, expected.plan, folder, direction)
        as_wanted(stage, expected, folder, direction, f"line {number}")


def full_after(number: int, write: Callable[[Path, bytes], None]) -> Callable[[Path, bytes], None]:
    left = [number]

    def append(path: Path, line: bytes) -> None:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        write(path, line)

    return append


@pytest.mark.parametrize("direction", BOTH)
def test_an_audit_log_that_cannot_be_written_stops_the_run(
    scene: tuple[str, Known], direction: Direction, folders: Iterator[Path]
) -> None:
    """No step is done that is not in it: the one that was is done again, which changes nothing, and noted then."""
    name, expected = scene
    told: list[str] = []
    for number in (0, 3, 8):
        stage, folder = Stage(SCENES[name]()), next(folders)
        left = [number]

        def tell(step: object, event: object, _facts: object, left: list[int] = left) -> None:
            if event == "done" and not left[0]:
                raise HardenError("the audit log cannot be written")
            left[0] -= event == "done"
            told.append(f"{step}")

        with pytest.raises(HardenError, match="audit log"):
            stage.run(expected.plan, folder, tell).forward()
        finished(stage, expected.plan, folder, direction)
        as_wanted(stage, expected, folder, direction, f"step {number}")
