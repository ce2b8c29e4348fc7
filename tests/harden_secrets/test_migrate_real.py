"""Real processes, killed by SIGKILL after every single change that they make, on a real API server and OpenBao."""

import base64
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bao.devserver import DevServer
from cluster.server import Server

from harden_secrets.cluster.port import Manifest
from harden_secrets.confidential import Confidential
from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.keys import symmetric
from tests.harden_secrets.migrating_host import KILLED_HARDEN, Controller, Host
from tests.harden_secrets.simple_scene import config_map, deployment

_SERVERS = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")
_KINDS = (("v1", "ConfigMap"), ("v1", "Secret"), ("apps/v1", "Deployment"))
MOST = 60  # changes of a run, far more than it makes


@pytest.fixture
def key() -> bytes:
    return symmetric.git_crypt()


@pytest.fixture
def host(api_server: Server, bao: DevServer, vault: KeyValue, tmp_path: Path, key: bytes) -> Host:
    """A namespace with a key that a Deployment mounts."""
    namespace = api_server.admin.new_namespace()
    for one in (config_map(namespace, binary=key), deployment(namespace)):
        api_server.admin.create(one, namespace=namespace)
    return Host(tmp_path, api_server, bao, vault.mount, namespace)


@pytest.fixture
def controller(host: Host) -> Iterator[Controller]:
    with Controller(host.server.admin, host.namespace) as made:
        yield made


def planned(host: Host) -> str:
    plan = str(host.root / "plan.json")
    assert host.harden("plan", "--cluster", "--namespace", host.namespace, "-o", plan) == 3, host.said[-1]
    return plan


def world(host: Host) -> list[Manifest]:
    """All that the test or harden made, without what the server decides."""
    found = []
    for version, kind in _KINDS:
        listed = host.server.admin.request("GET", host.server.admin.path(version, kind, None, host.namespace))
        for one in listed["items"]:
            one["metadata"] = {name: value for name, value in one["metadata"].items() if name not in _SERVERS}
            one.pop("status", None)
            found.append({"kind": kind, **one})
    return found


def killed_again_and_again(host: Host, controller: Controller, first: tuple[str, ...], then: tuple[str, ...]) -> int:
    """Each process makes one change more than the one before and dies. How many did until one had nothing to change."""
    command, count = first, 0
    while (status := host.migrating(*command, kill_after=1)) == -signal.SIGKILL:
        controller.check()
        command, count = then, count + 1
        assert count < MOST
    assert status == 0, host.said[-1]
    return count


def no_value_anywhere(host: Host, key: bytes) -> None:
    """Neither in files, arguments, environments nor output."""
    forms = [key[40:70], base64.b64encode(key)[42:82], key[-50:-20]]
    for path, content in host.files():
        assert not any(form in content for form in forms), path
    for shown in [*host.shown, *(said.encode() for said in host.said), host.inventory.read_bytes()]:
        assert not any(form in shown for form in forms)
    assert not list((host.root / "tmp").iterdir())


def test_killed_after_every_change(host: Host, controller: Controller, vault: KeyValue, key: bytes) -> None:
    """It is done in the end, then undone in the end; the Deployment's pods would see the key at every moment."""
    before, plan = world(host), planned(host)
    assert killed_again_and_again(host, controller, ("migrate", plan), ("resume",)) > 15
    stored = vault.read(f"{host.namespace}/git-crypt-key")
    assert stored is not None
    assert stored.fields["key"] == Confidential(key)
    assert [one["metadata"]["name"] for one in world(host) if one["kind"] == "ConfigMap"] == []
    assert host.harden("runs", "--json") == 0
    (run,) = json.loads(host.said[-1])["runs"]
    assert run["state"] == "done"
    killed_again_and_again(host, controller, ("rollback", run["run"]), ("rollback", run["run"]))
    assert world(host) == before
    assert vault.read(f"{host.namespace}/git-crypt-key") is None
    assert controller.wrong == []
    assert host.harden("log", "verify") == 0, host.said[-1]
    no_value_anywhere(host, key)


def test_two_at_once(host: Host, controller: Controller) -> None:
    """From two hosts: one does it, the other says who has the lock, or that somebody was faster."""
    plan = planned(host)
    other = host.root / "other" / "secrets"
    other.mkdir(mode=0o700, parents=True)
    (other / "fingerprint.key").write_bytes((host.state / "secrets" / "fingerprint.key").read_bytes())
    command = [sys.executable, str(KILLED_HARDEN), "0", "secrets", "migrate", plan, "--lock-namespace", host.namespace]
    both = [
        subprocess.Popen(
            command, env={**host.environment, "HARDEN_STATE": str(state)}, stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL, text=True,
        )
        for state in (host.state, other.parent)
    ]  # fmt: skip
    said = [process.communicate(timeout=120)[1] for process in both]
    statuses = [process.returncode for process in both]
    assert sorted(statuses) == [0, 1], said
    loser = said[statuses.index(1)]
    assert any(words in loser for words in ("is held by run", "since the plan was made", "this very moment")), loser
    controller.check()
    assert controller.wrong == []
