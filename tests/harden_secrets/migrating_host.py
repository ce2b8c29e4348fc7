"""A host from which real processes migrate a real API server's objects into a real OpenBao.

The API server has no controllers: :class:`Controller` stands in for the one that carries out rollouts. Whatever the
processes show of themselves (arguments, environment, files, output) is kept to be searched.
"""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bao.devserver import DevServer
from cluster.api import MERGE_PATCH, Api, ApiError
from cluster.server import Server

from harden_secrets.cluster.port import Manifest
from harden_secrets.plan.repointing import pod_spec
from tests.harden_secrets.kubelet import View, view

KILLED_HARDEN = Path(__file__).with_name("killed.py")
SECONDS = 120


@dataclass
class Host:
    """``root`` has the state folder, the inventory, temporary files and plans."""

    root: Path
    server: Server
    bao: DevServer
    mount: str
    namespace: str
    said: list[str] = field(default_factory=list)
    shown: set[bytes] = field(default_factory=set)  # arguments, environments and limits of processes

    def __post_init__(self) -> None:
        for name in ("state", "tmp", "home"):
            (self.root / name).mkdir()
        self.inventory.write_text(f'version: 1\nvault: {{address: "{self.bao.address}", mount: {self.mount}}}\n')

    @property
    def inventory(self) -> Path:
        return self.root / "secrets.yaml"

    @property
    def state(self) -> Path:
        return self.root / "state"

    def harden(self, *words: str, kill_after: int = 0) -> int:
        """The status of `harden secrets …`; negative where a signal ended it."""
        command = [sys.executable, str(KILLED_HARDEN), str(kill_after), "secrets", *words]
        with (self.root / "out").open("w+") as out:
            process = subprocess.Popen(command, env=self.environment, stdout=out, stderr=out, cwd=self.root)
            while process.poll() is None:
                self._look_at(process.pid)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.02)
            out.seek(0)
            self.said.append(out.read())
        return process.returncode

    def migrating(self, command: str, *words: str, kill_after: int = 0) -> int:
        """One of the commands that take the lock."""
        return self.harden(command, *words, "--lock-namespace", self.namespace, kill_after=kill_after)

    def files(self) -> Iterator[tuple[Path, bytes]]:
        """Every file of the state folder, and every temporary one."""
        for folder in ("state", "tmp"):
            for path in (self.root / folder).rglob("*"):
                if path.is_file():
                    yield path, path.read_bytes()

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process is given."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "KUBECONFIG": str(self.server.kubeconfig),
            "HARDEN_STATE": str(self.state),
            "HARDEN_INVENTORY": str(self.inventory),
            "VAULT_TOKEN": self.bao.root_token,
            "VAULT_CACERT": str(self.bao.ca),
        }

    def _look_at(self, pid: int) -> None:
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                self.shown.add(Path(f"/proc/{pid}/{name}").read_bytes())


class Controller:
    """Says of each Deployment of a namespace that it is rolled out, and looks at what its pods would see."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api, self._namespace = api, namespace
        self._before = self.views()
        self.wrong: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._act, daemon=True)

    def __enter__(self) -> "Controller":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()

    def views(self) -> dict[str, View]:
        """What the pods of each workload see. Objects are read one by one, those that are used last."""
        return {
            f"{one['kind']} {one['metadata']['name']}": view(pod_spec(one) or {}, self._object)
            for version, kind in (("apps/v1", "Deployment"), ("batch/v1", "CronJob"))
            for one in self._list(version, kind)
        }

    def check(self) -> None:
        """Note who sees other bytes than at the beginning."""
        for who, seen in self.views().items():
            for at, value in self._before[who].items():
                if seen.get(at) != value:
                    self.wrong.append(f"{who} {at}")

    def _act(self) -> None:
        while not self._ended.wait(0.05):
            for one in self._list("apps/v1", "Deployment"):
                generation = one["metadata"]["generation"]
                if (one.get("status") or {}).get("observedGeneration") != generation:
                    self._roll_out(one, generation)

    def _roll_out(self, deployment: Manifest, generation: int) -> None:
        counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
        body = {"status": {"observedGeneration": generation, **counts}}
        path = self._api.path("apps/v1", "Deployment", deployment["metadata"]["name"], self._namespace)
        with contextlib.suppress(ApiError):
            self._api.request("PATCH", f"{path}/status", body, MERGE_PATCH)

    def _list(self, version: str, kind: str) -> list[Manifest]:
        listed: Any = self._api.request("GET", self._api.path(version, kind, None, self._namespace))
        return [{"apiVersion": version, "kind": kind, **one} for one in listed["items"]]

    def _object(self, kind: str, name: str) -> Mapping[str, Any] | None:
        try:
            return {"kind": kind, **self._api.get("v1", kind, name, self._namespace)}
        except ApiError as error:
            if error.status == 404:
                return None
            raise
