"""`harden secrets rotate` while a program's doors, a database, or the place of a delivered file are in trouble."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from bao.devserver import DevServer

from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.door_scene import Scene, scene
from tests.harden_secrets.rotate_databases import postgresql_server, postgresql_session
from tests.harden_secrets.rotate_estate import OLD, USERS, Estate, goes_in, read_admin, text
from tests.harden_secrets.rotation_host import RotationHost
from tests.harden_secrets.test_rotate_password_run import secrets, stored

__all__ = ["scene"]


def is_said(host: RotationHost, where: str, *says: str) -> None:
    """By the run that has just failed, and by status after it."""
    said = host.said[-1]
    assert host.harden("status") == 3
    assert f"at {where}" in host.said[-1]
    for words in says:
        assert words in said
        assert words in host.said[-1]


def test_what_a_program_cannot_do(scene: Scene) -> None:
    """At each phase one of two doors is away: what the program said, and that it is a matter of the program."""
    door, away = scene.doors / "attic", scene.doors / "attic.away"
    for phase in ("install", "prove", "retire", "refuse"):
        assert scene.host.harden("rotate", "app", at=phase, do=lambda: door.rename(away)) == 1, scene.host.said[-1]
        is_said(scene.host, f"{phase} at attic", "FileNotFoundError", "rotation-command.md says what it is asked")
        away.rename(door)
        scene.check()
    scene.host.finish("rotate", "app", times=1)
    scene.check_end()


def test_a_database_that_is_down(tmp_path: Path, bao: DevServer, vault: KeyValue) -> None:
    """At each phase: what Vault gives to consumers is good as soon as it is up again, and so is the old one until it
    is retired.
    """
    with postgresql_server("host all all 127.0.0.1/32 scram-sha-256\n") as server:
        estate = Estate("postgresql", server, postgresql_session)
        estate.prepare()
        vault.write("app/shop", OLD, cas=0)
        vault.write("db/admin", read_admin("db-admin"), cas=0)
        settings = secrets(server, tmp_path / "password").replace("every: 30d", "every: 30d, overlap: 1h")
        host = RotationHost(tmp_path, bao, vault.mount, settings)
        for phase in ("install", "prove", "limit", "retire", "refuse"):
            assert host.harden("rotate", "--force", "shop", at=phase, do=server.stop) == 1, host.said[-1]
            where = f"{phase} at postgresql 127.0.0.1:{server.port}"
            is_said(host, where, "cannot be reached: Connection refused", "see whether the server is up")
            server.start()
            assert goes_in(estate, stored(vault))
            assert goes_in(estate, OLD) == (phase != "refuse")
        host.finish("rotate", "--force", "shop", times=1)
        last = stored(vault)
        assert text(last, "user") == USERS[1]
        assert [goes_in(estate, OLD), goes_in(estate, last)] == [False, True]
        assert (tmp_path / "password").read_bytes() == last["password"].reveal()
        host.check_clean([text(one, "password").encode() for one in (OLD, last)])


@pytest.fixture(name="disk")
def _disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with a small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=16k,mode=700", "none", folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True, timeout=30)


def mount(*words: str | Path) -> None:
    subprocess.run(["mount", *map(str, words)], check=True, timeout=30)


def fill(folder: Path) -> None:
    """Until nothing more goes on that disk."""
    with (folder / "fill").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(1024)):
            pass


@pytest.mark.kernel
def test_a_file_that_cannot_be_written(scene: Scene, disk: Path) -> None:
    """Its disk is full, then read-only: the file is as it was, and both values are good."""
    before, scene.file = scene.file, disk / "value"
    shutil.copy2(before, scene.file)
    before.unlink()
    scene.host.inventory.write_text(scene.host.inventory.read_text().replace(str(before), str(scene.file)))
    first = scene.file.read_bytes()
    for do, end, why in (
        (lambda: fill(disk), (disk / "fill").unlink, "No space left on device"),
        (lambda: mount("-o", "remount,ro", disk), lambda: mount("-o", "remount,rw", disk), "Read-only file system"),
    ):
        assert scene.host.harden("rotate", "app", at="deliver", do=do) == 1, scene.host.said[-1]
        says = (f"{scene.file}: cannot be written: {why}", "it is as it was; see to that, then run it again")
        is_said(scene.host, f"deliver at file {scene.file}", *says)
        assert scene.file.read_bytes() == first
        end()
        scene.check()
    scene.host.finish("rotate", "app", times=1)
    scene.check_end()
    assert [one.name for one in disk.iterdir()] == ["value"]
