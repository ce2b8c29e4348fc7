"""A host from which Ansible rotates the key of two others, in a real OpenBao.

    with rotator(tmp_path, bao, vault) as scene:
        scene.controller.playbook("harden.toolkit.rotate", scene.inventory, variables={…})
        assert scene.lets_in(scene.first) == [True, True]

The key is ``app`` in :attr:`Rotator.secrets`: that of a user on both hosts, delivered to a file on the rotator.
"""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from ansible_lab.controller import Controller, Inventory
from ansible_lab.editions import Edition
from ansible_lab.gateways import Fleet, Gateway
from bao.devserver import DevServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harden_secrets.confidential import Confidential
from harden_secrets.encodedforms import encoded_forms
from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.rotation_host import KILLED
from tests.harden_secrets.sshd_target import private_file, public_line

INVENTORY_FILE = "/etc/harden/secrets.yaml"
DELIVERED = "/etc/app/id_ed25519"
TOKEN_FILE = "/etc/harden-vault/token"
PATH = "app/ssh"
PLACES = ("/etc/harden", "/etc/systemd/system", "/var/lib/harden")


@dataclass(frozen=True)
class Rotator:
    """``host`` rotates, ``targets`` let the key in. ``vault`` is the mount that this scene has for itself."""

    fleet: Fleet
    host: Gateway
    targets: Sequence[Gateway]
    controller: Controller
    bao: DevServer
    vault: KeyValue
    first: Confidential

    @property
    def inventory(self) -> Inventory:
        """Ansible's: the rotator host alone, as ops, who has sudo."""
        return Inventory((self.host,), become=True, group="harden_rotators")

    def secrets(self, **rotate: str) -> dict[str, Any]:
        """The inventory of secrets as a variable has it; ``rotate`` is another schedule of the key."""
        targets = [{"host": one.address, "user": "app", "host_key": one.host.host_key} for one in self.targets]
        app = {
            "kind": "ssh-key",
            "path": PATH,
            "targets": targets,
            "deliver": [{"to": "file", "path": DELIVERED, "keys": {"all": "private_key"}}],
            "rotate": rotate or {"every": "30d", "overlap": "24h"},
        }
        vault = {
            "address": self.bao.address,
            "mount": self.vault.mount,
            "ca_file": str(self.bao.ca),
            "auth": {"method": "token", "token_file": TOKEN_FILE},
        }
        return {"version": 1, "vault": vault, "secrets": {"app": app, "licence": {"kind": "opaque", "path": "licence"}}}

    def write_inventory(self, **rotate: str) -> None:
        """The inventory of secrets, where the rotator looks for it."""
        self.host.path(INVENTORY_FILE).parent.mkdir(exist_ok=True)
        self.host.path(INVENTORY_FILE).write_text(yaml.safe_dump(self.secrets(**rotate)))

    @property
    def delivered(self) -> Confidential:
        """The key that whoever needs it finds on the rotator."""
        return Confidential(self.host.path(DELIVERED).read_bytes())

    @property
    def newest(self) -> Confidential:
        """The key that Vault gives to whoever asks."""
        stored = self.vault.read(PATH)
        assert stored is not None
        return stored.fields["private_key"]

    def lets_in(self, key: Confidential) -> list[bool]:
        """Whether each of the hosts lets somebody in who has that key."""
        file = self.fleet.private_key.with_name("tried")
        file.touch(0o600)
        file.write_bytes(key.reveal())
        try:
            return [self._lets_in(one, file) for one in self.targets]
        finally:
            file.unlink()

    @contextlib.contextmanager
    def frozen(self, target: Gateway) -> Iterator[None]:
        """While it lasts, one of the hosts lets in who is let in now, whatever key is installed."""
        target.host.stop()
        target.run("cp", "-p", "/srv/app/.ssh/authorized_keys", "/srv/app/.ssh/frozen")
        target.host.start("AuthorizedKeysFile .ssh/frozen")
        yield
        target.host.stop()
        target.run("rm", "/srv/app/.ssh/frozen")
        target.host.start()

    def kill_rotation(self, at: int) -> None:
        """A rotation of the key is killed on the rotator, right before or after its n-th step."""
        done = self.host.run(sys.executable, str(KILLED), str(at), "secrets", "rotate", "app", check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr

    def files(self) -> dict[str, str]:
        """What is where the role may put something: each path, and when what is there was last changed."""
        found = self.host.run("find", *PLACES, "-printf", "%p %C@ %s\\n", check=False).stdout
        return dict(line.split(" ", 1) for line in found.splitlines())

    def authorized(self) -> list[str]:
        """What the user's authorized_keys on the hosts say."""
        return [one.host.keys_file().read_text() for one in self.targets]

    def commit_and_remove_key(self, folder: str) -> None:
        """A repository on the rotator in whose past the first key is."""
        git = ("git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
        self.host.run("git", "init", "-q", folder)
        key = self.host.path(folder) / "id"
        key.write_bytes(self.first.reveal())
        self.host.run(*git, "add", "id")
        self.host.run(*git, "commit", "-q", "-m", "add")
        self.host.run(*git, "rm", "-q", "id")
        self.host.run(*git, "commit", "-q", "-m", "remove")

    def check_unseen(self, *texts: str) -> None:
        """No value of the key's, in no encoding, is in what was printed."""
        for value in (self.first.reveal(), self.newest.reveal()):
            lines = [value.strip(), *value.strip().splitlines()[3:-1]]
            forms = [form for line in lines for form in (line, *(form for _kind, form in encoded_forms(line)))]
            assert not any(form in text.encode() for form in forms for text in texts), "a value was printed"

    def _lets_in(self, target: Gateway, file: Path) -> bool:
        options = (
            "-oBatchMode=yes",
            "-oStrictHostKeyChecking=no",
            "-oUserKnownHostsFile=/dev/null",
            "-oIdentityAgent=none",
            "-oIdentitiesOnly=yes",
            "-oConnectTimeout=5",
        )
        argv = ("ssh", "-F", "none", "-q", *options, "-i", str(file), f"app@{target.address}", "echo", "in")
        done = subprocess.run(self.fleet.command(*argv), capture_output=True, text=True, timeout=30, check=False)
        return done.stdout == "in\n"


class RotatorLab:
    """The hosts, once for many scenes: each scene takes a new key, and another store in Vault."""

    def __init__(self, folder: Path, bao: DevServer) -> None:
        self._folder, self._bao = folder, bao
        self.fleet = Fleet(folder)
        self.host = self.fleet.gateway("rotator", tunnel=False)
        self.targets = tuple(self.fleet.gateway(name, tunnel=False, harden=False) for name in ("devvm", "nas"))
        self._scenes = 0

    def close(self) -> None:
        """The hosts."""
        self.fleet.close()

    @contextlib.contextmanager
    def scene(self, vault: KeyValue, edition: Edition = "newest") -> Iterator[Rotator]:
        """A rotator on which nothing is set up but its way to Vault, and a key that both hosts let in."""
        self._scenes += 1
        port = urlsplit(self._bao.address).port
        assert port is not None
        first = self._new_key(vault)
        self._clean()
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.fleet.doorway(self.host, port))
            folder = self._folder / f"controller{self._scenes}"
            controller = stack.enter_context(Controller(self.fleet, folder, edition))
            yield Rotator(self.fleet, self.host, self.targets, controller, self._bao, vault, first)

    def _new_key(self, vault: KeyValue) -> Confidential:
        key = Ed25519PrivateKey.generate()
        private = Confidential(private_file(key))
        line = public_line(key)
        vault.write(PATH, {"private_key": private, "public_key": Confidential(f"{line} app@example\n".encode())}, cas=0)
        vault.write("licence", {"text": Confidential(b"of-the-tests")}, cas=0)
        for target in self.targets:
            target.host.authorize(line)
        self._write(TOKEN_FILE, self._bao.root_token.encode())
        self._write(DELIVERED, private.reveal())
        return private

    def _clean(self) -> None:
        self.host.run("find", *PLACES, "-name", "harden*", "-exec", "rm", "-rf", "{}", "+", check=False)

    def _write(self, name: str, content: bytes) -> None:
        path = self.host.path(name)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(0o600)
        path.write_bytes(content)
