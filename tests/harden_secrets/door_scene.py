"""A secret that opens two doors and is delivered to a file, and a host that rotates it: quick to make, quick to rotate.

__all__ = ["scene"]     # a test module takes the fixture by importing it
"""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from bao.devserver import DevServer

from harden_secrets.confidential import Confidential
from harden_secrets.rotate.store import Store
from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.rotation_host import RotationHost

DOOR = Path(__file__).with_name("rotated_door.py")
FIRST = b"the-first-value-0123456789"
DOORS = ("attic", "cellar")


@dataclass
class Scene:
    """A secret that opens two doors and is delivered to a file."""

    host: RotationHost
    vault: KeyValue
    doors: Path
    file: Path

    def check(self) -> None:
        """The value that is delivered opens both doors, and is stored."""
        value = self.file.read_bytes()
        for name in DOORS:
            assert hashed(value) in (self.doors / name).read_text().split(), f"{name} refuses what is delivered"
        stored = self.vault.read("app/value")
        assert stored is not None
        loaded = Store(self.vault).load("app/value")
        kept = [stored.fields, *([loaded.pair.old, loaded.pair.new] if loaded and loaded.pair else [])]
        assert value in [fields["value"].reveal() for fields in kept if fields], "what is delivered is stored nowhere"

    def check_end(self) -> None:
        """One value is left, and no value has shown itself."""
        self.check()
        value = self.file.read_bytes()
        assert [(self.doors / name).read_text().split() for name in DOORS] == [[hashed(value)]] * 2
        newest = self.vault.read("app/value")
        assert newest is not None
        assert newest.fields["value"].reveal() == value != FIRST
        self.host.check_clean([FIRST, value])


@pytest.fixture
def scene(tmp_path: Path, bao: DevServer, vault: KeyValue) -> Scene:
    doors, file = tmp_path / "doors", tmp_path / "value"
    doors.mkdir()
    for name in DOORS:
        (doors / name).write_text(hashed(FIRST))
    file.write_bytes(FIRST)
    file.chmod(0o600)
    vault.write("app/value", {"value": Confidential(FIRST)}, cas=0)
    targets = ", ".join(f"{{host: {name}}}" for name in DOORS)
    secrets = (
        "  app:\n"
        "    kind: command\n"
        "    path: app/value\n"
        f"    command: [{sys.executable}, -I, -S, {DOOR}, {doors}]\n"
        f"    targets: [{targets}]\n"
        f"    deliver: [{{to: file, path: {file}}}]\n"
        "    rotate: {every: 30d}\n"
    )
    return Scene(RotationHost(tmp_path, bao, vault.mount, secrets), vault, doors, file)


def hashed(value: bytes) -> str:
    """What a door keeps of a value."""
    return hashlib.sha256(value).hexdigest()
