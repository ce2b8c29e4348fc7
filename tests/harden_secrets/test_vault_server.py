"""The local Vault: made, killed, rebooted, cut off while it is being made; nothing that was stored is ever lost."""

import itertools
import json
import os
import re
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cluster.room import Program, Room

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.statefolder import make_folder
from harden_secrets.vault.auth.approle import AppRoleLogin
from harden_secrets.vault.connection import Connection
from harden_secrets.vault.kv import KeyValue
from harden_secrets.vault.server import certificates, keys, record, seal, systemd
from harden_secrets.vault.server.place import Place
from harden_secrets.vault.session import Session
from harden_secrets.vault.transport import client

pytestmark = pytest.mark.kernel

HARDEN = str(Path(sys.executable).with_name("harden"))
VALUE = {"key": Confidential(bytes(range(256)))}
counter = itertools.count()
LISTENING = """
import socket, time
listener = socket.create_server(("127.0.0.1", 8200))
print("ready", flush=True)
time.sleep(99)
"""


class Host:
    """A machine that can be rebooted: a room, and a state folder that outlives it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.room = Room()

    @property
    def place(self) -> Place:
        return Place(self.state / "vault")

    def reboot(self) -> None:
        self.room.close()
        self.room = Room()

    def begin(self, *words: str) -> Program:
        """A command that runs by itself."""
        env = {"HARDEN_STATE": str(self.state), "HARDEN_DEBUG": "1"}
        return self.room.run(f"harden-{next(counter)}", [HARDEN, *words], env)

    def run(self, *words: str) -> tuple[int, str]:
        """A command's status and all that it printed."""
        program = self.begin(*words)
        end = time.monotonic() + 120
        while (status := self.room.status(program)) is None:
            assert time.monotonic() < end, program.tail()
            time.sleep(0.02)
        return status, program.tail()

    def up(self) -> str:
        status, printed = self.run("vault", "up")
        assert status == 0, printed
        return printed

    def status(self) -> dict[str, object]:
        _, printed = self.run("vault", "status", "--json")
        found: dict[str, object] = json.loads(printed)
        return found

    def kill(self) -> None:
        """What the kernel's memory killer would do to the server."""
        pid = self.status()["pid"]
        program = self.room.run(f"kill-{next(counter)}", ["kill", "-9", str(pid)])
        while self.room.status(program) is None or self.status()["pid"] is not None:
            time.sleep(0.02)

    def vault(self) -> KeyValue:
        """The local Vault with harden's own login, from outside."""
        known = record.load(self.place)
        assert known is not None
        server = client(f"https://127.0.0.1:{self.room.reach(known.port)}", ca=self.place.ca, environment=False)
        login = AppRoleLogin(self.place.role_id, self.place.secret_id)
        return KeyValue(Connection(Session(server, login)))

    def stored(self) -> bool:
        """Whether what :meth:`store` put there is there."""
        found = self.vault().read("kept/key")
        return found is not None and dict(found.fields) == VALUE

    def store(self) -> None:
        self.vault().write("kept/key", VALUE, cas=0)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """One with nothing on it."""
    made = Host(tmp_path / "state")
    yield made
    made.room.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """One whose Vault runs, for tests that leave it so."""
    made = Host(tmp_path_factory.mktemp("running") / "state")
    made.up()
    made.store()
    yield made
    made.room.close()


def test_a_vault_is_made_and_used(host: Host) -> None:
    """`up` makes it, a second `up` does nothing, `status` says so, `down` stops it, and the data stays."""
    assert "made a new Vault" in host.up()
    host.store()
    assert "runs already" in host.up()
    assert host.run("vault", "status")[0] == 0
    assert host.run("vault", "down")[0] == 0
    status, printed = host.run("vault", "status")
    assert (status, "does not run: harden vault up" in printed) == (3, True)
    assert "started" in host.up()
    assert host.stored()


def test_the_rest_of_harden_finds_it(running: Host) -> None:
    """Without an inventory and without variables."""
    script = """
import os
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import Inventory
from harden_secrets.vault.opening import local_place, open_vault
vault = open_vault(Inventory(), os.environ, local_place(None, os.environ, os.geteuid()))
print("version", vault.write("a/b", {"x": Confidential(b"1")}, cas=0), vault.mount)
"""
    program = running.room.run("python", [sys.executable, "-c", script], {"HARDEN_STATE": str(running.state)})
    running.room.wait("a version", program, lambda: "version 1 secret" in program.tail())


def test_what_was_answered_survives(host: Host) -> None:
    """kill -9 right after a write, then a reboot: `up`, nobody has to unseal it, and all is there."""
    host.up()
    host.store()
    host.kill()
    assert host.status()["running"] is False
    assert "started" in host.up()
    assert host.stored()
    host.reboot()
    host.up()
    assert host.stored()


