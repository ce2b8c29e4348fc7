"""How each consumer of what moves is changed, and what it sees afterwards. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from harden_secrets.cluster.consumers import Consumer, Way
from harden_secrets.cluster.owners import owner
from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.cluster.rollout import WORKLOADS, replacement
from harden_secrets.fingerprint import DELIVERED, Fingerprinter
from harden_secrets.plan.callednames import called
from harden_secrets.plan.moves import Moves
from harden_secrets.plan.repointing import patch, pod_spec, repointed
from harden_secrets.plan.scripts import otherwise, redirected
from harden_secrets.plan.storing import Entry
from harden_secrets.plan.values import ConsumerChange, Sees
from harden_secrets.pointer import at_or_none, tokens

# The API server takes no change of their references.
FIXED = frozenset({"Pod", "Job", "ControllerRevision", "PersistentVolume", "StorageClass", "VolumeSnapshotClass"})
_IN_PODS = frozenset({Way.ENV, Way.ENV_FROM, Way.VOLUME, Way.PROJECTED, Way.SUB_PATH})
_BY_NAME = frozenset({Way.REFERENCE, Way.TLS, Way.DRIVER})  # of a Secret: only its name is exchanged
# A source of which something stays gets the new one beside it. The fields that name sources, by their kind.
_LISTED = {
    Way.ENV_FROM: {"ConfigMap": "configMapRef", "Secret": "secretRef"},
    Way.PROJECTED: {"ConfigMap": "configMap", "Secret": "secret"},
}
_REPOINTED = frozenset({Way.IMAGE_PULL, Way.SERVICE_ACCOUNT, Way.TLS}) | _IN_PODS


@dataclass(frozen=True, slots=True)
class Use:
    """One use of an object that moves, with what moves of it."""

    consumer: Consumer
    of: ObjectName
    entries: tuple[Entry, ...]
    secret: str


def change(
    manifest: Manifest, uses: Sequence[Use], moves: Moves, fingerprints: Fingerprinter, *, allow_owned: bool
) -> ConsumerChange:
    """The change of one object for all its uses, and the reason where it is not made live."""
    name = ObjectName.of(manifest)
    by = owner(manifest)
    after = turned(manifest, uses, moves)
    operations = patch(manifest, after)
    obstacle = _obstacle(name, uses, manifest, after) or ("" if operations else _nothing_to_change(manifest))
    if not obstacle and by.will_undo and not allow_owned:
        obstacle = f"{called(by)} would undo it"
    applies = not obstacle
    return ConsumerChange(
        object=name,
        words=obstacle or uses_in_words(uses),
        patch=tuple(shown(operations, moves.literals)) if applies else (),
        sees=tuple(dict.fromkeys(_sees(name, uses, fingerprints))),
        rollout=name.kind in WORKLOADS,
        applies=applies,
        owner=by,
        pods=replacement(manifest) if applies else "",
    )


def shown(operations: Iterable[Mapping[str, Any]], literals: Mapping[str, tuple[str, str]]) -> Iterable[dict[str, Any]]:
    """The patch as a plan may show it: a literal value is tested by the name of its variable.

    Whoever applies it tests the values themselves (see :mod:`harden_secrets.migrate.performers.repoint`).
    """
    for one in operations:
        if one["op"] == "test" and one["path"] in literals:
            yield {"op": "test", "path": f"{one['path'].rpartition('/')[0]}/name", "value": literals[one["path"]][1]}
        else:
            yield dict(one)


def turned(manifest: Manifest, uses: Sequence[Use], moves: Moves) -> Manifest:
    """The object with all its uses turned, in its pods' specification and elsewhere."""
    return _named(repointed(manifest, moves), uses)


def unturned(before: Manifest, after: Manifest, uses: Iterable[Use]) -> str:
    """Why a use is the same as before, or nothing."""
    for use in uses:
        if not _is_turned(use, before, after):
            return f"harden does not know how to change its {use.consumer.way} at {use.consumer.pointer}"
    return ""


def uses_in_words(uses: Iterable[Use]) -> str:
    """What is turned to what."""
    ways: dict[str, set[str]] = {}
    for use in uses:
        said = f"secret {use.secret} instead of {use.of.kind.lower()} {use.of.name}"
        ways.setdefault(said, set()).add("script" if use.consumer.way is Way.API else str(use.consumer.way))
    return "; ".join(f"{said} ({', '.join(sorted(ways[said]))})" for said in sorted(ways))


def _obstacle(name: ObjectName, uses: Sequence[Use], before: Manifest, after: Manifest) -> str:
    if name.kind in FIXED:
        return f"a {name.kind} cannot be changed in place: make it anew with the Secret"
    for use in uses:
        if use.consumer.way is Way.API and (more := otherwise(use.of, use.entries)):
            return f"its script must also {more}"
    return unturned(before, after, uses)


