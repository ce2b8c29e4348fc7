"""A run goes on, or back, from wherever it was cut off."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.migrate.event import Event
from harden_secrets.migrate.journal import Journal
from harden_secrets.migrate.run import Run
from harden_secrets.migrate.step import Kind, Step

KEY = Confidential(b"j" * 32)
STEPS = tuple(Step(f"{n}-{kind}", kind, 0, n, kind) for n, kind in enumerate([Kind.STORE, Kind.DELIVER, Kind.REMOVE]))
AFTER = {step.id: "after" for step in STEPS}
BEFORE = {step.id: "before" for step in STEPS}


class Killed(BaseException):
    """The process is gone."""


class World:
    """Three things that steps change; dies, or refuses, at the n-th thing that happens to it."""

    def __init__(self) -> None:
        self.things = dict(BEFORE)
        self.countdown: int | None = None
        self.failure: BaseException = Killed()

    def happen(self) -> None:
        if self.countdown is not None:
            self.countdown -= 1
            if self.countdown < 0:
                self.countdown = None
                raise self.failure

    def capture(self, step: Step) -> Confidential:
        self.happen()
        return Confidential(self.things[step.id].encode())

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        assert before.reveal() == b"before", "what is noted at the first beginning stays"
        self.happen()
        self.things[step.id] = "after"
        self.happen()
        return {"made": True}

    def undo(self, step: Step, before: Confidential) -> None:
        later = STEPS[STEPS.index(step) + 1 :]
        assert all(self.things[other.id] == "before" for other in later), "last first"
        self.happen()
        self.things[step.id] = before.reveal().decode()
        self.happen()


def run(folder: Path, world: World) -> tuple[Run, Journal]:
    """A new process that finds what the last one left."""
    journal = Journal(folder, "run", KEY)
    return Run(STEPS, journal, dict.fromkeys(Kind, world), lambda *_: None), journal


def test_a_run_does_its_steps_once(tmp_path: Path) -> None:
    """The second time there is nothing to do."""
    world = World()
    run(tmp_path, world)[0].forward()
    assert world.things == AFTER
    world.countdown, world.failure = 0, AssertionError("nothing is left to do")
    again, journal = run(tmp_path, world)
    again.forward()
    assert journal.finished


def moments() -> st.SearchStrategy[list[tuple[int, bool]]]:
    """After how many happenings each attempt dies, and whether it goes back after that."""
    return st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=6)


@settings(max_examples=200)
@given(moments(), st.booleans())
def test_a_run_that_dies_again_and_again_ends_as_wanted(
    tmp_path_factory: pytest.TempPathFactory, deaths: list[tuple[int, bool]], refusals: bool
) -> None:
    """Killed or refused between and inside any two steps, in either direction: all is after, or all is before."""
    folder, world, back = tmp_path_factory.mktemp("run"), World(), False
    for moment, turn in deaths:
        world.countdown, world.failure = moment, HardenError("refused") if refusals else Killed()
        attempt, _ = run(folder, world)
        try:
            attempt.back() if back else attempt.forward()
        except (Killed, HardenError):
            back = back or turn
    world.countdown = None
    last, journal = run(folder, world)
    last.back() if back else last.forward()
    assert journal.finished
    assert world.things == (BEFORE if back else AFTER)


def test_a_run_that_turned_back_never_goes_forward(tmp_path: Path) -> None:
    """A resume must not do again what a rollback is undoing."""
    world = World()
    world.countdown = 3
    with pytest.raises(Killed):
        run(tmp_path, world)[0].forward()
    run(tmp_path, world)[0].back()
    with pytest.raises(HardenError, match="being rolled back"):
        run(tmp_path, world)[0].forward()
    assert world.things == BEFORE


@given(st.integers(0, 400))
def test_a_journal_cut_off_anywhere_still_opens_or_says_what_it_is(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    """Power fails while a line is written: the line counts as not there."""
    folder = tmp_path_factory.mktemp("run")
    journal = Journal(folder, "run", KEY)
    journal.begin("a", Confidential(b"was"))
    journal.done("a", {})
    journal.begin("b", Confidential(b"was too"))
    data = (folder / "journal").read_bytes()[:-1]
    (folder / "journal").write_bytes(data[: max(0, len(data) - cut)])
    again = Journal(folder, "run", KEY)
    assert again.state("b") is None
    again.begin("c", Confidential(b"new"))
    assert Journal(folder, "run", KEY).before("c") == Confidential(b"new")


def test_a_journal_never_shows_what_was_before(tmp_path: Path) -> None:
    """Neither as text nor as base64."""
    secret = b"the value of a key that was here"
    Journal(tmp_path, "run", KEY).begin("a", Confidential(secret))
    assert secret not in (tmp_path / "journal").read_bytes()
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o600


def test_an_entry_of_another_step_or_run_does_not_pass(tmp_path: Path) -> None:
    """What undoes one step must not be given to another."""
    journal = Journal(tmp_path, "run", KEY)
    journal.begin("a", Confidential(b"was"))
    path = tmp_path / "journal"
    path.write_bytes(path.read_bytes().replace(b'"step": "a"', b'"step": "b"'))
    with pytest.raises(HardenError, match="cannot be decrypted"):
        Journal(tmp_path, "run", KEY).before("b")
    with pytest.raises(HardenError, match="cannot be decrypted"):
        Journal(tmp_path, "other", KEY).before("b")


def test_a_damaged_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    """Guessing would undo the wrong thing."""
    journal = Journal(tmp_path, "run", KEY)
    journal.begin("a", Confidential(b"was"))
    journal.done("a", {})
    path = tmp_path / "journal"
    path.write_bytes(b"{" + path.read_bytes())
    with pytest.raises(HardenError, match=r"journal:1: the journal is damaged"):
        Journal(tmp_path, "run", KEY)


def test_a_step_that_fails_is_told_and_can_be_tried_again(tmp_path: Path) -> None:
    """The error of the step is the one that the person hears."""
    world = World()
    world.countdown, world.failure = 1, HardenError("no space")
    with pytest.raises(HardenError, match="no space"):
        run(tmp_path, world)[0].forward()
    state = Journal(tmp_path, "run", KEY).state(STEPS[0].id)
    assert state is not None
    assert state.event is Event.FAILED
    run(tmp_path, world)[0].forward()
    assert world.things == AFTER
