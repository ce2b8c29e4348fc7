"""`harden secrets rotate` while Vault is sealed, away, or takes the token no more: nothing is lost, and it goes on."""

import time
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

import pytest
from bao.devserver import DevServer, dev_server
from bao.gate import gate

from tests.harden_secrets.door_scene import Scene, scene

__all__ = ["scene"]

PHASES = ("install", "switch", "retire")
POLICY = 'path "MOUNT/*" {capabilities = ["create", "read", "update", "patch", "delete", "list"]}'


@pytest.fixture(scope="module", name="bao")
def _bao() -> Iterator[DevServer]:
    """One that no other test needs while it is sealed."""
    with dev_server() as server:
        yield server


def cut_off(
    scene: Scene, happen: Callable[[], object], end: Callable[[], object], *says: str, phases: Sequence[str] = PHASES
) -> None:
    """It happens right before each phase: that is said, and status says it too; when it is over the run goes on."""
    for phase in phases:
        for words in (("rotate", "app"), ("status",)):
            assert scene.host.harden(*words, at=phase, do=happen) == 1, scene.host.said[-1]
            assert [one for one in says if one not in scene.host.said[-1]] == [], scene.host.said[-1]
        end()
        scene.check()
    assert scene.host.harden("status", at="never") == 0
    assert "works on it" not in scene.host.said[-1], "its process is gone, and could not give the lock back"
    scene.host.finish("rotate", "app", times=1)
    assert "goes on with the rotation that was begun" in scene.host.said[-1]
    scene.check_end()


def test_sealed_in_the_middle(scene: Scene, bao: DevServer) -> None:
    """Whoever asks hears how to unseal it."""
    cut_off(scene, bao.seal, bao.unseal, "the Vault is sealed", "bao operator unseal")


def test_away_in_the_middle(scene: Scene, bao: DevServer) -> None:
    """Every connection is cut, and no other is taken."""
    inventory, port = scene.host.inventory, urlsplit(bao.address).port
    assert port is not None
    with gate(port) as door:
        inventory.write_text(inventory.read_text().replace(f":{port}", f":{door.port}"))
        cut_off(scene, door.close, door.reopen, f"127.0.0.1:{door.port}", "check the address and that the server runs")


def test_a_token_that_ends_in_the_middle(scene: Scene, bao: DevServer) -> None:
    """It cannot be renewed: who runs harden is told to log in again, and another token goes on."""
    bao.root().sys.create_or_update_policy("rotating", POLICY.replace("MOUNT", scene.vault.mount))

    def begin() -> None:
        scene.host.more = {"VAULT_TOKEN": bao.token("rotating", "3s", renewable=False)}

    begin()
    says = ("the token is not, or no longer, good", "log in again")
    cut_off(scene, lambda: time.sleep(3), begin, *says, phases=["switch"])
