"""From a cluster and what was found in it to a plan. Pure: a world in, a plan out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from harden_secrets.cluster.consumers import Consumer, Way, has_ended
from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.delivery.values import Delivery
from harden_secrets.objectpatch import applied
from harden_secrets.plan import consuming, delivering, naming
from harden_secrets.plan.consuming import Use
from harden_secrets.plan.copying import Copies, Left
from harden_secrets.plan.digest import digest
from harden_secrets.plan.grouping import grouped
from harden_secrets.plan.held import Held, moves_as_a_whole
from harden_secrets.plan.moves import Move, Moves
from harden_secrets.plan.owning import Instead, owners_changes
from harden_secrets.plan.reading import Reading
from harden_secrets.plan.repointing import patch, repointed
from harden_secrets.plan.scrubbing import cannot_scrub, notes
from harden_secrets.plan.sourcing import sourced
from harden_secrets.plan.storing import Entry, Store, store
from harden_secrets.plan.values import (
    FORMAT,
    ConsumerChange,
    Copy,
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
    """Copies of one key move together, and so do the keys of one entry, or of an object that moves as a whole."""

    def with_it(one: Held) -> object:
        return one.object if moves_as_a_whole(one.manifest) else (one.object, one.pointer)

    return grouped(world.held, [[one.fingerprint, with_it(one)] for one in world.held])


@dataclass(slots=True)
class _Moving:
    """What becomes of the objects of one group."""

    deliveries: list[Delivery] = field(default_factory=list)
    moves: dict[str, dict[tuple[str, str], Move]] = field(default_factory=dict)  # by namespace
    literals: dict[ObjectName, dict[str, tuple[str, str]]] = field(default_factory=dict)
    uses: dict[ObjectName, list[Use]] = field(default_factory=dict)  # by the object to change
    asking: list[Use] = field(default_factory=list)  # scripts in files
    users: dict[ObjectName, tuple[Consumer, ...]] = field(default_factory=dict)

    def of(self, name: ObjectName) -> Moves:
        """What moves, as far as it is of any concern to an object."""
        return Moves(self.moves.get(name.namespace, {}), self.literals.get(name, {}))


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
        self._copies = Copies(world, request.allow_owned)
        self._reading = Reading(world.objects.values())
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
        known, path = naming.known((one.fingerprint for one in group), self._request.known, self._names)
        name = known or naming.secret(group, self._names)
        self._names.add(name)
        kept = store(group, self._world.fingerprints)
        moving = self._moving(group, kept)
        changes = [self._change(target, moving, kept) for target in self._targets(moving)]
        from_files = sourced(moving.asking, self._request)
        asking = [use for use in moving.asking if use not in from_files.rewritten]
        used = frozenset(use.of for uses in (*moving.uses.values(), moving.asking) for use in uses)
        copies = tuple(self._copies.of(group, Left({one.object: one for one in changes}, moving.uses, asking, used)))
        self._looked_at |= {one.object for one in group}
        path = path or self._path(name, group)
        self._paths.add(path)
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
            copies=copies,
            deliveries=deliveries,
            consumers=tuple(changes),
            files=from_files.files,
            grants=grants,
            source_patches=(
                *from_files.patches,
                *owners_changes(self._instead(changes, moving), copies, self._world.sources),
            ),
            cannot_scrub=cannot_scrub(group, self._world),
            readers_before=self._reading.before(one.object for one in group if not one.is_literal),
            readers_after=self._readers_after(deliveries, copies, grants, moving),
            notes=(*notes(moving.users), *self._world.notes),
        )

    def _instead(self, changes: Iterable[ConsumerChange], moving: _Moving) -> Iterator[Instead]:
        """What would be changed of objects if their owners did not undo it."""
        for change in changes:
            if not change.applies and change.owner.will_undo:
                manifest = self._turned.get(change.object, self._world.objects[change.object])
                uses, moves = moving.uses.get(change.object, []), moving.of(change.object)
                operations = patch(manifest, consuming.turned(manifest, uses, moves))
                words = consuming.uses_in_words(uses) or "secrets instead of literal variables"
                if operations:
                    yield Instead(change, words, moves, tuple(consuming.shown(operations, moves.literals)))

    def _readers_after(
        self, deliveries: Iterable[Delivery], copies: Iterable[Copy], grants: Iterable[Grant], moving: _Moving
    ) -> tuple[str, ...]:
        """Of what is delivered, and of copies that stay; pods that see a copy will see what is delivered."""
        names = [ObjectName("v1", "Secret", one.namespace, one.secret) for one in deliveries]
        names += [one.object for one in copies if one.removal == "leave" and one.object is not None]
        users = {user.object for found in moving.users.values() for user in found if user.object is not None}
        pods = [self._world.objects[name] for name in sorted(users) if name.kind == "Pod"]
        changed = [repointed(pod, moving.of(ObjectName.of(pod))) for pod in pods]
        seen = [name for name in names if name.kind in ("ConfigMap", "Secret")]
        return self._reading.after(seen, grants, changed)

    def _moving(self, group: Sequence[Held], kept: Store) -> _Moving:
        moving = _Moving()
        for name, entries in kept.entries.items():
            users = self._users(name)
            moving.users[name] = users
            taken = self._taken.setdefault(name.namespace, set())
            manifest = self._copies.left_of(name)
            made, move = delivering.delivered(name, manifest, entries, users, taken, self._world.fingerprints)
            uses = [use for user in users for use in self._use(name, entries, user, move)]
            if uses:
                taken.add(made.secret)
                moving.deliveries.append(made)
                moving.moves.setdefault(name.namespace, {})[name.kind, name.name] = move
            for use in uses:
                target = use.consumer.replaced
                if target is None or target not in self._world.objects:
                    moving.asking.append(use)
                else:
                    moving.uses.setdefault(target, []).append(use)
        for (name, pointer), entry in kept.literals.items():
            taken = self._taken.setdefault(name.namespace, set())
            made = delivering.literal(name, entry, taken, self._world.fingerprints)
            taken.add(made.secret)
            moving.deliveries.append(made)
            moving.literals.setdefault(name, {})[pointer] = (made.secret, entry.key)
        return moving

    def _users(self, name: ObjectName) -> tuple[Consumer, ...]:
        """Who uses it, or may again."""
        objects = self._world.objects
        everyone = self._world.index.consumers(name)
        return tuple(one for one in everyone if one.object is None or not has_ended(objects.get(one.object, {})))

    def _use(self, name: ObjectName, entries: Sequence[Entry], user: Consumer, move: Move) -> Iterator[Use]:
        """The use, if any of what moves is seen by it, or if it refers to what will be gone.

        A volume that an earlier key of the object turned lists the entries that stayed: it cannot be mounted without
        one of them, even where nobody looks at that.
        """
        seen = tuple(entry for entry in entries if consuming.seen_by(user, name, entry))
        if seen or ((move.whole or user.replaced in self._turned) and self._refers(user.replaced, name, move)):
            yield Use(user, name, seen, move.secret)

    def _refers(self, target: ObjectName | None, name: ObjectName, move: Move) -> bool:
        """Whether an object, as earlier keys left it, still has a reference to turn."""
        if target is None or target not in self._world.objects:
            return False
        manifest = self._turned.get(target, self._world.objects[target])
        return repointed(manifest, Moves({(name.kind, name.name): move})) != manifest

    def _targets(self, moving: _Moving) -> list[ObjectName]:
        """Objects to change, those whose pods run last: a rollout that fails leaves the fewest others changed."""
        return sorted({*moving.uses, *moving.literals})

    def _change(self, target: ObjectName, moving: _Moving, kept: Store) -> ConsumerChange:
        self._looked_at.add(target)
        manifest = self._turned.get(target, self._world.objects[target])
        made = consuming.change(
            manifest,
            moving.uses.get(target, []),
            moving.of(target),
            self._world.fingerprints,
            allow_owned=self._request.allow_owned,
        )
        if any((target, str(one["path"])) in self._world.secret_texts for one in made.patch if one["op"] == "replace"):
            # The patch would show it.
            made = replace(
                made, applies=False, patch=(), words="the text to change holds a key itself: change it by hand"
            )
        self._turned[target] = applied(manifest, made.patch)
        own = {pointer: entry for (name, pointer), entry in kept.literals.items() if name == target}
        literal = tuple(consuming.literal_sees(manifest, own, self._world.fingerprints))
        secrets = moving.literals.get(target, {}).values()
        words = made.words or "; ".join(
            f"variable {key} from secret {name}, no more a literal" for name, key in secrets
        )
        return replace(made, sees=(*made.sees, *literal), words=words)

    def _grants(self, moving: _Moving) -> Iterator[Grant]:
        asking = [use for uses in moving.uses.values() for use in uses if use.consumer.way is Way.API]
        for use in asking:
            if use.consumer.service_account and use.consumer.object is not None:
                account = use.consumer.service_account
                yield Grant(use.of.namespace, use.secret, account, use.consumer.object.namespace)
        for use in (one for one in moving.asking if one.consumer.way is Way.API):
            for namespace, account in self._request.readers:
                yield Grant(use.of.namespace, use.secret, account, namespace)

    def _path(self, name: str, group: Sequence[Held]) -> str:
        namespaces = {one.object.namespace for one in group}
        folder = next(iter(namespaces)) if len(namespaces) == 1 else "shared"
        return self._request.paths.get(name) or naming.numbered(f"{folder}/{name}", self._paths, "-")


def manifests(objects: Iterable[Manifest]) -> dict[ObjectName, Manifest]:
    """Objects by their names."""
    return {ObjectName.of(one): one for one in objects}
