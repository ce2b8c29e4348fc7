"""Real processes that rotate through a real OpenBao, killed by SIGKILL at every boundary and at random moments."""

import os
import random
from datetime import UTC, datetime, timedelta

from harden_secrets.rotate.paths import record_path
from harden_secrets.rotate.store import Store
from tests.harden_secrets.door_scene import DOORS, FIRST, Scene, hashed, scene

__all__ = ["scene"]

KILLED = -9
RANDOM_KILLS = int(os.environ.get("HARDEN_TEST_KILLS", "20"))


def test_a_rotation_by_the_command(scene: Scene) -> None:
    """Each step is told, the old value is proved refused, and a second call begins another rotation."""
    assert scene.host.harden("rotate", "app") == 0, scene.host.said
    said = scene.host.said[-1]
    assert said.index("install attic") < said.index("switch") < said.index("retire attic") < said.index("refuse attic")
    scene.check_end()
    assert scene.host.harden("rotate", "app") == 0
    scene.check_end()
    assert scene.host.harden("log", "verify") == 0


def test_nothing_is_due_the_day_after(scene: Scene) -> None:
    """Its time comes after thirty days."""
    assert scene.host.harden("rotate", "--due") == 0
    assert "nothing is due" in scene.host.said[-1]
    assert scene.file.read_bytes() == FIRST


def test_a_dry_run_changes_nothing(scene: Scene) -> None:
    """It says each step, with targets."""
    assert scene.host.harden("rotate", "--dry-run", "app") == 0
    assert "install: installing the new key at attic" in scene.host.said[-1]
    assert "refuse: trying the old key, which must fail at cellar" in scene.host.said[-1]
    assert scene.file.read_bytes() == FIRST
    assert Store(scene.vault).load("app/value") is None


def test_a_dry_run_says_what_would_be_taken_back(scene: Scene) -> None:
    """Of a rotation that can be abandoned; of one that cannot, that it can only be finished. Nothing is changed."""
    assert scene.host.harden("rotate", "--dry-run", "--abandon", "app") == 0
    assert "nothing to do" in scene.host.said[-1]
    assert scene.host.harden("rotate", "app", kill_at=6) == KILLED
    before = scene.vault.metadata(record_path("app/value"))
    assert scene.host.harden("rotate", "--dry-run", "--abandon", "app") == 0
    said = scene.host.said[-1]
    assert [line.split(": ")[1] for line in said.splitlines()] == ["withdraw", "withdraw", "close"]
    assert scene.vault.metadata(record_path("app/value")) == before
    scene.host.inventory.write_text(scene.host.inventory.read_text().replace("every: 30d", "every: 30d, overlap: 20d"))
    assert scene.host.harden("rotate", "--dry-run", "app") == 0
    soon = datetime.now(UTC) + timedelta(minutes=2)
    until = scene.host.said[-1].partition("overlap: waiting for the end of the overlap, ")[2][:16]
    assert until < f"{soon:%Y-%m-%d %H:%M}", "the overlap is as long as it was when the rotation began"
    assert scene.host.harden("rotate", "--abandon", "app") == 0
    assert scene.host.harden("rotate", "app") == 0
    assert scene.host.harden("rotate", "--dry-run", "--abandon", "app") == 1
    assert "the rotation can only be finished" in scene.host.said[-1]
    assert scene.host.harden("rotate", "--dry-run", "--force", "app") == 0
    assert "overlap: not waited for" in scene.host.said[-1]


def test_killed_at_every_boundary(scene: Scene) -> None:
    """After each kill what is delivered works; the call after that finishes the rotation."""
    number = 0
    while True:
        number += 1
        status = scene.host.harden("rotate", "app", kill_at=number)
        scene.check()
        if status == 0:
            break
        assert status == KILLED, scene.host.said[-1]
        if number % 3 == 0:
            scene.host.finish("rotate", "app")
            scene.check_end()
    assert number > 20
    scene.check_end()


def test_killed_at_random_moments(scene: Scene) -> None:
    """Whatever it was doing. HARDEN_TEST_KILLS says how often; once it was 200."""
    kills = 0
    chance = random.Random()
    while kills < RANDOM_KILLS:
        status = scene.host.harden("rotate", "app", kill_in=chance.uniform(0.25, 0.95))
        kills += status == KILLED
        assert status in (0, KILLED), scene.host.said[-1]
        scene.check()
    scene.host.finish("rotate", "app")
    scene.check_end()


def test_abandoned_after_a_kill(scene: Scene) -> None:
    """The new value leaves the doors again; the old one stays in use."""
    assert scene.host.harden("rotate", "app", kill_at=5) == KILLED
    assert scene.host.harden("rotate", "--abandon", "app") == 0, scene.host.said
    assert scene.file.read_bytes() == FIRST
    assert [(scene.doors / name).read_text().split() for name in DOORS] == [[hashed(FIRST)]] * 2
    assert scene.host.harden("rotate", "--abandon", "app") == 0
    assert "nothing to do" in scene.host.said[-1]
