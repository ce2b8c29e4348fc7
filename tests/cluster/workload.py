"""A cluster with a node as tests use it: wait for what runs there, and speak with it."""

import contextlib
import json
import ssl
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import websocket
from cluster.api import Api, ApiError, Object, until
from cluster.image import TOOLS
from cluster.node import Node
from cluster.room import ADDRESS, Room, RoomError
from cluster.server import Server

APPS = "apps/v1"
PROTOCOL = "v5.channel.k8s.io"  # staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go
STDIN, STDOUT, STDERR, STATUS, CLOSE = 0, 1, 2, 3, 255


@dataclass(frozen=True)
class Ended:
    """A command that ran in a pod: its exit status and what it wrote, to the byte."""

    status: int
    stdout: bytes
    stderr: bytes


class Cluster:
    """``server``: its API server, with users and kubeconfigs; ``admin``: the API as the administrator."""

    def __init__(self, server: Server, room: Room | None, node: Node | None = None) -> None:
        self.server = server
        self.admin: Api = server.admin
        self.room = room  # None, and no node: a cluster of one's own
        self._node = node

    @contextlib.contextmanager
    def namespace(self, prefix: str = "test") -> Iterator[str]:
        """A namespace in which pods can start at once; removed, with all that runs in it, after the block."""
        name = self.admin.new_namespace(prefix)
        until("the namespace has the root certificate", lambda: self._has_root(name))
        try:
            yield name
        finally:
            self.admin.delete("v1", "Namespace", name, None)

    def wait_for_rollout(self, namespace: str, name: str, kind: str = "Deployment", seconds: float = 60) -> str:
        """Until all pods of a Deployment, StatefulSet or DaemonSet are new and ready; returns one's name."""
        with self._explained(namespace):
            until(f"{kind} {name}", lambda: is_rolled_out(self.admin.get(APPS, kind, name, namespace)), seconds)
            return self.pod_of(namespace, name, kind)

    def wait_for_pod(self, namespace: str, name: str, phase: str = "Running", seconds: float = 60) -> Object:
        """Until a pod is in a phase: Running (and ready), Succeeded, Failed. Returns the pod."""
        with self._explained(namespace):
            found: Object = until(f"Pod {name} {phase}", lambda: self._pod_in(namespace, name, phase), seconds)
            return found

    def pod_of(self, namespace: str, name: str, kind: str = "Deployment") -> str:
        """The name of a pod that is ready and belongs to this Deployment (or other kind with a selector)."""
        selector = self.admin.get(APPS, kind, name, namespace)["spec"]["selector"]["matchLabels"]
        labels = ",".join(f"{key}={value}" for key, value in selector.items())
        pods = self.admin.list("v1", "Pod", namespace, labels)
        names = [
            pod["metadata"]["name"] for pod in pods if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
        ]
        assert names, f"{kind} {name} has no pod that is ready"
        return str(names[-1])

    def run(
        self, namespace: str, pod: str, *command: str, container: str = "", stdin: bytes = b"", seconds: float = 60
    ) -> Ended:
        """Run a command in a running pod; bytes in and out are exact."""
        query = [("command", word) for word in command] + [("stdout", "true"), ("stderr", "true")]
        query += [("container", container)] if container else []
        query += [("stdin", "true")] if stdin else []
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/exec?{urllib.parse.urlencode(query)}"
        channels = open_channels(self.admin, path, seconds)
        try:
            return converse(channels, stdin)
        finally:
            channels.shutdown()  # type: ignore[no-untyped-call]  # unlike close(), also when the server closed first

    def read(self, namespace: str, pod: str, path: str, container: str = "") -> bytes:
        """The bytes of a file in a running pod."""
        done = self.run(namespace, pod, "cat", path, container=container)
        assert done.status == 0, f"{pod}: {path}: {done.stderr.decode(errors='replace')}"
        return done.stdout

    def logs(self, namespace: str, pod: str, container: str = "", previous: bool = False) -> str:
        """What a container has written so far; with ``previous`` what it wrote before its last restart."""
        query = urllib.parse.urlencode({"container": container, "previous": str(previous).lower()})
        status, content = self.admin.send("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}/log?{query}")
        if status != 200:
            raise ApiError(status, content.decode(errors="replace"))
        return content.decode(errors="replace")

    def load(self, write: Callable[[Path], None]) -> None:
        """Give the node more images: those of an OCI archive that ``write`` makes."""
        if self._node is None:
            raise RoomError("an image of the tests is only in the tests' own cluster: unset HARDEN_TEST_KUBECONFIG")
        self._node.load(write)

    def expose(self, port: int) -> tuple[str, int]:
        """Let pods reach a port of the tests' own 127.0.0.1: returns the address and port for them."""
        return ADDRESS, self._own_room("a server of the tests").expose(port)

    def reach(self, host: str, port: int) -> int:
        """A port of the tests' own 127.0.0.1 that leads to a pod's address and port."""
        return self._own_room("a pod's port").reach(port, host)

    def _own_room(self, what: str) -> Room:
        if self.room is None:
            raise RoomError(f"{what} is reached only in the tests' own cluster: unset HARDEN_TEST_KUBECONFIG")
        return self.room

    def _has_root(self, namespace: str) -> bool:
        return any(
            one["metadata"]["name"] == "kube-root-ca.crt" for one in self.admin.list("v1", "ConfigMap", namespace)
        )

    def _pod_in(self, namespace: str, name: str, phase: str) -> Object | None:
        pod = self.admin.get("v1", "Pod", name, namespace)
        fits = pod.get("status", {}).get("phase") == phase and (phase != "Running" or is_ready(pod))
        return pod if fits else None

    @contextlib.contextmanager
    def _explained(self, namespace: str) -> Iterator[None]:
        """Add what the cluster and the pods say to a wait that was in vain."""
        try:
            yield
        except AssertionError as error:
            events = self.admin.list("v1", "Event", namespace)[-12:]
            told = [f"{one['involvedObject'].get('name')}: {one.get('message')}" for one in events]
            raise AssertionError("\n".join([str(error), *told, *self._last_words(namespace)])) from None

    def _last_words(self, namespace: str) -> Iterator[str]:
        for pod in self.admin.list("v1", "Pod", namespace):
            name = pod["metadata"]["name"]
            for previous in (True, False):
                with contextlib.suppress(ApiError):
                    yield f"{name}: {self.logs(namespace, name, previous=previous)[-2000:]}"


