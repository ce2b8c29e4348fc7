"""An SSH key that is let in by hosts with a real sshd each and is delivered to a file, and a host that rotates it.

with login_scene(lab, tmp_path, bao, vault, hosts) as scene:
    scene.host.harden("rotate", "--force", "app")       # in the network of the hosts
    scene.check(hosts)                                  # the key that is delivered is let in by these
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bao.devserver import DevServer
from lab.doorway import doorway

from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.ssh.keypair import pair_of
from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.rotation_host import RotationHost
from tests.harden_secrets.sshd_lab import SshdLab
from tests.harden_secrets.sshd_target import SshdTarget, room_of

PATH = "app/ssh"


@dataclass
class LoginScene:
    """``file`` is where the key is delivered to."""

    host: RotationHost
    lab: SshdLab
    vault: KeyValue
    hosts: Sequence[SshdTarget]
    file: Path

    @property
    def delivered(self) -> Confidential:
        """The key that its consumers have."""
        return Confidential(self.file.read_bytes())

    def check(self, hosts: Sequence[SshdTarget] = (), *, old: bool = False) -> None:
        """What is delivered is let in by these hosts, or by all; the first key too, or not, if that is asked."""
        assert [self.lab.lets_in(self.delivered, one) for one in hosts or self.hosts] == [True] * len(
            hosts or self.hosts
        )
        if old:
            assert [self.lab.lets_in(self.lab.old["private_key"], one) for one in self.hosts] == [True] * len(
                self.hosts
            )

    def check_end(self) -> None:
        """The new key, and no other, is let in everywhere; it is the newest version; no value has shown itself."""
        self.check()
        first, newest = self.lab.old["private_key"], self.vault.read(PATH)
        assert newest is not None
        assert newest.fields["private_key"] == self.delivered != first
        for one in self.hosts:
            keys = one.run("cat", "/srv/app/.ssh/authorized_keys")
            assert pair_of(self.lab.old).public(b"").decode().split()[1] not in keys
            assert one.run("ls", "-A", "/srv/app/.ssh").split() == ["authorized_keys"]
        assert not any(self.lab.lets_in(first, one) for one in self.hosts)
        self.host.check_clean(secret_parts(first.reveal()) + secret_parts(self.delivered.reveal()))


def secret_parts(key: bytes) -> list[bytes]:
    """What of a key file nobody may see: all of it, and each line in which its private half is."""
    return [key.strip(), *key.strip().splitlines()[3:-1]]


@contextmanager
def login_scene(
    lab: SshdLab, folder: Path, bao: DevServer, vault: KeyValue, hosts: Sequence[SshdTarget], rotate: str = ""
) -> Iterator[LoginScene]:
    """The scene, with the lab's first key; ``rotate`` has more of the entry's schedule."""
    port = urlsplit(bao.address).port
    assert port is not None
    file = folder / "delivered"
    file.write_bytes(lab.old["private_key"].reveal())
    file.chmod(0o600)
    vault.write(PATH, lab.old, cas=0)
    targets = "".join(f'      - {{host: {one.address}, user: app, host_key: "{one.host_key}"}}\n' for one in hosts)
    secrets = (
        "  app:\n"
        "    kind: ssh-key\n"
        f"    path: {PATH}\n"
        f"    targets:\n{targets}"
        f"    deliver: [{{to: file, path: {file}, keys: {{all: private_key}}}}]\n"
        f"    rotate: {{every: 30d{rotate}}}\n"
    )
    host = RotationHost(folder, bao, vault.mount, secrets, within=lab.command)
    rooms = {room_of(one.processes()[0]) for one in hosts}
    host.beside = lambda: [int(name) for name in os.listdir("/proc") if name.isdigit() and room_of(int(name)) in rooms]
    with doorway(lab.hub, port):
        yield LoginScene(host, lab, vault, hosts, file)
