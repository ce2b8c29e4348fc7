"""What a container sees, asked of the container itself: a file or a variable, exact to the byte."""

from collections.abc import Sequence
from dataclasses import dataclass

from harden_secrets.cluster.pods import is_living, runs
from harden_secrets.cluster.port import (
    Cluster,
    ClusterError,
    ClusterUnavailableError,
    Executed,
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
    """``known`` is False where nobody could say: the container does not run, exec is forbidden, its image has no
    ``cat``, ``printenv`` or ``env``. ``content`` is None where there is no such file or variable."""

    known: bool
    content: Confidential | None = None


_UNKNOWN = Sight(known=False)


def look(cluster: Cluster, pod: Manifest, container: str, at: str) -> Sight:
    """What a container of a pod sees at ``at``: a path, or ``env:NAME``.

    Raises PodWentError, and ClusterUnavailableError where the API server does not answer though the pod is there.
    """
    if not runs(pod, container):
        return _UNKNOWN
    if not at.startswith("env:"):
        return _answered(_said(cluster, pod, container, ("cat", "--", at)))
    name = at.removeprefix("env:")
    said = _said(cluster, pod, container, ("printenv", name))
    if said is not None:
        sight = _answered(said)
        # printenv ends its answer with a newline of its own
        content = sight.content
        return sight if content is None else Sight(True, Confidential(content.reveal().removesuffix(b"\n")))
    return _among(_said(cluster, pod, container, ("env", "-0")), name)  # Debian's busybox has this one only


def is_there(cluster: Cluster, pod: Manifest) -> bool:
    """Whether that very pod is still there and not about to go."""
    now = cluster.get(ObjectName.of(pod))
    return now is not None and now["metadata"]["uid"] == pod["metadata"]["uid"] and is_living(now)


def _said(cluster: Cluster, pod: Manifest, container: str, command: Sequence[str]) -> Executed | None:
    """What a command said; None where it could not be run."""
    try:
        said = cluster.execute(ObjectName.of(pod), container, command)
    except MissingError:
        raise PodWentError from None
    except ClusterUnavailableError:
        if not is_there(cluster, pod):
            raise PodWentError from None
        raise
    except ClusterError:
        return None  # exec may be forbidden, or the image may have no program at all
    return None if said.status in _NO_PROGRAM else said


def _answered(said: Executed | None) -> Sight:
    if said is None:
        return _UNKNOWN
    return Sight(True, None if said.status else Confidential(said.stdout))


def _among(said: Executed | None, name: str) -> Sight:
    """One of all variables, each with a NUL at its end."""
    if said is None or said.status:
        return _UNKNOWN  # an `env` that does not know the option
    for variable in said.stdout.split(b"\0"):
        called, _, value = variable.partition(b"=")
        if called == name.encode():
            return Sight(True, Confidential(value))
    return Sight(known=True)
