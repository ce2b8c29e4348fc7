"""Whether a value shows itself anywhere while the command rotates an SSH key: on either end, on the way, in any log."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from bao.devserver import ROOT_TOKEN, DevServer, dev_server

from harden_secrets.encodedforms import encoded_forms
from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.login_scene import LoginScene, login_scene, secret_parts
from tests.harden_secrets.sshd_lab import SshdLab
from tests.harden_secrets.sshd_target import USERS, SshdTarget


@pytest.fixture(scope="module", name="bao")
def _bao() -> Iterator[DevServer]:
    """One that notes every request."""
    with dev_server(audited=True) as server:
        yield server


@pytest.fixture(name="scene")
def _scene(tmp_path: Path, bao: DevServer, vault: KeyValue) -> Iterator[LoginScene]:
    """A host that logs all that sshd can say, one with a journal, and one whose shell notes each command."""
    with SshdLab(tmp_path / "lab") as lab:
        talkative, journaling, remembering = lab.host(start=False), lab.host(start=False), lab.host(start=False)
        journaling.keep_journal()
        passwd = remembering.folder / "etc" / "passwd"
        passwd.write_text(passwd.read_text().replace("/srv/app:/bin/sh", "/srv/app:/bin/bash"))
        noting = "printf '%s\\n' \"$BASH_EXECUTION_STRING\" >>/srv/app/.bash_history\n"  # bash reads it over ssh
        (remembering.folder / "srv" / "app" / ".bashrc").write_text(noting)
        for one in (talkative, journaling, remembering):
            one.start(*(["LogLevel DEBUG3"] if one is talkative else []))
            one.authorize(lab.old_line)
        with login_scene(lab, tmp_path, bao, vault, [talkative, journaling, remembering]) as made:
            yield made


def logged(host: SshdTarget) -> bytes:
    """What its sshd has said, in its file or its journal."""
    journal = host.run("sh", "-c", "test ! -d /run/log/journal || journalctl --no-pager --output=export")
    return host.log.read_bytes() + journal.encode("utf-8", "surrogateescape")


def test_no_value_is_seen_on_either_end(scene: LoginScene, bao: DevServer) -> None:
    """Not in arguments or environments, sampled all the time; nor in logs, the journal, the history of a shell, files
    of the hosts, temporary files in memory or on disk; nor in what OpenBao's audit device and its log keep.
    """
    history = scene.hosts[2].folder / "srv" / "app" / ".bash_history"
    old = scene.delivered
    assert scene.host.harden("rotate", "app") == 0, scene.host.said[-1]
    values = secret_parts(old.reveal()) + secret_parts(scene.delivered.reveal())
    assert len(values) > 6
    places = {f"log of {one.address}": logged(one) for one in scene.hosts}
    assert all(b"Accepted publickey" in log for log in places.values())
    assert any(b"debug3: " in log for log in places.values())
    for one in scene.hosts:
        homes = [path for path in (one.folder / "srv").rglob("*") if path.is_file()]
        memory = [path for path in (one.folder / "dev" / "shm").rglob("*") if path.is_file()]
        places |= {str(path): path.read_bytes() for path in (*homes, *memory)}
    for path in Path("/dev/shm").rglob("*"):
        with contextlib.suppress(OSError):  # other programs have theirs there
            places[str(path)] = path.read_bytes()
    places["audit"] = (bao.ca.parent / "audit.log").read_bytes()
    places["log of OpenBao"] = (bao.ca.parent / "log").read_bytes()
    assert b"harden/rotations/app/ssh" in places["audit"]
    for value in values:
        forms = [value, *(form for _kind, form in encoded_forms(value))]
        assert [where for where, content in places.items() if any(form in content for form in forms)] == []
    assert ROOT_TOKEN.encode() not in places["audit"]
    assert [path for path in Path("/tmp").iterdir() if path.stat().st_uid == USERS["app"]] == []
    assert any(b"sshd: app" in shown for shown in scene.host.shown), "nobody was looked at on the hosts"
    assert history.read_text() != "", "no shell has left a history"
    scene.check_end()
