"""A file of this host after a switch: its bytes, to whom it belongs, and the program that makes it read again."""

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import Delivery, KeySource, SecretEntry, SecretKind
from harden_secrets.rotate.delivery import EntryDeliverer, Patience

OLD = {"key": Confidential(b"alpha-4711-old"), "name": Confidential(b"william")}
NEW = {"key": Confidential(b"bravo-4712-new\n\0\xff"), "name": Confidential(b"william")}
# Says what it finds in the file; fails where that is not what it likes.
SERVICE = """\
import pathlib, sys
found = pathlib.Path(sys.argv[1]).read_bytes()
with open(sys.argv[2], "ab") as log:
    log.write(found[:5] + b";")
if found.startswith(sys.argv[3].encode()):
    sys.exit(f"bad key:\\n{found.decode(errors='replace')} in {sys.argv[1]}")
"""


class Host:
    """A folder with the file, and a program to run."""

    old_is_good = True

    def __init__(self, folder: Path) -> None:
        self.path, self.log = folder / "key", folder / "log"
        self.program = folder / "service.py"
        self.program.write_text(SERVICE)
        self.name = f"file {self.path}"
        self.told: list[str] = []

    def reload(self, dislikes: str = "nothing") -> tuple[str, ...]:
        return (sys.executable, str(self.program), str(self.path), str(self.log), dislikes)

    def deliverer(self, reload: Sequence[str] = (), **more: Any) -> EntryDeliverer:
        seconds = more.pop("seconds", 20)
        way = Delivery("file", path=str(self.path), keys={"k": KeySource("key")}, reload=tuple(reload), **more)
        entry = SecretEntry("key", SecretKind.OPAQUE, "apps/key", (way,))
        limits = Patience(reload=seconds)
        return EntryDeliverer(
            entry, "secret", _no_cluster, self.told.append, limits, old_is_good=lambda: self.old_is_good
        )


def _no_cluster() -> Any:
    raise AssertionError("a file needs no cluster")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    made = Host(tmp_path)
    made.path.write_bytes(OLD["key"].reveal())
    made.path.chmod(0o600)
    return made


def test_the_file_is_exchanged_and_its_consumer_told(host: Host) -> None:
    """After it is whole; again each time, as an earlier call may have been cut off before."""
    deliverer = host.deliverer(host.reload(), mode=0o440)
    assert list(deliverer.deliveries) == [host.name]
    deliverer.check()
    assert deliverer.deliver(host.name, NEW, OLD) == f"the file is updated; {sys.executable} has been run"
    assert host.path.read_bytes() == NEW["key"].reveal()
    assert deliverer.confirm(host.name, NEW) == "its bytes, owner and mode are right"
    deliverer.deliver(host.name, NEW, OLD)
    assert host.log.read_bytes() == b"bravo;bravo;"
    assert sorted(one.name for one in host.path.parent.iterdir()) == ["key", "log", "service.py"]


def test_a_consumer_that_cannot_read_it_gets_the_old_one_back(host: Host) -> None:
    """And is told again. What it said is shown, but no value."""
    deliverer = host.deliverer(host.reload("bravo"))
    with pytest.raises(HardenError) as error:
        deliverer.deliver(host.name, NEW, OLD)
    assert host.path.read_bytes() == OLD["key"].reveal()
    assert host.log.read_bytes() == b"bravo;alpha;"
    said = "\n".join([*error.value.messages, *error.value.hints])
    assert f"{host.path}: {sys.executable} ended with status 1: bad key:" in said
    assert "the file has its old bytes again" in said
    assert "bravo-47" not in said


def test_an_old_one_that_works_no_more_is_not_put_back(host: Host) -> None:
    """The new one stays."""
    host.old_is_good = False
    with pytest.raises(HardenError) as error:
        host.deliverer(host.reload("bravo")).deliver(host.name, NEW, OLD)
    assert error.value.hints[0] == "the old value works no more, so nothing was put back"
    assert host.path.read_bytes() == NEW["key"].reveal()


def test_the_old_one_comes_from_vault_where_the_file_has_the_new_one_already(host: Host) -> None:
    """A call before was cut off."""
    host.path.write_bytes(NEW["key"].reveal())
    with pytest.raises(HardenError):
        host.deliverer(host.reload("bravo")).deliver(host.name, NEW, OLD)
    assert host.path.read_bytes() == OLD["key"].reveal()


