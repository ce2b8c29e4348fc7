"""A consumer as a value: who uses a ConfigMap or Secret, and exactly what it sees of it."""

import posixpath
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from harden_secrets.cluster.port import ObjectName

Expects = Literal["raw", "text"]
DEFAULT_MODE = 0o644


class Way(StrEnum):
    """How it is used."""

    ENV = "env"
    ENV_FROM = "envFrom"
    VOLUME = "volume"
    PROJECTED = "projected"
    SUB_PATH = "subPath"
    DRIVER = "csi"  # credentials of a volume's driver
    IMAGE_PULL = "imagePull"
    SERVICE_ACCOUNT = "serviceAccount"
    TLS = "tls"  # of an Ingress, a Gateway, a route
    REFERENCE = "secretRef"  # a field of another kind that names it
    TARGET = "target"  # an operator writes it: a Certificate, an ExternalSecret
    API = "api"  # a script or a program that asks the API server


# The kubelet brings a changed value into these; variables and subPath mounts keep theirs until the pod is replaced.
_REFRESHING = frozenset({Way.VOLUME, Way.PROJECTED, Way.API})


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """One use of a ConfigMap or Secret.

    ``uses``: which one; its namespace is empty where it cannot be known (a script's variable, a cluster-wide object).
    ``object``: the object that uses it; None for a script in a file. ``pointer`` (RFC 6901) leads to the reference in
    that object: the ``configMap`` of a volume, the ``secretKeyRef`` of a variable, the text of a script.
    ``mount`` leads to the volumeMount where there is one. ``owners`` are those whose controllers made the object, the
    nearest first: change the last one.

    ``key``: which entry; empty for all of them (see :meth:`narrowed`). ``path``: the file in the container, the
    folder where ``key`` is empty and the whole volume is mounted, or the name of the variable. ``mode``: of the file,
    None for what is none. ``expects``: whether it sees bytes as they are (``raw``: an entry of a Secret or of
    ``binaryData``, or a script that decodes) or a text as it stands in ``data`` (``text``).

    ``refreshes``: whether it sees a new value without being replaced. ``running``: whether the object says that
    something runs, or may at any time; an old ReplicaSet, a suspended CronJob or a ControllerRevision does not, and
    still is in the way of a removal. ``certain`` is False for a field that only looks like a reference.

    For API readers, ``source`` and ``line`` say where the read stands (in a file, or in the text at ``pointer``),
    ``text`` is the piece that names the object, ``start`` and ``end`` are its offsets there in characters, ``decodes``
    is how many times the reader undoes base64 after it, and ``service_account`` as whom a pod asks.
    """

    uses: ObjectName
    way: Way
    object: ObjectName | None = None
    pointer: str = ""
    mount: str = ""
    owners: tuple[ObjectName, ...] = ()
    container: str = ""
    key: str = ""
    path: str = ""
    mode: int | None = None
    optional: bool = False
    expects: Expects = "raw"
    running: bool = True
    certain: bool = True
    source: str = ""
    line: int = 0
    text: str = ""
    start: int = 0
    end: int = 0
    decodes: int = 0
    service_account: str = ""

    @property
    def refreshes(self) -> bool:
        """Whether it sees a new value without being replaced."""
        return self.way in _REFRESHING

    @property
    def replaced(self) -> ObjectName | None:
        """The object to change so that this one changes: the last owner, or the object itself."""
        return self.owners[-1] if self.owners else self.object

    def narrowed(self, key: str) -> "Consumer | None":
        """What it sees of one entry, with the exact path; None if it does not see that entry."""
        if self.key:
            return self if self.key == key else None
        if self.way in (Way.VOLUME, Way.PROJECTED) and self.path:
            return replace(self, key=key, path=posixpath.join(self.path, key))
        if self.way is Way.ENV_FROM:
            return replace(self, key=key, path=self.path + key)
        return replace(self, key=key)

    def __str__(self) -> str:
        where = str(self.object) if self.object is not None else f"{self.source}:{self.line}"
        inside = f", container {self.container}" if self.container else ""
        return f"{where}{inside}: {self.way}{' ' + self.path if self.path else ''}"
