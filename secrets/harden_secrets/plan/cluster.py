"""From a cluster and what was found in it to a plan. Pure: a world in, a plan out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harden_secrets.cluster.consumers import Consumer, Way
from harden_secrets.cluster.owners import owner
from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.migrate.reversal import applied
from harden_secrets.plan import consuming, delivering, naming
from harden_secrets.plan.consuming import Use
from harden_secrets.plan.digest import digest
from harden_secrets.plan.grouping import grouped
from harden_secrets.plan.held import Held, moves_as_a_whole
from harden_secrets.plan.moves import Move, Moves
from harden_secrets.plan.reading import readers_after, readers_before
from harden_secrets.plan.scrubbing import cannot_scrub
from harden_secrets.plan.sourcing import Sourced, sourced
from harden_secrets.plan.storing import Entry, Store, store
from harden_secrets.plan.values import (
    FORMAT,
    ConsumerChange,
    Copy,
    Delivery,
    Grant,
    Plan,
    PlannedSecret,
    SeenObject,
)
from harden_secrets.plan.world import Request, World


def build(world: World, request: Request, plan_id: str, made_at: str) -> Plan:
    """The plan for everything that can be moved. The same world and request give the same plan."""
    builder = _Builder(world, request)
    secrets = tuple(builder.secret(group) for group in _groups(world))
    return Plan(
        version=FORMAT,
        id=plan_id,
        made_at=made_at,
        mode="cluster",
        context=world.context,
        vault_address=request.vault_address,
        vault_mount=request.mount,
        key_id=world.fingerprints.key_id,
        secrets=secrets,
        objects=tuple(builder.seen()),
        left=world.left,
    )


def _groups(world: World) -> list[list[Held]]:
    """Copies of one key move together, and so do the keys of an object that moves as a whole."""
    bonds = [[one.fingerprint, *([one.object] if moves_as_a_whole(one.manifest) else [])] for one in world.held]
    return grouped(world.held, bonds)


@dataclass(slots=True)
class _Moving:
    """What becomes of the objects of one group."""

    deliveries: list[Delivery] = field(default_factory=list)
    moves: dict[str, dict[tuple[str, str], Move]] = field(default_factory=dict)  # by namespace
    literals: dict[ObjectName, dict[str, tuple[str, str]]] = field(default_factory=dict)
    uses: dict[ObjectName, list[Use]] = field(default_factory=dict)  # by the object to change
    asking: list[Use] = field(default_factory=list)  # scripts in files
    users: dict[ObjectName, tuple[Consumer, ...]] = field(default_factory=dict)


class _Builder:
    def __init__(self, world: World, request: Request) -> None:
        self._world = world
        self._request = request
        self._names: set[str] = set()
        self._paths: set[str] = set()
        self._looked_at: set[ObjectName] = set()
        self._taken: dict[str, set[str]] = {}
        # What earlier keys of the plan leave behind for later ones, which may share a consumer or a ConfigMap.
        self._turned: dict[ObjectName, Manifest] = {}
        self._gone: dict[ObjectName, set[str]] = {}
        for name in world.objects:
            if name.kind == "Secret":
                self._taken.setdefault(name.namespace, set()).add(name.name)

    def seen(self) -> Iterator[SeenObject]:
        """Every object that the plan was made from."""
        for name in sorted(self._looked_at):
            manifest = self._world.objects[name]
            metadata = manifest["metadata"]
            yield SeenObject(
                name,
                str(metadata.get("uid", "")),
                str(metadata.get("resourceVersion", "")),
                digest(manifest, self._world.fingerprints),
            )

    def secret(self, group: Sequence[Held]) -> PlannedSecret:
        """Everything that happens to one group."""
        name = naming.secret(group, self._names)
        self._names.add(name)
        kept = store(group, self._world.fingerprints)
        moving = self._moving(group, kept)
        changes = [self._change(target, moving, kept) for target in self._targets(moving)]
        from_files = sourced(moving.asking, self._request)
        copies = self._copies(group, moving, changes, from_files)
        path = self._path(name, group)
        deliveries = tuple(delivering.by(one, path, self._request) for one in moving.deliveries)
        grants = tuple(dict.fromkeys(self._grants(moving)))
        main = group[0]
        return PlannedSecret(
            name=name,
            material=main.material,
            fingerprint=main.fingerprint,
            kind=naming.kind(main.material),
            vault_path=path,
            fields=tuple(kept.fields),
            copies=tuple(copies),
            deliveries=deliveries,
            consumers=tuple(changes),
            files=from_files.files,
            grants=grants,
            source_patches=from_files.patches,
            cannot_scrub=cannot_scrub(group, moving.users, self._world),
            readers_before=readers_before(group, self._world),
            readers_after=readers_after(deliveries, grants, self._world),
        )

    def _moving(self, group: Sequence[Held], kept: Store) -> _Moving:
        moving = _Moving()
        for name, entries in kept.entries.items():
            users = self._world.index.consumers(name)
            moving.users[name] = users
            if users:
                taken = self._taken.setdefault(name.namespace, set())
                manifest = self._left_of(name)
                made, move = delivering.delivered(name, manifest, entries, users, taken, self._world.fingerprints)
                taken.add(made.secret)
                moving.deliveries.append(made)
                moving.moves.setdefault(name.namespace, {})[name.kind, name.name] = move
                self._use(name, entries, users, move, moving)
        for (name, pointer), entry in kept.literals.items():
            taken = self._taken.setdefault(name.namespace, set())
            made = delivering.literal(name, entry, taken, self._world.fingerprints)
            taken.add(made.secret)
            moving.deliveries.append(made)
            moving.literals.setdefault(name, {})[pointer] = (made.secret, entry.key)
        return moving

    def _use(
        self, name: ObjectName, entries: Sequence[Entry], users: Iterable[Consumer], move: Move, moving: _Moving
    ) -> None:
        for user in users:
            of_it = tuple(entry for entry in entries if user.narrowed(entry.key) is not None)
            use = Use(user, name, of_it, move.secret)
            target = user.replaced
            if not of_it:
                continue
            if target is None or target not in self._world.objects:
                moving.asking.append(use)
            else:
                moving.uses.setdefault(target, []).append(use)

    def _targets(self, moving: _Moving) -> list[ObjectName]:
        """Objects to change, those whose pods run last: a rollout that fails leaves the fewest others changed."""
        return sorted({*moving.uses, *moving.literals})

    def _change(self, target: ObjectName, moving: _Moving, kept: Store) -> ConsumerChange:
        self._looked_at.add(target)
        manifest = self._turned.get(target, self._world.objects[target])
        moves = Moves(moving.moves.get(target.namespace, {}), moving.literals.get(target, {}))
        made = consuming.change(
            manifest,
            moving.uses.get(target, []),
            moves,
            self._world.fingerprints,
            allow_owned=self._request.allow_owned,
        )
        self._turned[target] = applied(manifest, made.patch)
        own = {pointer: entry for (name, pointer), entry in kept.literals.items() if name == target}
        literal = tuple(consuming.literal_sees(manifest, own, self._world.fingerprints))
        words = made.words or "; ".join(f"literal variable {entry.key} -> secret" for entry in own.values())
        return replace(made, sees=(*made.sees, *literal), words=words)

    def _copies(
        self, group: Sequence[Held], moving: _Moving, changes: Sequence[ConsumerChange], from_files: Sourced
    ) -> Iterator[Copy]:
        by_target = {change.object: change for change in changes}
        done: set[tuple[ObjectName, str]] = set()
        for one in group:
            if (one.object, one.pointer) in done:
                continue
            done.add((one.object, one.pointer))
            self._looked_at.add(one.object)
            yield self._copy(one, moving, by_target, from_files)

    def _copy(
        self, one: Held, moving: _Moving, by_target: Mapping[ObjectName, ConsumerChange], from_files: Sourced
    ) -> Copy:
        by = owner(one.manifest)
        copy = Copy(one.source, 0, one.encodings, "leave", one.object, one.pointer, one.key, reason="", owner=by)
        if one.is_literal:
            change = by_target[one.object]
            return replace(copy, removal="repoint") if change.applies else replace(copy, reason=change.words)
        waiting = [change for target, change in by_target.items() if not change.applies
                   and any(use.of == one.object for use in moving.uses.get(target, ()))]  # fmt: skip
        unread = [use for use in moving.asking if use.of == one.object and use not in from_files.rewritten]
        if by.will_undo and not self._request.allow_owned:
            return replace(
                copy, reason=f"{by.kind} {by.name} would bring it back: take it out of its source".replace("  ", " ")
            )
        if waiting:
            return replace(copy, reason=f"{waiting[0].object} still uses it: {waiting[0].words}")
        if unread:
            return replace(copy, reason=f"{unread[0].consumer} still reads it")
        left = self._left_of(one.object)
        alone = {*(left.get("data") or {}), *(left.get("binaryData") or {})} <= {one.key}
        self._gone.setdefault(one.object, set()).add(one.key)
        return replace(copy, removal="delete-object" if alone or moves_as_a_whole(one.manifest) else "remove-key")

    def _left_of(self, name: ObjectName) -> Manifest:
        """The object without the entries that the plan has taken out of it already."""
        gone = self._gone.get(name, set())
        manifest = self._world.objects[name]
        parts = {part: manifest[part] for part in ("data", "binaryData") if manifest.get(part)}
        return manifest | {part: {k: v for k, v in entries.items() if k not in gone} for part, entries in parts.items()}

    def _grants(self, moving: _Moving) -> Iterator[Grant]:
        asking = [use for uses in moving.uses.values() for use in uses if use.consumer.way is Way.API]
        for use in asking:
            if use.consumer.service_account and use.consumer.object is not None:
                account = use.consumer.service_account
                yield Grant(use.of.namespace, use.secret, account, use.consumer.object.namespace)
        for use in moving.asking:
            for namespace, account in self._request.readers:
                yield Grant(use.of.namespace, use.secret, account, namespace)

    def _path(self, name: str, group: Sequence[Held]) -> str:
        namespaces = {one.object.namespace for one in group}
        folder = next(iter(namespaces)) if len(namespaces) == 1 else "shared"
        path = self._request.paths.get(name) or naming.numbered(f"{folder}/{name}", self._paths, "-")
        self._paths.add(path)
        return path


def manifests(objects: Iterable[Manifest]) -> dict[ObjectName, Manifest]:
    """Objects by their names."""
    return {ObjectName.of(one): one for one in objects}
