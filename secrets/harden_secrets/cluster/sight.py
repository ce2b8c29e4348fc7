"""What a container sees, asked of the container itself: a file or a variable, exact to the byte."""

from dataclasses import dataclass

from harden_secrets.cluster.pods import is_living, runs
from harden_secrets.cluster.port import (
    Cluster,
    ClusterError,
    ClusterUnavailableError,
    Manifest,
    MissingError,
    ObjectName,
)
from harden_secrets.confidential import Confidential

_NO_PROGRAM = (126, 127)  # not executable, not found: POSIX shell


class PodWentError(Exception):
    """The pod was replaced while it was asked: ask its successor."""


@dataclass(frozen=True, slots=True)
class Sight:
    """``known`` is False where nobody could say: the container does not run, exec is forbidden, its image has neither
    ``cat`` nor ``printenv``. ``content`` is None where there is no such file or variable."""

    known: bool
    content: Confidential | None = None


_UNKNOWN = Sight(known=False)


def look(cluster: Cluster, pod: Manifest, container: str, at: str) -> Sight:
    """What a container of a pod sees at ``at``: a path, or ``env:NAME``.

    Raises PodWentError, and ClusterUnavailableError where the API server does not answer though the pod is there.
    """
    if not runs(pod, container):
        return _UNKNOWN
    try:
        said = cluster.execute(ObjectName.of(pod), container, _question(at))
    except MissingError:
        raise PodWentError from None
    except ClusterUnavailableError:
        if not is_there(cluster, pod):
            raise PodWentError from None
        raise
    except ClusterError:
        return _UNKNOWN  # exec may be forbidden, or the image may have no program at all
    if said.status in _NO_PROGRAM:
        return _UNKNOWN
    if said.status:
        return Sight(known=True)
    # printenv ends its answer with a newline of its own
    return Sight(True, Confidential(said.stdout.removesuffix(b"\n") if at.startswith("env:") else said.stdout))


def is_there(cluster: Cluster, pod: Manifest) -> bool:
    """Whether that very pod is still there and not about to go."""
    now = cluster.get(ObjectName.of(pod))
    return now is not None and now["metadata"]["uid"] == pod["metadata"]["uid"] and is_living(now)


def _question(at: str) -> tuple[str, ...]:
    return ("printenv", at.removeprefix("env:")) if at.startswith("env:") else ("cat", "--", at)