def is_rolled_out(one: Object) -> bool:
    """As `kubectl rollout status` decides (k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go), for each kind."""
    status, wanted = one.get("status", {}), one["spec"].get("replicas", 1)
    if one["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        updated, ready = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    else:
        updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
    seen = status.get("observedGeneration", 0) >= one["metadata"]["generation"]
    return bool(seen and updated == ready == wanted == status.get("replicas", wanted))


def is_ready(pod: Object) -> bool:
    """Whether it is, and is not about to go."""
    conditions = pod.get("status", {}).get("conditions", [])
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def open_channels(api: Api, path: str, seconds: float) -> websocket.WebSocket:
    """Upgrade a request to the channels of a command in a pod; raises ApiError."""
    access = api.access
    try:
        return websocket.create_connection(
            f"wss://{access.host}:{access.port}{access.prefix}{path}",
            timeout=seconds,
            header=[f"{name}: {value}" for name, value in access.headers.items()],
            subprotocols=[PROTOCOL],
            sslopt={"context": access.tls},
        )
    except websocket.WebSocketBadStatusException as error:
        raise ApiError(error.status_code, (error.resp_body or b"").decode(errors="replace")) from None


def converse(channels: websocket.WebSocket, stdin: bytes) -> Ended:
    """Send what the command reads, and gather what it writes until it ends."""
    if stdin:
        for start in range(0, len(stdin), 1 << 16):
            channels.send_binary(bytes([STDIN]) + stdin[start : start + (1 << 16)])
        channels.send_binary(bytes([CLOSE, STDIN]))
    heard: dict[int, bytearray] = {STDOUT: bytearray(), STDERR: bytearray(), STATUS: bytearray()}
    with contextlib.suppress(websocket.WebSocketConnectionClosedException, ssl.SSLEOFError):
        while frame := channels.recv():
            data = frame if isinstance(frame, bytes) else frame.encode()
            heard[data[0]] += data[1:]
    assert heard[STATUS], "the command's end was not told"
    return Ended(exit_status(json.loads(heard[STATUS])), bytes(heard[STDOUT]), bytes(heard[STDERR]))


def exit_status(told: dict[str, Any]) -> int:
    """The number in a Status that ends a command; AssertionError if it could not even start."""
    if told["status"] == "Success":
        return 0
    causes = told.get("details", {}).get("causes", [])
    numbers = [int(cause["message"]) for cause in causes if cause.get("reason") == "ExitCode"]
    assert numbers, told.get("message")
    return numbers[0]


def container(command: Sequence[str], name: str = "main", **more: Any) -> Object:
    """A container of the tests' image; ``more`` are fields of its specification."""
    return {"name": name, "image": TOOLS, "imagePullPolicy": "Never", "command": list(command), **more}


def deployment(name: str, *containers: Object, **more: Any) -> Object:
    """A Deployment of one pod which ends as soon as it is told to; ``more`` are fields of the pod's specification."""
    labels = {"app": name}
    return {
        "apiVersion": APPS,
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": list(containers), "terminationGracePeriodSeconds": 0, **more},
            },
        },
    }