def _nothing_to_change(manifest: Manifest) -> str:
    if pod_spec(manifest) is None:
        return "harden does not know how it makes its pods: change it by hand"
    return "something else than its template gave it to its pods, a ServiceAccount or a webhook: restart it afterwards"


def _is_turned(use: Use, before: Manifest, after: Manifest) -> bool:
    """Whether the reference is another afterwards, or has the new one beside it."""
    consumer = use.consumer
    if consumer.object != ObjectName.of(before):
        return True
    if fields := _LISTED.get(consumer.way):
        # Its number is no help: others in the list may have become two.
        listed = at_or_none(after, consumer.pointer.rsplit("/", 2)[0])
        return _names(listed, fields["Secret"], use.secret) or not _names(listed, fields[use.of.kind], use.of.name)
    there = at_or_none(before, consumer.pointer)
    return there is None or there != at_or_none(after, consumer.pointer)


def _names(sources: object, field: str, name: str) -> bool:
    """Whether one of the sources in a list is that object."""
    listed = sources if isinstance(sources, list) else ()
    return any((source.get(field) or {}).get("name") == name for source in listed)


def _named(manifest: Manifest, uses: Iterable[Use]) -> Manifest:
    """References that are no part of a pod's specification, and scripts in texts."""
    made = deepcopy(manifest)
    scripts: dict[str, list[Use]] = {}
    for use in uses:
        consumer = use.consumer
        if consumer.object != ObjectName.of(manifest):
            continue
        if consumer.way in _BY_NAME and use.of.kind == "Secret":
            _rename(made, consumer.pointer, use.of.name, use.secret)
        elif consumer.way is Way.API and consumer.pointer:
            scripts.setdefault(consumer.pointer, []).append(use)
    for pointer, reads in scripts.items():
        _rewrite(made, pointer, reads)
    return made


def _rename(manifest: Manifest, pointer: str, old: str, new: str) -> None:
    found = at_or_none(manifest, pointer)
    if found == old:
        _put(manifest, pointer, new)
    elif isinstance(found, dict):
        for key in ("name", "secretName"):
            if found.get(key) == old:
                found[key] = new


def _rewrite(manifest: Manifest, pointer: str, reads: Iterable[Use]) -> None:
    text = at_or_none(manifest, pointer)
    if not isinstance(text, str):
        return
    for use in sorted(reads, key=lambda one: one.consumer.start, reverse=True):
        piece = text[use.consumer.start : use.consumer.end]
        new = redirected(piece, use.of, use.secret)
        if new is not None:
            text = text[: use.consumer.start] + new + text[use.consumer.end :]
    _put(manifest, pointer, text)


def seen_by(user: Consumer, of: ObjectName, entry: Entry) -> bool:
    """Whether a consumer sees an entry. The kubelet makes variables of a ConfigMap's ``data`` only."""
    if of.kind == "ConfigMap" and entry.part == "binaryData" and user.way in (Way.ENV, Way.ENV_FROM):
        return False
    return user.narrowed(entry.key) is not None


def _sees(name: ObjectName, uses: Iterable[Use], fingerprints: Fingerprinter) -> Iterable[Sees]:
    for use in uses:
        by_itself = use.consumer.running or use.consumer.object == name  # of a template that rests, what it will see
        if use.consumer.way not in _IN_PODS or not by_itself or not use.consumer.container:
            continue
        for entry in use.entries:
            one = use.consumer.narrowed(entry.key)
            if one is not None:
                at = f"env:{one.path}" if one.way in (Way.ENV, Way.ENV_FROM) else one.path
                digest = fingerprints.of_bytes(DELIVERED, entry.shown)
                yield Sees(one.container, at, entry.form, digest, one.optional, entry.size)


def literal_sees(manifest: Manifest, pointers: Mapping[str, Entry], fingerprints: Fingerprinter) -> Iterable[Sees]:
    """What the containers of an object see of its own literal variables."""
    for pointer, entry in pointers.items():
        container = at_or_none(manifest, pointer.rsplit("/", 3)[0])
        if isinstance(container, dict):
            digest = fingerprints.of_bytes(DELIVERED, entry.shown)
            yield Sees(str(container.get("name", "")), f"env:{entry.key}", entry.form, digest, size=entry.size)


def _put(manifest: Manifest, pointer: str, value: Any) -> None:
    holder, token = at_or_none(manifest, pointer.rpartition("/")[0]), tokens(pointer)[-1]
    if isinstance(holder, list):
        holder[int(token)] = value
    elif isinstance(holder, dict):
        holder[token] = value