@pytest.mark.parametrize("seconds", [0.5, 1.2, 2.0, 3.2])
def test_a_beginning_may_be_cut_off_anywhere(host: Host, seconds: float) -> None:
    """A reboot while the first `up` works: the next one finishes, whatever was left behind."""
    host.begin("vault", "up")
    time.sleep(seconds)
    host.reboot()
    host.up()
    host.store()
    assert host.stored()


def test_a_beginning_may_leave_a_server_behind(host: Host) -> None:
    """`up` killed, its server not: the next `up` ends that one and begins anew."""
    program = host.begin("vault", "up")
    while not (host.place.data / "vault.db").exists():
        time.sleep(0.01)
    host.room.signal(program, 9)
    host.up()
    assert host.status()["running"] is True


def test_two_at_once_make_one(host: Host) -> None:
    """The second waits for the first, and finds its work done."""
    programs = [host.begin("vault", "up"), host.begin("vault", "up")]
    while None in (ended := [host.room.status(one) for one in programs]):
        time.sleep(0.05)
    assert ended == [0, 0]
    made = sum("made a new Vault" in one.tail() for one in programs)
    assert made == 1


def test_dry_run_does_nothing(host: Host, running: Host) -> None:
    """It says what would be done."""
    status, printed = host.run("vault", "up", "--dry-run")
    assert (status, "would make" in printed, host.state.exists()) == (0, True, False)
    assert json.loads(host.run("vault", "up", "--dry-run", "--json")[1])["changed"] is False
    assert "would stop" in running.run("vault", "down", "--dry-run")[1]
    assert running.status()["running"] is True


def test_data_is_never_thrown_away(host: Host) -> None:
    """With the record gone, or the seal's key, `up` says what to restore; restored, all is there."""
    host.up()
    host.store()
    host.run("vault", "down")
    for lost, says in ((host.place.record, "there is data, but no"), (host.place.seal_key, "is gone")):
        aside = lost.with_suffix(".aside")
        lost.rename(aside)
        status, printed = host.run("vault", "up")
        assert (status, says in printed, "Traceback" in printed) == (1, True, False)
        aside.rename(lost)
    host.up()
    assert host.stored()


def test_another_seal_key_is_told(host: Host) -> None:
    """At once, by name, with what to do; also while the server runs and does not need it, and by a dry run."""
    host.up()
    path, right = host.place.seal_key, host.place.seal_key.read_bytes()
    path.write_bytes(bytes(32))
    words = f"{path}: is not the key that this Vault was sealed with"
    assert f"will not start again: {words}" in host.run("vault", "status")[1]
    for command in (["up"], ["up", "--dry-run"], ["down"], ["up"]):
        started = time.monotonic()
        status, printed = host.run("vault", *command)
        refused = command != ["down"]
        assert (status, f"error: {words}" in printed, "hint: restore it" in printed) == (refused, refused, refused)
        assert time.monotonic() - started < 20
    path.write_bytes(right)
    host.up()


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (b"x" * 20, 0o600, "has 32 bytes, this file has 20"),
        (b"x" * 33, 0o600, "has 32 bytes, this file has 33"),
        (b"", 0o600, "has 32 bytes, this file has 0"),
        (b"x" * 32, 0o640, r"other users may use it \(its mode is 0640\)"),
        (b"x" * 32, 0o604, r"other users may use it \(its mode is 0604\)"),
        (b"y" * 32, 0o600, "is not the key"),
        (None, 0o600, "cannot be read: No such file"),
    ],
)
def test_what_is_no_seal_key_is_told(tmp_path: Path, content: bytes | None, mode: int, words: str) -> None:
    """A server with it would try for ever, without a word that leads to the file."""
    place = Place(tmp_path)
    place.seal_key.write_bytes(b"x" * 32)
    place.seal_key.chmod(0o600)
    known = seal.mark(place)
    seal.check(place, known)
    if content is None:
        place.seal_key.unlink()
    else:
        place.seal_key.write_bytes(content)
        place.seal_key.chmod(mode)
    with pytest.raises(HardenError, match=f"{place.seal_key}: .*{words}") as caught:
        seal.check(place, known)
    assert caught.value.hints


def test_a_record_without_the_seals_mark_gets_it(host: Host) -> None:
    """One that an earlier harden wrote: from the next start on another key is told."""
    host.up()
    known = record.load(host.place)
    assert known is not None
    record.save(host.place, replace(known, seal=""))
    host.kill()
    host.up()
    assert record.load(host.place) == known


def test_a_port_that_is_taken_is_no_hurdle(host: Host) -> None:
    """A wanted one is had or refused; without a wish it is 8200 or another, and stays that for good."""
    other = host.room.run("other", [sys.executable, "-c", LISTENING])
    host.room.wait("a listener", other, lambda: "ready" in other.tail())
    status, printed = host.run("vault", "up", "--port", "8200")
    assert (status, "port 8200 is taken" in printed) == (1, True)
    host.up()
    first = host.status()["address"]
    assert first != "https://127.0.0.1:8200"
    host.kill()
    host.room.signal(other, 9)
    host.up()
    assert host.status()["address"] == first


