"""A plan as a value. It holds no key: digests are keyed (see :mod:`harden_secrets.fingerprint`), values stay in place.

A key that was found moves into Vault once. From there it is *delivered* to each namespace that has consumers, in the
*form* that each consumer saw before; each consumer is *repointed*; each copy is removed when all its consumers are
proved. What harden cannot or may not change itself is a *source patch* or an *instruction*.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from harden_secrets.cluster.owners import Owner
from harden_secrets.cluster.port import ObjectName
from harden_secrets.delivery.values import Delivery
from harden_secrets.inventory.model import Form, SecretKind
from harden_secrets.material import Material

FORMAT = 1

NOBODY = Owner()


@dataclass(frozen=True, slots=True)
class SeenObject:
    """An object as the plan saw it. ``digest`` is keyed and covers all but status and bookkeeping."""

    object: ObjectName
    uid: str
    resource_version: str
    digest: str


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file as the plan saw it."""

    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class Copy:
    """A place where the key lies now, and what becomes of it.

    ``pointer`` is the RFC 6901 pointer of the field, ``key`` its name among the object's data. ``removal``:
    ``delete-object`` (nothing else is in it), ``remove-key``, ``repoint`` (the change of a consumer takes it away, as
    with a literal environment variable), ``delete-file``, ``rewrite-file``, or ``leave`` with a ``reason``.
    ``material`` and ``fingerprint`` are those of the key in it: a Secret that moves as a whole may hold several.
    """

    source: str
    line: int
    encodings: tuple[str, ...]
    removal: Literal["delete-object", "remove-key", "repoint", "delete-file", "rewrite-file", "leave"]
    object: ObjectName | None = None
    pointer: str = ""
    key: str = ""
    reason: str = ""
    owner: Owner = NOBODY
    material: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class VaultField:
    """One field of the path in Vault, and which copy it is taken from.

    ``part`` is ``key`` for what is behind the entry (see :func:`harden_secrets.plan.entry.content`), or ``whole`` for
    its exact bytes (other entries of a Secret that moves as a whole, or a form that cannot be had from the key).
    """

    name: str
    source: str  # Copy.source of the copy, or that of a neighbour of it in the same object
    object: ObjectName | None
    pointer: str
    part: Literal["key", "whole"]
    digest: str  # keyed digest of the bytes that will be stored


@dataclass(frozen=True, slots=True)
class Sees:
    """What one consumer sees: in a container, a file's path or ``env:NAME``, and the digest of the bytes there.

    ``size`` is how many bytes; 0 where that is not told, since it would help in guessing what people choose.
    """

    container: str
    at: str
    form: Form
    digest: str
    optional: bool = False
    size: int = 0


@dataclass(frozen=True, slots=True)
class ConsumerChange:
    """How an object that uses the key is pointed at the delivered Secret.

    ``patch`` is an RFC 6902 patch with a ``test`` before each change; empty where nothing is to be done live.
    ``rollout`` says that it is waited for until its pods are as the change wants them, ``pods`` in words what becomes
    of them. ``applies`` is false for what has an owner who would undo it.
    """

    object: ObjectName
    words: str
    patch: tuple[dict[str, Any], ...]
    sees: tuple[Sees, ...]
    rollout: bool
    applies: bool
    owner: Owner = NOBODY
    pods: str = ""


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that is rewritten. The edits are made anew from the file when they are carried out; ``words`` say them."""

    path: str
    words: tuple[str, ...]
    edits: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class SourcePatch:
    """What the owner of an object, or a script's author, has to change: a unified diff, or an instruction."""

    file: str
    line: int
    words: str
    diff: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """A Role limited to one Secret by name, bound to one ServiceAccount: for a consumer that reads the API."""

    namespace: str
    secret: str
    service_account: str
    service_account_namespace: str


@dataclass(frozen=True, slots=True)
class PlannedSecret:
    """One key and all that happens to it.

    ``cannot_scrub`` are the places that keep the old value whatever harden does: it has to be rotated. ``notes`` are
    for the person who decides.
    """

    name: str
    material: Material
    fingerprint: str
    kind: SecretKind
    vault_path: str
    fields: tuple[VaultField, ...]
    copies: tuple[Copy, ...]
    deliveries: tuple[Delivery, ...] = ()
    consumers: tuple[ConsumerChange, ...] = ()
    files: tuple[FileChange, ...] = ()
    grants: tuple[Grant, ...] = ()
    source_patches: tuple[SourcePatch, ...] = ()
    cannot_scrub: tuple[str, ...] = ()
    readers_before: tuple[str, ...] = ()
    readers_after: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole of it, bound to the world that it was made for. ``id`` names it in runs and in the audit log."""

    version: int
    id: str
    made_at: str
    mode: Literal["cluster", "files"]
    context: str  # of the kubeconfig; empty for files
    vault_address: str
    vault_mount: str
    key_id: str  # of the fingerprint key: a plan under another key cannot be checked
    secrets: tuple[PlannedSecret, ...]
    objects: tuple[SeenObject, ...] = ()
    files: tuple[SeenFile, ...] = ()
    left: tuple[str, ...] = field(default=())  # findings that the plan does nothing about, each with the reason