def test_a_consumer_that_is_broken_is_said(host: Host) -> None:
    """It does not like the old one either."""
    with pytest.raises(HardenError) as error:
        host.deliverer(("false",)).deliver(host.name, NEW, OLD)
    assert error.value.messages == (f"{host.path}: false ended with status 1",)
    assert error.value.hints[0] == "the file has its old bytes again, but false ended with status 1"


def test_a_program_that_does_not_end_is_ended(host: Host) -> None:
    """With all that it has begun."""
    length = f"600.{int.from_bytes(os.urandom(4))}"
    script = f"sleep {length} & sleep {length}"
    with pytest.raises(HardenError, match=r"sh did not end within 0\.3 seconds"):
        host.deliverer(("sh", "-c", script), seconds=0.3).deliver(host.name, NEW, OLD)
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert length not in left
    assert host.path.read_bytes() == OLD["key"].reveal()


def test_a_service_that_stays_is_not_waited_for(host: Host) -> None:
    """Even where it keeps what it writes to open."""
    pid = host.path.parent / "pid"
    deliverer = host.deliverer(("sh", "-c", f"sleep 60 & echo $! > '{pid}'"))
    deliverer.deliver(host.name, NEW, OLD)
    os.kill(int(pid.read_text()), 9)


def test_the_environment_is_not_handed_on(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token for Vault may be in it."""
    monkeypatch.setenv("VAULT_TOKEN", "s.token")
    out = host.path.parent / "environment"
    host.deliverer(("sh", "-c", f"env > '{out}'")).deliver(host.name, NEW, OLD)
    names = {line.partition("=")[0] for line in out.read_text().splitlines()}
    assert "PATH" in names
    assert "VAULT_TOKEN" not in names


def test_a_program_that_cannot_be_run_is_said(host: Host) -> None:
    """Before, and then."""
    deliverer = host.deliverer(("/nowhere/reload",))
    for act in (deliverer.check, lambda: deliverer.deliver(host.name, NEW, OLD)):
        with pytest.raises(HardenError, match="/nowhere/reload"):
            act()
    assert host.path.read_bytes() == OLD["key"].reveal()


@pytest.mark.parametrize(
    ("more", "says"), [({"owner": "no-such-user"}, "no user no-such-user"), ({"group": "no-such"}, "no group no-such")]
)
def test_an_owner_that_is_not_there_is_known_before(host: Host, more: dict[str, str], says: str) -> None:
    """Before a key is made."""
    with pytest.raises(HardenError, match=says):
        host.deliverer(**more).check()


def test_a_folder_that_is_not_there_is_known_before(host: Host) -> None:
    """Before a key is made."""
    host.path = host.path.parent / "none" / "key"
    with pytest.raises(HardenError, match="there is no such folder"):
        host.deliverer().check()


def test_a_file_stays_with_whom_it_belongs_to(host: Host) -> None:
    """Where the inventory names nobody; it may be read by no other user."""
    nobody = pwd.getpwnam("nobody")
    os.chown(host.path, nobody.pw_uid, nobody.pw_gid)
    deliverer = host.deliverer()
    deliverer.deliver(host.name, NEW, OLD)
    known = host.path.stat()
    assert (known.st_uid, known.st_gid, known.st_mode & 0o777) == (nobody.pw_uid, nobody.pw_gid, 0o600)
    assert deliverer.confirm(host.name, NEW)


@pytest.mark.parametrize("wrong", ["bytes", "mode", "gone"])
def test_a_file_that_somebody_changed_is_no_proof(host: Host, wrong: str) -> None:
    """It is looked at."""
    deliverer = host.deliverer()
    deliverer.deliver(host.name, NEW, OLD)
    if wrong == "bytes":
        host.path.write_bytes(b"other")
    elif wrong == "mode":
        host.path.chmod(0o644)
    else:
        host.path.unlink()
    with pytest.raises(HardenError, match="is not as Vault and the inventory have it"):
        deliverer.confirm(host.name, NEW)


def test_a_file_holds_one_field(host: Host) -> None:
    """Which one has to be said where there are more."""
    way = Delivery("file", path=str(host.path))
    entry = SecretEntry("key", SecretKind.OPAQUE, "apps/key", (way,))
    deliverer = EntryDeliverer(entry, "secret", _no_cluster, host.told.append)
    with pytest.raises(HardenError, match="has 2 fields, and a file holds one"):
        deliverer.deliver(host.name, NEW, OLD)
