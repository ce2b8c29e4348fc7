"""`harden secrets rotate` on hosts whose clocks are wrong: neither the overlap nor the lock suffers from it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bao.devserver import DevServer

from harden_secrets.rotate.store import Store
from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.door_scene import DOORS, FIRST, Scene, hashed, scene
from tests.harden_secrets.login_scene import LoginScene, login_scene
from tests.harden_secrets.sshd_lab import SshdLab

__all__ = ["scene"]

HOUR = 3600


@pytest.fixture(name="overlapping")
def _overlapping(scene: Scene) -> Scene:
    """Both values are good for an hour."""
    scene.host.inventory.write_text(scene.host.inventory.read_text().replace("every: 30d", "every: 30d, overlap: 1h"))
    return scene


@pytest.mark.parametrize(("skew", "says"), [(HOUR + 60, "ahead of"), (-HOUR - 60, "behind")])
def test_an_hour_is_too_much(overlapping: Scene, skew: float, says: str) -> None:
    """Nothing is begun by such a host, and no overlap ended that another host has begun; it may take one back."""
    host = overlapping.host
    assert host.harden("rotate", "app", skew=skew) == 1
    assert re.search(rf"the clock of this host is 1h1?m? ?{says} that of Vault, which has \d\d:\d\d UTC", host.said[-1])
    assert "set the one that is wrong" in host.said[-1]
    assert Store(overlapping.vault).load("app/value") is None
    assert host.harden("rotate", "app") == 0
    assert "both keys are good until" in host.said[-1]
    assert host.harden("rotate", "app", skew=skew) == 1
    assert "the clock of this host" in host.said[-1]
    assert host.harden("status") == 0
    assert "overlap until" in host.said[-1]
    assert all(hashed(FIRST) in (overlapping.doors / name).read_text() for name in DOORS)
    overlapping.check()
    host.finish("rotate", "--force", "app", times=1)
    overlapping.check_end()


def test_to_take_it_back_no_clock_is_needed(overlapping: Scene) -> None:
    """The new value leaves the doors again."""
    assert overlapping.host.harden("rotate", "app", kill_at=5) == -9
    assert overlapping.host.harden("rotate", "--abandon", "app", skew=HOUR) == 0, overlapping.host.said[-1]
    assert [(overlapping.doors / name).read_text().split() for name in DOORS] == [[hashed(FIRST)]] * 2


@pytest.mark.parametrize("skew", [-200, 200])
def test_the_lock_of_a_host_with_another_clock_is_heeded(scene: Scene, skew: float) -> None:
    """By the clock of the second one it has run out, or is from the future; its holder lives, and keeps it."""
    second: list[int] = []

    def too() -> None:
        second.append(scene.host.harden("rotate", "app"))

    assert scene.host.harden("rotate", "app", at="switch", do=too, skew=skew) == 0, scene.host.said
    assert second == [1]
    assert re.search(r"is held by run rotate app, process \d+ on", scene.host.said[-2])
    scene.check_end()


@pytest.fixture(name="login")
def _login(tmp_path: Path, bao: DevServer, vault: KeyValue) -> Iterator[LoginScene]:
    with SshdLab(tmp_path / "lab") as lab:
        one = lab.host()
        one.authorize(lab.old_line)
        with login_scene(lab, tmp_path, bao, vault, [one], ", overlap: 1h") as made:
            yield made


def test_the_end_of_an_old_key_is_told_by_the_clock_of_its_host(login: LoginScene) -> None:
    """It lasts as long as the overlap and once more, whatever the time is where harden runs."""
    before = datetime.now(UTC)
    assert login.host.harden("rotate", "app", skew=-200) == 0, login.host.said[-1]
    found = re.search(r'expiry-time="(\d{14})Z', login.hosts[0].keys_file().read_text())
    assert found is not None
    end = datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    # A host tells its time in whole seconds, and an expiry-time has whole seconds.
    assert timedelta(seconds=-2) <= end - (before + timedelta(hours=2)) < timedelta(seconds=60)
    login.check(old=True)
