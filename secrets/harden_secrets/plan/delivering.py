"""Which Secrets are delivered for an object whose entries move, and under which keys. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import cast

from harden_secrets.cluster.consumers import Consumer, Way
from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.delivery import eso, vso
from harden_secrets.delivery.values import DeliveredKey, Delivery
from harden_secrets.fingerprint import DELIVERED, Fingerprinter
from harden_secrets.plan import naming
from harden_secrets.plan.moves import Kind, Move
from harden_secrets.plan.storing import Entry
from harden_secrets.plan.world import Request

TEXT = ".base64"  # what is added to the name of an entry whose plain name has the bytes


def delivered(
    name: ObjectName, manifest: Manifest, entries: Sequence[Entry], users: Sequence[Consumer], taken: Collection[str],
    fingerprints: Fingerprinter,
) -> tuple[Delivery, Move]:  # fmt: skip
    """The Secret for an object with consumers, and where its entries go in it.

    Who asks the API server for a ConfigMap gets the text in ``data``; for a Secret it gets base64 of the entry. So an
    entry that is base64 text becomes bytes for such a reader, who then sees the very same answer. A pod that saw the
    text beside it gets it under a second name.
    """
    secret = naming.delivered(name.name, taken)
    keys: list[DeliveredKey] = []
    mounted: dict[str, str] = {}
    for entry in entries:
        asked = [user for user in users if user.way is Way.API and user.narrowed(entry.key) is not None]
        others = [user for user in users if user.way is not Way.API and user.narrowed(entry.key) is not None]
        both = entry.form == "base64" and bool(asked) and name.kind == "ConfigMap" and entry.part == "data"
        if both:
            keys.append(_key(replace(entry, form="raw"), entry.key, fingerprints, None))
        mounted[entry.key] = entry.key + TEXT if both else entry.key
        if not both or others:
            keys.append(_key(entry, mounted[entry.key], fingerprints, entry))
    moved = {entry.key for entry in entries}
    kept = tuple(sorted({*(manifest.get("data") or {}), *(manifest.get("binaryData") or {})} - moved))
    kind = str(manifest.get("type") or "Opaque") if name.kind == "Secret" else "Opaque"
    binary = frozenset(entry.key for entry in entries if entry.part == "binaryData")
    exact = len(keys) == len(entries)
    move = Move(cast(Kind, name.kind), name.name, secret, mounted, kept, exact=exact, binary=binary)
    return Delivery("direct", name.namespace, secret, kind, tuple(keys)), move


def literal(name: ObjectName, entry: Entry, taken: Collection[str], fingerprints: Fingerprinter) -> Delivery:
    """The Secret for a literal environment variable."""
    secret = naming.delivered(naming.object_name(f"{name.name}-{entry.key}"), taken)
    return Delivery("direct", name.namespace, secret, "Opaque", (_key(entry, entry.key, fingerprints, entry),))


def by(delivery: Delivery, path: str, request: Request) -> Delivery:
    """The delivery in the way that was asked for, with what an operator needs for it."""
    if request.deliver == "vault-secrets-operator":
        objects = vso.objects(delivery, request.mount, path, request.vault_auth)
    elif request.deliver == "external-secrets":
        objects = eso.objects(delivery, request.mount, path, request.secret_store)
    else:
        objects = ()
    return replace(delivery, to=request.deliver or "direct", objects=objects)


def _key(entry: Entry, key: str, fingerprints: Fingerprinter, shown: Entry | None) -> DeliveredKey:
    """``shown`` is None where the Secret has other bytes than the entry showed; their digest is then not known here."""
    digest = fingerprints.of_bytes(DELIVERED, shown.shown) if shown is not None else ""
    return DeliveredKey(key, entry.field, entry.form, digest)
