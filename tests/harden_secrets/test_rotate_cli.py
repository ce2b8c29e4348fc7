"""What `harden secrets rotate` says, and to whom: people, programs, and the second of two."""

import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from harden_secrets.cluster.holder import Holder
from harden_secrets.cluster.lease import Surroundings
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.lock import secret_lock
from harden_secrets.rotate.paths import lock_path
from tests.harden_secrets.door_scene import DOORS, FIRST, Scene, scene

__all__ = ["scene"]

ELSEWHERE = Holder("gateway-2", "c" * 12, 99, "rotate app")


def test_programs_get_one_object_a_line(scene: Scene) -> None:
    """Each step when it begins and when it is done, and how it ended; no value in it."""
    assert scene.host.harden("rotate", "app", "--json") == 0
    events = [json.loads(line) for line in scene.host.said[-1].splitlines()]
    assert {event["secret"] for event in events} == {"app"}
    done = [(event["phase"], event["target"]) for event in events if event["event"] == "done"]
    assert done[0] == ("generate", "")
    assert {("install", name) for name in DOORS} <= set(done)
    assert ("switch", "") in done
    assert (events[-1]["event"], events[-1]["words"][:4]) == ("ended", "done")
    scene.check_end()


def test_the_second_of_two_hears_who_works(scene: Scene) -> None:
    """By name it is an error; a timer only remarks on it; nothing is changed by either."""
    assert scene.host.harden("rotate", "app", kill_at=4) == -9
    with secret_lock(scene.vault, "app/value", "", Surroundings(gone=lambda _holder: True), ELSEWHERE):
        before = scene.vault.metadata("harden/rotations/app/value")
        assert scene.host.harden("rotate", "app") == 1
        assert "held by run rotate app, process 99 on gateway-2" in scene.host.said[-1]
        assert scene.host.harden("rotate", "--due") == 0
        assert "process 99 on gateway-2" in scene.host.said[-1]
        assert scene.vault.metadata("harden/rotations/app/value") == before
    assert scene.host.harden("rotate", "--due") == 0
    scene.check_end()


def test_two_processes_at_once_rotate_once(scene: Scene) -> None:
    """One of them works; the other hears of it, or finds everything done and begins anew, if it was named later."""
    scene.host.inventory.write_text(scene.host.inventory.read_text().replace("every: 30d", "every: 1s"))
    time.sleep(1.1)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", "from harden.cli import main; main()", "secrets", "rotate", "--due"],
            env=scene.host.environment,
            cwd=scene.host.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    said = [one.communicate(timeout=60)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert sum("made anew and stored as pending" in one for one in said) >= 1
    scene.check_end()


def test_after_the_switch_it_cannot_be_abandoned(scene: Scene) -> None:
    """And during the overlap `rotate` says until when both are good."""
    scene.host.inventory.write_text(scene.host.inventory.read_text().replace("every: 30d", "every: 30d, overlap: 24h"))
    assert scene.host.harden("rotate", "app") == 0
    tomorrow = datetime.now(UTC) + timedelta(hours=24)
    assert f"both keys are good until {tomorrow:%Y-%m-%d}" in scene.host.said[-1]
    assert scene.host.harden("rotate", "--abandon", "app") == 1
    assert "the rotation can only be finished" in scene.host.said[-1]
    assert scene.host.harden("rotate", "--due") == 0
    assert "both keys are good until" in scene.host.said[-1]
    assert scene.host.harden("rotate", "--force", "app") == 0
    scene.check_end()


@pytest.mark.parametrize(("to", "status"), [("| head -1", 141), ("> /dev/full", 1)])
def test_a_rotation_does_not_end_because_nobody_listens(scene: Scene, to: str, status: int) -> None:
    """A pager that was left, a full disk under a log: it comes to its end, and the exit status tells."""
    harden = [sys.executable, "-c", "from harden.cli import main; main()", "secrets", "rotate", "app"]
    done = subprocess.run(
        ["bash", "-c", f'"$@" {to}; exit ${{PIPESTATUS[0]}}', "-", *harden],
        env=scene.host.environment,
        cwd=scene.host.root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert "internal error" not in done.stderr
    scene.check_end()


def test_a_rotation_that_was_interrupted_says_that_it_can_be_gone_on_with(scene: Scene) -> None:
    """The lock is given back at once."""
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        process = subprocess.Popen(
            [sys.executable, "-c", "from harden.cli import main; main()", "secrets", "rotate", "app"],
            env=scene.host.environment,
            cwd=scene.host.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        assert (process.returncode, said) == (
            status,
            "harden: app: cut off; what was begun, the next run goes on with\n",
        )
        assert scene.vault.read(lock_path("app/value")) is None
    assert scene.host.harden("rotate", "app") == 0
    scene.check_end()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("rotate",), 2, "which secrets?"),
        (("rotate", "--abandon", "--due"), 2, "--abandon goes with names"),
        (("rotate", "nobody"), 1, 'has no secret "nobody"'),
    ],
)
def test_what_makes_no_sense_is_said(scene: Scene, words: tuple[str, ...], status: int, said: str) -> None:
    """With what to do instead."""
    assert scene.host.harden(*words) == status
    assert said in scene.host.said[-1]
    assert "hint" in scene.host.said[-1]


def test_one_secret_that_fails_does_not_stop_the_others(scene: Scene) -> None:
    """The status says that something failed; the other one has its new value."""
    more = "  broken:\n    kind: command\n    path: app/broken\n    command: [/nowhere/program]\n"
    scene.host.inventory.write_text(scene.host.inventory.read_text() + more)
    scene.vault.write("app/broken", {"value": Confidential(b"broken-value-0123456789")}, cas=0)
    assert scene.host.harden("rotate", "broken", "app") == 1
    assert "broken: there is no program" in scene.host.said[-1]
    assert scene.host.harden("rotate", "broken", "--json") == 1
    [event] = [json.loads(line) for line in scene.host.said[-1].splitlines() if line.startswith("{")]
    assert (event["secret"], event["event"], "phase" in event) == ("broken", "failed", False)
    assert event["words"].startswith("there is no program")
    scene.check_end()
    assert scene.file.read_bytes() != FIRST


def test_a_kind_that_nobody_can_rotate_is_said(scene: Scene) -> None:
    """With the way to do it nevertheless."""
    more = (
        "  tunnel:\n    kind: wireguard\n    path: app/wg\n"
        f'    targets: [{{host: gw, host_key: "{_host_key()}", interface: wg0}}]\n    rotate: {{every: 30d}}\n'
    )
    scene.host.inventory.write_text(scene.host.inventory.read_text() + more)
    assert scene.host.harden("rotate", "tunnel") == 1
    assert "does not know how to rotate a secret of kind wireguard" in scene.host.said[-1]
    assert "give it kind command" in scene.host.said[-1]
    assert "tunnel: tunnel:" not in scene.host.said[-1]


def _host_key() -> str:
    return "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
