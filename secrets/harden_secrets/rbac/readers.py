"""Who can read a ConfigMap or Secret, and by which way. A value; :mod:`harden_secrets.rbac.search` finds it."""

from dataclasses import dataclass
from typing import Any

from harden_secrets.cluster.port import ObjectName
from harden_secrets.rbac.subjects import Subject

HOWS = {
    "superuser": "no authoriser is asked",
    "read": "may read it",
    "node": "its kubelet reads it for a pod",
    "pod": "may make or change pods that see it",
    "exec": "may get into a pod",
    "debug": "may add a container to a pod",
    "kubelet": "may get into a pod through its kubelet",
    "impersonate": "may act as one who can",
    "token": "may ask for a token of one who can",
    "token-secret": "may read a token of one who can",
    "certificate": "may approve a certificate for one who can",
    "bind": "may give itself a role",
    "escalate": "may add to its own role",
    "webhook": "may have it sent when it is next written",
}
_ORDER = {how: at for at, how in enumerate(HOWS)}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the object.

    ``how`` is a key of HOWS; ``verb`` and ``resource`` the request that it begins with. ``through`` is the evidence, in
    order: the subject's own bindings and roles, then what they lead over. ``standard`` tells that all of the subject's
    own bindings are Kubernetes' own.
    """

    how: str
    verb: str
    resource: str
    through: tuple[str, ...]
    standard: bool = False

    @property
    def rank(self) -> tuple[int, tuple[str, ...], str, str]:
        """Sorts ways: the plain ones first."""
        return _ORDER[self.how], self.through, self.resource, self.verb

    def document(self) -> dict[str, Any]:
        """One element of ``ways`` in ``readers --json``."""
        return {"how": self.how, "verb": self.verb, "resource": self.resource, "through": list(self.through)}


@dataclass(frozen=True, slots=True)
class Reader:
    """A subject that can read the object, with every way that its own bindings give it."""

    subject: Subject
    ways: tuple[Way, ...]

    @property
    def is_standard(self) -> bool:
        """Whether it is a part of Kubernetes that can read as Kubernetes is set up, and nobody's decision."""
        subject = self.subject
        named = subject.namespace == "kube-system" or (not subject.namespace and subject.name.startswith("system:"))
        return named and not subject.is_everyone and all(way.standard for way in self.ways)

    def document(self) -> dict[str, Any]:
        """One element of ``subjects`` in ``readers --json``."""
        subject = self.subject
        return {
            "kind": subject.kind,
            "name": subject.name,
            "namespace": subject.namespace or None,
            "ways": [way.document() for way in self.ways],
        }


@dataclass(frozen=True, slots=True)
class Readers:
    """Who can read an object; sorted. Those who can only by a group that they are in are in the group's entry."""

    object: ObjectName
    readers: tuple[Reader, ...]

    def __contains__(self, subject: Subject) -> bool:
        return any(reader.subject == subject for reader in self.readers)

    def subjects(self) -> tuple[Subject, ...]:
        """The subjects alone."""
        return tuple(reader.subject for reader in self.readers)
