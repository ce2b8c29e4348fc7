"""What a plan is made from: the cluster as it was read, what was found in it, and what was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harden_secrets.cluster.consumers import Index
from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.inventory.model import DeliverTo
from harden_secrets.plan.held import Held


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for.

    ``readers`` are ServiceAccounts (namespace, name) that run the scripts which ask the API server; ``paths`` are
    paths in Vault by the name of the key, from the inventory; ``known`` are name and path of keys that were moved
    before, by fingerprint.
    """

    deliver: DeliverTo | None = None  # None: what is usual there
    allow_owned: bool = False
    mount: str = "secret"
    vault_address: str = ""
    vault_auth: str = ""
    secret_store: str = "vault"  # noqa: S105 - the name of a store
    rewrite_scripts: bool = False
    readers: tuple[tuple[str, str], ...] = ()
    paths: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class World:
    """A cluster at one moment. ``index`` knows the consumers, those in files too; ``left`` is what cannot be moved.

    ``elsewhere`` are places that a plan leaves alone, by the fingerprint of the key that is there. ``unseen`` are kinds
    that could not be listed: what is of one of them may use anything. ``secret_texts`` are fields (object, pointer) in
    which something was found: they may not be shown. ``notes`` are for every key.
    ``sources`` are manifests and Terraform files, by path, in which owners may have described their objects.
    """

    context: str
    objects: Mapping[ObjectName, Manifest]
    held: Sequence[Held]
    index: Index
    fingerprints: Fingerprinter
    left: tuple[str, ...] = ()
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    secret_texts: frozenset[tuple[ObjectName, str]] = frozenset()
    notes: tuple[str, ...] = ()
    sources: Mapping[str, bytes] = field(default_factory=dict)
