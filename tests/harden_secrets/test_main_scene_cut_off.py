"""The main scene with `kill -9` all along the way, on real pods: at no time is one of them without its key."""

import itertools
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from bao.devserver import DevServer
from cluster.workload import Cluster

from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.scene_estate import Estate, estate
from tests.harden_secrets.scene_witness import watched

LATER = (0.0, 0.05, 0.4)  # seconds between the moment and the kill, in turn: between two steps, and inside of one
LONGEST = 120.0  # seconds for a command


@pytest.fixture
def at_work(cluster: Cluster, bao: DevServer, vault: KeyValue, tmp_path: Path) -> Iterator[Estate]:
    """The scene, and a Vault of the tests."""
    access = {"VAULT_ADDR": bao.address, "VAULT_TOKEN": bao.root_token, "VAULT_CACERT": str(bao.ca)}
    with estate(cluster, tmp_path, f"{{address: '{bao.address}', mount: {vault.mount}}}", **access) as made:
        yield made


def test_killed_all_along_the_way_it_still_arrives(at_work: Estate) -> None:
    """Killed again and again, `resume` finishes; then all is as if it had not been killed at all."""
    plan = planned(at_work)
    with watched(at_work):
        kills = killed(at_work, "migrate", str(plan), then="resume", every=5)
    assert kills >= 4
    at_work.check_bytes()
    assert at_work.copies() == []
    assert at_work.findings(status=0) == []
    assert state(at_work) == "done"
    assert at_work.harden.answer("secrets", "log", "verify")["intact"]
    assert at_work.traces() == []


def test_killed_all_along_the_way_back_all_is_as_it_was(at_work: Estate) -> None:
    """A migration is killed after it removed a copy; `rollback`, killed as well, puts every object back."""
    plan = planned(at_work)
    before, script = at_work.belongings(), at_work.script.read_bytes()
    with watched(at_work):
        process = at_work.harden.begin("secrets", "migrate", str(plan))
        assert killed_when(process, lambda: len(at_work.copies()) < 4)
        assert state(at_work) == "unfinished"
        kills = killed(at_work, "rollback", then="rollback", every=2)
    assert kills >= 1  # how many there are depends on how fast the machine is
    at_work.check_bytes()
    assert at_work.belongings() == before
    assert at_work.script.read_bytes() == script
    assert state(at_work) == "undone"
    assert at_work.harden.answer("secrets", "log", "verify")["intact"]
    assert at_work.traces() == []


def test_a_rollout_that_cannot_complete_is_put_back(at_work: Estate) -> None:
    """No room for the new pod: the old one keeps running with its key; with room again, `resume` finishes."""
    admin, namespace = at_work.cluster.admin, at_work.places.runner
    admin.patch("apps/v1", "Deployment", "runner", {"spec": {"progressDeadlineSeconds": 3}}, namespace)
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "full"}, "spec": {"hard": {"pods": "1"}}}
    admin.apply(quota, namespace=namespace)
    plan = planned(at_work)
    with watched(at_work):
        process = at_work.harden.begin("secrets", "migrate", str(plan))
        said = process.communicate(timeout=LONGEST)[0]
        assert process.returncode == 1, said
        assert "so it was put back" in said
        assert at_work.copies() == sorted(at_work.places.with_copies())
        at_work.check_bytes()
        admin.delete("v1", "ResourceQuota", "full", namespace)
        admin.patch("apps/v1", "Deployment", "runner", {"spec": {"progressDeadlineSeconds": 60}}, namespace)
        at_work.harden.run("secrets", "resume")
    at_work.check_bytes()
    assert at_work.copies() == []


def test_of_two_at_once_one_says_who_has_the_lock(at_work: Estate, tmp_path: Path) -> None:
    """Whoever comes second is told who is at it, from this host and from another; the first one finishes."""
    plan = planned(at_work)
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "secrets").mkdir(parents=True, mode=0o700)
    shutil.copy(at_work.harden.state / "secrets" / "fingerprint.key", elsewhere / "secrets")
    first = at_work.harden.begin("secrets", "migrate", str(plan))
    wait(first, lambda: at_work.journal_lines() > 0)
    first.send_signal(signal.SIGSTOP)
    try:
        assert not shown(at_work, first.pid)
        here, there = (
            at_work.harden.begin("secrets", "resume"),
            at_work.harden.begin("secrets", "migrate", str(plan), HARDEN_STATE=str(elsewhere)),
        )
        said_here, said_there = (one.communicate(timeout=LONGEST)[0] for one in (here, there))
    finally:
        first.send_signal(signal.SIGCONT)
    assert (here.returncode, there.returncode) == (1, 1), said_here + said_there
    assert "another harden works on run" in said_here
    assert f"process {first.pid} on" in said_there
    assert f"run {json.loads(plan.read_text())['id']}" in said_there
    said = first.communicate(timeout=LONGEST)[0]
    assert first.returncode == 0, said
    at_work.check_bytes()
    assert at_work.copies() == []


def shown(estate: Estate, pid: int) -> bool:
    """Whether a key stands in the arguments or variables of a process."""
    seen = b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
    return any(trace in seen for trace in estate.key_texts())


def planned(estate: Estate) -> Path:
    return estate.plan("--rewrite-scripts", "--reader", f"{estate.places.ci}/ci")


def state(estate: Estate) -> str:
    """Where the only run stands."""
    (run,) = estate.harden.answer("secrets", "runs")["runs"]
    return str(run["state"])


def killed(estate: Estate, *words: str, then: str, every: int) -> int:
    """Run a command and kill it when the journal has ``every`` lines more, go on with ``then`` and kill that likewise.

    Until one ends by itself; returns how many were killed.
    """
    for kills, later in enumerate(itertools.cycle(LATER)):
        start = estate.journal_lines()
        process = estate.harden.begin("secrets", *words)

        def written(more: int, start: int = start) -> bool:
            return estate.journal_lines() >= start + more

        # However fast the machine is: within the next step at the latest.
        if not killed_when(process, partial(written, every), later, partial(written, every + 2)):
            return kills
        (run,) = (path.name for path in (estate.harden.state / "secrets" / "runs").iterdir())
        words = then, run
    raise AssertionError


def killed_when(
    process: "subprocess.Popen[str]",
    moment: Callable[[], bool],
    later: float = 0,
    latest: Callable[[], bool] = lambda: False,
) -> bool:
    """Kill it at a moment, or a little later, which ends with ``latest``; False where it ended well before."""
    wait(process, moment)
    end = time.monotonic() + later
    while time.monotonic() < end and not latest():
        time.sleep(0.005)
    process.kill()
    said = process.communicate(timeout=LONGEST)[0]
    assert process.returncode in (0, -signal.SIGKILL), said
    return process.returncode != 0


def wait(process: "subprocess.Popen[str]", moment: Callable[[], bool]) -> None:
    """Until it is time, or the command has ended."""
    end = time.monotonic() + LONGEST
    while process.poll() is None and not moment():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.005)
