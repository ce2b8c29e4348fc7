"""The rotation of an SSH key cut off at any moment, on either end; and whether the key shows up anywhere meanwhile."""

import base64
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harden.errors import HardenError
from harden_secrets.rotate.kinds.ssh import rotator
from harden_secrets.rotate.kinds.ssh.access import Access
from harden_secrets.rotate.kinds.ssh.authorizedkeys import is_in, parse
from harden_secrets.rotate.kinds.ssh.keypair import pair_of
from harden_secrets.rotate.kinds.ssh.login import must_log_in
from harden_secrets.rotate.kinds.ssh.verdict import Verdict
from tests.harden_secrets.sshd_lab import SshdLab

pytestmark = pytest.mark.kernel
CUTS = 20
_STEP = """
import base64, json, sys
from datetime import UTC, datetime, timedelta
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import SecretEntry, SecretKind, Target
from harden_secrets.rotate.kinds.ssh import ssh_rotator
from harden_secrets.rotate.rotator import Pair
given = json.load(sys.stdin)
def fields(name):
    return {field: Confidential(base64.b64decode(value)) for field, value in given[name].items()}
target = Target(given["host"], "app", 22, (given["host_key"],))
rotator = ssh_rotator(SecretEntry("app-ssh", SecretKind.SSH_KEY, "app/ssh", targets=(target,)), lambda name: None)
pair = Pair(fields("old"), fields("new"), "0123456789ab", datetime.now(UTC))
for step in given["steps"]:
    more = (datetime.now(UTC) + timedelta(hours=1),) if step == "limit" else ()
    getattr(rotator, step)(rotator.targets[0], pair, *more)
    print(step, flush=True)
"""
STEPS = ("install", "prove", "limit", "retire", "prove_refused")


@pytest.fixture(scope="module", name="lab")
def _lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshdLab]:
    with SshdLab(tmp_path_factory.mktemp("sshd")) as lab:
        yield lab


def test_cut_off_at_any_moment_a_key_works_and_the_next_run_goes_on(lab: SshdLab) -> None:
    """kill -9 of the rotator, or the host gone, at random moments: the file is whole, with the old key until it is
    retired and the new one from then on; what was not finished is done by the next run, and nothing is left lying.
    """
    host = lab.host()
    file = host.authorize("# mine", lab.old_line + " x", "ssh-rsa AAAA junk")
    one = lab.rotation([host.target()])
    old, new = pair_of(one.pair.old).blob, pair_of(one.pair.new).blob
    chance = random.Random(28)
    done: list[str] = []
    for _ in range(CUTS):
        process = _run(
            lab, host.address, host.host_key, one.pair.old, one.pair.new, [s for s in STEPS if s not in done]
        )
        time.sleep(chance.uniform(0.3, 1.1))
        if chance.random() < 0.3:
            host.stop()
            host.start()
        process.kill()
        printed, _ = process.communicate(timeout=10)
        done += printed.split()
        content = file.read_bytes()
        assert is_in(content, new if "retire" in done else old) or (is_in(content, new) and "limit" in done)
        assert [bytes(line) for line in parse(content) if line.blob is None] == [b"# mine\n", b"ssh-rsa AAAA junk\n"]
        if done == list(STEPS):
            done = done[:3]  # once more: taking out a key that is not there any more
    if "install" not in done:
        one.rotator.install(one.name, one.pair)
    one.rotator.retire(one.name, one.pair)
    one.rotator.prove_refused(one.name, one.pair)
    assert sorted(path.name for path in file.parent.iterdir() if not path.name.startswith(".harden")) == [
        "authorized_keys"
    ]
    assert len(list(file.parent.iterdir())) <= 2
    assert lab.lets_in(one.new, host)


