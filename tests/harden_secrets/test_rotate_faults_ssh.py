"""`harden secrets rotate` of an SSH key while hosts go down, have another host key, or a full disk; with real sshd."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bao.devserver import DevServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.login_scene import LoginScene, login_scene
from tests.harden_secrets.sshd_lab import SshdLab
from tests.harden_secrets.sshd_target import SshdTarget, private_file

WRITING = ("install", "limit", "retire")
PHASES = ("install", "prove", "limit", "quiet", "retire", "refuse")


@pytest.fixture(scope="module", name="lab")
def _lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshdLab]:
    with SshdLab(tmp_path_factory.mktemp("sshd")) as lab:
        yield lab


@pytest.fixture(name="scene")
def _scene(lab: SshdLab, tmp_path: Path, bao: DevServer, vault: KeyValue) -> Iterator[LoginScene]:
    """Two hosts, and one whose homes are on a small disk."""
    hosts = [lab.host(), lab.host(), lab.host(start=False)]
    small = hosts[2]
    small.run("sh", "-c", "mount -t tmpfs -o size=64k,mode=755 none /srv && mkdir -p /srv/app/.ssh")
    small.run("sh", "-c", 'printf "%s\\n" "$1" >/srv/app/.ssh/authorized_keys', "sh", lab.old_line)
    small.run("sh", "-c", "chown -R app:app /srv/app && chmod 700 /srv/app/.ssh && chmod 600 /srv/app/.ssh/*")
    small.start()
    for one in hosts[:2]:
        one.authorize(lab.old_line)
    with login_scene(lab, tmp_path, bao, vault, hosts, ", overlap: 1h") as scene:
        yield scene


class Troubles:
    """What happens to the three hosts, and how often somebody was let in by the one that is another then."""

    def __init__(self, down: SshdTarget, other: SshdTarget, full: SshdTarget) -> None:
        self._down, self._other, self._full = down, other, full
        self._file = other.folder / "etc" / "host_key"
        self._key = self._file.read_bytes()
        self._logins = 0
        self.says = {
            down: ("Connection refused", "see whether the host is up and sshd answers at port 22"),
            other: (
                "is not one that the inventory has pinned: nothing was sent there",
                "take its key from its console",
            ),
            full: ("cannot be written, and is as it was", "No space left on device", "make room on the target's disk"),
        }

    def begin(self) -> None:
        """One is down, one is another, the disk of one is full."""
        self._down.stop()
        self._restart(private_file(Ed25519PrivateKey.generate()))
        self._full.run("sh", "-c", "dd if=/dev/zero of=/srv/fill bs=1k 2>/dev/null || :")
        self._logins = self._accepted()

    def end(self) -> None:
        """All is as it was; nobody has logged in at another host meanwhile."""
        assert self._accepted() == self._logins
        self._down.start()
        self._restart(self._key)
        self._full.run("rm", "/srv/fill")

    def _restart(self, key: bytes) -> None:
        self._other.stop()
        self._file.write_bytes(key)
        self._other.start()

    def _accepted(self) -> int:
        return self._other.log.read_text().count("Accepted")


def test_hosts_in_trouble_at_each_phase(scene: LoginScene) -> None:
    """Down, with another host key, with a full disk: each is named with what to do, by the run and by status; both keys
    stay good, no login is tried at what may be another host, and when all is well again the rotation goes on.
    """
    troubles = Troubles(*scene.hosts)
    for phase in PHASES:
        assert scene.host.harden("rotate", "--force", "app", at=phase, do=troubles.begin) == 1, scene.host.said[-1]
        said = scene.host.said[-1]
        assert scene.host.harden("status") == 3
        status = scene.host.said[-1]
        for one in scene.hosts if phase in WRITING else scene.hosts[:2]:
            assert f"{phase} app@{one.address}: " in said
            assert f"{phase} at app@{one.address}: " in status
            for words in troubles.says[one]:
                assert words in said
                assert words in status
        assert "not finished; no later step was taken. The next run goes on from there" in said
        troubles.end()
        scene.check(old=phase in PHASES[:4])
    scene.host.finish("rotate", "--force", "app", times=1)
    assert scene.host.harden("status") == 0
    scene.check_end()
