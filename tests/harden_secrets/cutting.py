"""Cuts a run off at any call to the cluster or to Vault: the process dies, or the server says no."""

from collections.abc import Callable
from typing import Any

from tests.harden_secrets.fake_cluster import Call, Killed
from tests.harden_secrets.stage import Stage

WRITES = ("create", "replace", "patch", "delete", "write", "annotate", "undelete", "destroy")
_VAULT = ("read", "write", "metadata", "annotate", "delete", "undelete", "destroy")


class Cutter:
    """Counts the calls to both servers of a stage from now on. ``calls`` has the method of each, in order."""

    def __init__(self, stage: Stage) -> None:
        self.calls: list[str] = []
        self._stage = stage
        self._at: tuple[int, bool, BaseException] | None = None
        stage.cluster.before.append(lambda call: self._begin(call.method))
        stage.cluster.after.append(self._end_cluster)
        for method in _VAULT:
            setattr(stage.vault, method, self._around(method, getattr(stage.vault, method)))

    def cut(self, number: int, error: BaseException, *, after: bool) -> None:
        """At the ``number``-th call from the beginning (from 0): before it acts, or when it has."""
        self._at = (number, after, error)

    def live(self) -> None:
        """A new process: what was cut off stays so, and nothing more is."""
        self._at = None
        self._stage.cluster.dead = False

    def _begin(self, method: str) -> None:
        self.calls.append(method)
        self._act(after=False)

    def _end_cluster(self, _call: Call) -> None:
        self._act(after=True)

    def _act(self, *, after: bool) -> None:
        if self._at is None or (len(self.calls) - 1, after) != self._at[:2]:
            return
        error = self._at[2]
        self._stage.cluster.dead = isinstance(error, Killed)
        raise error

    def _around(self, method: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def surrounded(*args: Any, **options: Any) -> Any:
            if self._stage.cluster.dead:
                raise Killed
            self._begin(method)
            answer = call(*args, **options)
            self._act(after=True)
            return answer

        return surrounded