def _run(lab: SshdLab, host: str, host_key: str, old: object, new: object, steps: list[str]) -> "subprocess.Popen[str]":
    def text(fields: object) -> dict[str, str]:
        assert isinstance(fields, dict)
        return {name: base64.b64encode(value.reveal()).decode() for name, value in fields.items()}

    given = {"host": host, "host_key": host_key, "old": text(old), "new": text(new), "steps": steps}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = lab.command(sys.executable, "-c", _STEP)
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment)
    assert process.stdin is not None
    process.stdin.write(json.dumps(given))
    process.stdin.close()
    process.stdin = None
    return process


def test_a_host_that_goes_down_after_its_file_was_changed(lab: SshdLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the new key was seen to work: both are good there, the error says what is known, the next run finishes."""
    host = lab.host()
    file = host.authorize(lab.old_line)
    one = lab.rotation([host.target()])

    def gone(access: Access) -> Verdict:
        host.stop()
        return must_log_in(access)

    monkeypatch.setattr(rotator, "must_log_in", gone)
    with pytest.raises(HardenError) as error:
        one.rotator.install(one.name, one.pair)
    login, session = error.value.messages
    assert login.startswith(f"app@{host.address} port 22: cannot be logged in to: ssh: connect to host")
    assert session.startswith(f"app@{host.address} port 22: the session ended")
    assert all(is_in(file.read_bytes(), pair_of(fields).blob) for fields in (one.pair.old, one.pair.new))
    monkeypatch.undo()
    host.start()
    assert lab.lets_in(one.old, host)
    assert one.rotator.install(one.name, one.pair).startswith("was beside the old key")
    assert lab.lets_in(one.new, host)


def _when(condition: Callable[[], bool], action: Callable[[], None]) -> None:
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    action()


def test_no_key_is_seen_anywhere(lab: SshdLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in the arguments or the environment of any program on either end, in a file, or in a log; at no time."""
    host = lab.host()
    host.authorize(lab.old_line)
    gate = lab.host()
    gate.authorize(lab.old_line)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    one = lab.rotation([host.target(jump=(gate.jump(),))])
    needles = [line for fields in (one.pair.old, one.pair.new) for line in _body(fields["private_key"].reveal())]
    seen: set[str] = set()
    looks = 0
    ended = threading.Event()

    def sample() -> None:
        nonlocal looks
        while not ended.is_set():
            looks += 1
            for place in (*_programs(), *_files(tmp_path, Path("/dev/shm"))):
                seen.update(str(place) for needle in needles if needle in _read(place))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        one.rotator.check(one.pair.old)
        gate.authorize(lab.old_line, one.pair.new["public_key"].reveal().decode())
        for step in ("install", "prove", "retire", "prove_refused"):
            getattr(one.rotator, step)(one.name, one.pair)
        one.rotator.still_used(one.name, one.pair, datetime.now(UTC) - timedelta(hours=1))
    finally:
        ended.set()
        sampler.join()
    assert looks > 20
    assert seen == set()
    with subprocess.Popen(["sleep", "60"], env={"KEY": needles[0].decode()}) as careless:
        _when(lambda: any(needles[0] in _read(place) for place in _programs()), careless.kill)
        assert careless.wait(1) == -signal.SIGKILL
    everything = _files(host.folder / "srv", host.folder / "log", gate.folder / "srv", gate.folder / "log")
    assert [place for place in everything for needle in needles if needle in _read(place)] == []


def _body(key: bytes) -> list[bytes]:
    """The lines of a key file with its private half: the last ones before the end."""
    return key.strip().splitlines()[3:-1]


def _programs() -> Iterator[Path]:
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            yield Path("/proc", name, "cmdline")
            yield Path("/proc", name, "environ")


def _files(*folders: Path) -> Iterator[Path]:
    for folder in folders:
        for root, _, names in os.walk(folder):
            yield from (Path(root, name) for name in names)


def _read(place: Path) -> bytes:
    try:
        return place.read_bytes() if not place.is_socket() else b""
    except OSError:
        return b""
