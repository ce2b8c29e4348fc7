"""Somebody who looks at the pods' bytes all the time while something else goes on."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping

from cluster.api import ApiError
from cluster.workload import is_ready

from tests.harden_secrets.scene import KEY_FILE, SSH_FILE
from tests.harden_secrets.scene_estate import Estate

PAUSE = 0.2  # seconds between two looks


class Witness:
    """What was seen: how often each consumer had the right bytes, and every time that one had not."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self.right = {"runner": 0, "bastion": 0, "script": 0}
        self.wrong: list[str] = []

    def look(self) -> None:
        """At every consumer once."""
        estate, places = self._estate, self._estate.places
        self._pods("runner", places.runner, KEY_FILE, estate.git_crypt_key)
        self._pods("bastion", places.ssh, SSH_FILE, estate.ssh_key)
        self._script()

    def _pods(self, name: str, namespace: str, path: str, key: bytes) -> None:
        """Every pod that is ready, and there has to be one: neither workload may be without while it is replaced."""
        ready = self._ready(namespace, name)
        if not ready:
            self.wrong.append(f"{name}: no pod is ready")
        for pod, uid in ready.items():
            try:
                seen = self._estate.cluster.run(namespace, pod, "cat", path).stdout
            except (ApiError, AssertionError, OSError) as error:
                seen = str(error).encode()
            if seen == key:
                self.right[name] += 1
            elif self._ready(namespace, name).get(pod) == uid:  # else it went while it was asked
                self.wrong.append(f"{pod} sees {len(seen)} other bytes at {path}")

    def _ready(self, namespace: str, name: str) -> Mapping[str, str]:
        pods = self._estate.cluster.admin.list("v1", "Pod", namespace, f"app={name}")
        return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods if is_ready(pod)}

    def _script(self) -> None:
        before = self._estate.script.read_bytes()
        try:
            seen = self._estate.script_prints()
        except (ApiError, AssertionError, OSError) as error:
            seen = str(error).encode()
        if seen == self._estate.git_crypt_key:
            self.right["script"] += 1
        elif self._estate.script.read_bytes() == before:  # else it was changed while it ran
            self.wrong.append(f"the CI script prints {len(seen)} other bytes")


@contextlib.contextmanager
def watched(estate: Estate) -> Iterator[Witness]:
    """Look on while the block runs; every consumer must have been seen, and never with other bytes."""
    witness, ended = Witness(estate), threading.Event()
    broken: list[BaseException] = []
    thread = threading.Thread(target=_looking, args=(witness.look, ended, broken), daemon=True)
    thread.start()
    try:
        yield witness
    finally:
        ended.set()
        thread.join(60)
    assert not broken, repr(broken)
    assert not witness.wrong, "; ".join(witness.wrong[:9])
    assert min(witness.right.values()) > 0, f"looked at: {witness.right}"


def _looking(look: Callable[[], None], ended: threading.Event, broken: list[BaseException]) -> None:
    try:
        while True:
            look()
            if ended.wait(PAUSE):
                return
    except BaseException as error:  # noqa: BLE001 - told by the one who waits for the thread
        broken.append(error)
