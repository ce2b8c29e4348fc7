"""Real processes that rotate an SSH key on real hosts, killed at every boundary and at random moments."""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bao.devserver import DevServer
from lab.doorway import doorway

from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import SecretEntry, SecretKind, Target
from harden_secrets.inventory.rendering import block
from harden_secrets.rotate.store import Store
from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.rotation_host import RotationHost
from tests.harden_secrets.sshd_lab import SshdLab

pytestmark = pytest.mark.kernel

KILLED = -9
RANDOM_KILLS = int(os.environ.get("HARDEN_TEST_KILLS", "6"))


@dataclass
class Scene:
    """Two hosts, a consumer with the key in a file, and a rotator."""

    lab: SshdLab
    host: RotationHost
    vault: KeyValue
    file: Path

    @property
    def delivered(self) -> Confidential:
        """The key that the consumer has."""
        return Confidential(self.file.read_bytes())

    def check(self) -> None:
        """The key that the consumer has lets it in everywhere, and is stored."""
        key = self.delivered
        for one in self.lab.hosts:
            assert self.lab.lets_in(key, one), f"{one.address} refuses the delivered key"
        loaded = Store(self.vault).load("app/ssh")
        stored = self.vault.read("app/ssh")
        assert stored is not None
        pairs = [loaded.pair.old, loaded.pair.new] if loaded is not None and loaded.pair is not None else []
        assert key in [fields.get("private_key") for fields in (stored.fields, *pairs)]

    def check_end(self) -> None:
        """The first key lets nobody in, one key is left in each file, and none has shown itself."""
        self.check()
        for one in self.lab.hosts:
            assert not self.lab.lets_in(self.lab.old["private_key"], one)
            assert len(one.keys_file().read_text().splitlines()) == 1
        self.host.check_clean([_secret_part(self.lab.old["private_key"]), _secret_part(self.delivered)])


@pytest.fixture
def scene(tmp_path: Path, bao: DevServer, vault: KeyValue) -> Iterator[Scene]:
    with SshdLab(tmp_path) as lab, doorway(lab.hub, urlsplit(bao.address).port or 0):
        targets: list[Target] = []
        for _ in range(2):
            host = lab.host()
            host.authorize(lab.old_line)
            targets.append(host.target())
        entry = SecretEntry("app", SecretKind.SSH_KEY, "app/ssh", targets=tuple(targets))
        file = tmp_path / "id"
        file.write_bytes(lab.old["private_key"].reveal())
        file.chmod(0o600)
        vault.write("app/ssh", lab.old, cas=0)
        deliver = f"    deliver: [{{to: file, path: {file}, keys: {{id: private_key}}}}]\n    rotate: {{every: 30d}}\n"
        made = RotationHost(tmp_path, bao, vault.mount, block(entry, "  ") + deliver, within=lab.command)
        yield Scene(lab, made, vault, file)


def test_killed_at_every_third_boundary(scene: Scene) -> None:
    """After each kill the consumer gets in everywhere; the next call goes on."""
    number = 0
    while True:
        number += 3
        status = scene.host.harden("rotate", "app", kill_at=number)
        scene.check()
        if status == 0:
            break
        assert status == KILLED, scene.host.said[-1]
    assert number > 12
    scene.check_end()


def test_killed_at_random_moments(scene: Scene) -> None:
    """Whatever it was doing, at either end. HARDEN_TEST_KILLS says how often; once it was 200."""
    kills = 0
    while kills < RANDOM_KILLS:
        status = scene.host.harden("rotate", "app", kill_in=random.uniform(0.3, 3))
        kills += status == KILLED
        assert status in (0, KILLED), scene.host.said[-1]
        scene.check()
    scene.host.finish("rotate", "app")
    scene.check_end()


def test_a_host_that_is_down_is_said_and_the_next_call_finishes(scene: Scene) -> None:
    """With its name and what to do; nothing is delivered meanwhile; a wrong host key is not overlooked either."""
    down = scene.lab.hosts[1]
    assert scene.host.harden("rotate", "app", kill_at=3) == KILLED
    scene.lab.unplug(down)
    assert scene.host.harden("rotate", "app") == 1
    assert down.address in scene.host.said[-1]
    assert scene.delivered == scene.lab.old["private_key"]
    assert scene.host.harden("status") == 3
    assert down.address in scene.host.said[-1]
    scene.lab.unplug(down, again=True)
    scene.host.finish("rotate", "--due")
    scene.check_end()


def _secret_part(key: Confidential) -> bytes:
    """Some of the middle of a key file, where nothing is public."""
    lines = key.reveal().splitlines()
    return lines[len(lines) // 2]