def test_secrets_lie_in_files_of_ours_only(running: Host) -> None:
    """Nothing of them in arguments, environment, log or configuration; no file that others may read but one."""
    secret = running.place.secret_id.read_bytes()
    seal = running.place.seal_key.read_bytes()
    pid = running.status()["pid"]
    seen = running.room.run("look", ["cat", f"/proc/{pid}/environ", f"/proc/{pid}/cmdline", f"/proc/{pid}/limits"])
    running.room.wait("limits", seen, lambda: "Max core file size" in seen.tail())
    texts = [seen.log.read_bytes(), running.place.log.read_bytes(), running.place.configuration.read_bytes()]
    assert [text for text in texts if secret in text or seal in text or b"s." + secret[:8] in text] == []
    assert re.search(r"Max core file size +0 +0", seen.tail())
    for folder, _, names in os.walk(running.place.folder):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        readable = [name for name in names if stat.S_IMODE(os.stat(Path(folder, name)).st_mode) & 0o077]
        assert readable in ([], ["ca.pem"])


def test_no_root_token_is_left(running: Host) -> None:
    """Harden's own token may use the store, and neither mounts nor policies."""
    vault = running.vault()
    vault.write("a", VALUE, cas=0)
    server = vault._connection._session._client
    assert server.adapter.get("/v1/auth/token/lookup-self")["data"]["policies"] == ["default", "harden"]
    answer = server.session.get(f"{server.url}/v1/sys/policies/acl/harden", headers={"X-Vault-Token": server.token})
    assert answer.status_code == 403


def test_the_certificate_is_renewed_while_it_runs(running: Host) -> None:
    """Two thirds of its life are over: the next `up` makes another and the server takes it without a restart."""
    pid = running.status()["pid"]
    authority = certificates.read(running.place.authority.read_bytes())
    old = certificates.signed(authority, datetime.now(UTC) - timedelta(days=500))
    running.place.certificate.write_bytes(old.pem)
    assert "renewed its certificate" in running.up()
    assert (running.status()["pid"], running.stored()) == (pid, True)


def test_an_authority_that_ends_is_replaced(tmp_path: Path) -> None:
    """And with it what it had signed; what is good stays."""
    place = Place(tmp_path / "vault")
    make_folder(place.folder)
    now = datetime(2030, 1, 1, tzinfo=UTC)
    assert keys.renew_certificates(place, now)
    before = place.ca.read_bytes()
    assert not keys.renew_certificates(place, now + timedelta(days=400))
    assert place.ca.read_bytes() == before
    assert keys.renew_certificates(place, now + timedelta(days=500))
    assert place.ca.read_bytes() == before
    assert keys.renew_certificates(place, now + certificates.AUTHORITY_LIFE)
    assert place.ca.read_bytes() != before


def test_half_written_certificates_are_made_anew(tmp_path: Path) -> None:
    """A file that is no certificate is as good as none."""
    place = Place(tmp_path / "vault")
    make_folder(place.folder)
    now = datetime(2030, 1, 1, tzinfo=UTC)
    keys.renew_certificates(place, now)
    place.certificate.write_bytes(b"-----BEGIN")
    assert keys.renew_certificates(place, now)
    assert keys.certificate_ends(place) == now + certificates.LIFE


def test_the_unit_names_this_server(tmp_path: Path) -> None:
    """With its own folder to write in, odd characters escaped, and no swap and no core."""
    place = Place(tmp_path / "100% odd" / "vault")
    text = systemd.unit_text(Path("/opt/bao"), place)
    assert f'ExecStart=/opt/bao server "-config={tmp_path}/100%% odd/vault/server.hcl"\n' in text
    assert {"LimitCORE=0", "MemorySwapMax=0", "CapabilityBoundingSet=", "NoNewPrivileges=yes"} <= set(text.splitlines())


def test_a_full_disk_is_said_and_survived(host: Host, tmp_path: Path) -> None:
    """No room for its files the first time: words, and once there is room the next `up` finishes."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k,mode=700", "tmpfs", str(host.state)]
    host.state.mkdir()
    for command in (mount, ["dd", "if=/dev/zero", f"of={host.state}/filler", "bs=4k", "count=9"]):
        done = host.room.run(f"prepare-{next(counter)}", command)
        while host.room.status(done) is None:
            time.sleep(0.02)
    status, printed = host.run("vault", "up")
    assert (status, "No space left on device" in printed, "Traceback" in printed) == (1, True, False)
    freed = host.room.run("freed", ["umount", str(host.state)])
    while host.room.status(freed) is None:
        time.sleep(0.02)
    host.up()
    host.store()
    assert host.stored()
