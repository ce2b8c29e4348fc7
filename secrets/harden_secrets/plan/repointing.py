"""A consumer's object as it has to be so that it uses the delivered Secrets. Pure: object in, object out.

Everything that a consumer sees keeps its name: paths, modes, `items`, `optional`, names of variables. A volume that
showed a whole ConfigMap of which only some entries move becomes a `projected` volume of both.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from harden_secrets.cluster.port import Manifest
from harden_secrets.objectpatch import Operation, reverse
from harden_secrets.plan.moves import Kind, Move, Moves
from harden_secrets.pointer import at

_TEMPLATES = {
    "Pod": ("spec",),
    "PodTemplate": ("template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_VARIABLES: tuple[tuple[str, str, Kind], ...] = (
    ("configMapKeyRef", "configMapRef", "ConfigMap"),
    ("secretKeyRef", "secretRef", "Secret"),
)


def repointed(manifest: Manifest, moves: Moves) -> Manifest:
    """The object with every use of what moves turned to the Secret where it went."""
    made = deepcopy(manifest)
    _literals(made, moves)
    spec = pod_spec(made)
    if spec is not None:
        for container in _containers(spec):
            container_repointed(container, moves)
        spec_volumes(spec, moves)
        _names(spec.get("imagePullSecrets"), moves)
    if made.get("kind") == "ServiceAccount":
        _names(made.get("imagePullSecrets"), moves)
        _names(made.get("secrets"), moves)
    if made.get("kind") == "Ingress":
        for entry in (made.get("spec") or {}).get("tls") or ():
            move = moves.of("Secret", entry.get("secretName", ""))
            if move is not None:
                entry["secretName"] = move.secret
    return made


def patch(before: Manifest, after: Manifest) -> tuple[Operation, ...]:
    """An RFC 6902 patch from one to the other; before each change a test that what it changes is still there."""
    return tuple(reverse(after, before, before))


def pod_spec(manifest: Manifest) -> dict[str, Any] | None:
    """The specification of the pods that an object makes, or is."""
    found: Any = manifest
    for part in _TEMPLATES.get(str(manifest.get("kind")), ("spec", "template", "spec")):
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _containers(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in _CONTAINERS:
        yield from spec.get(part) or ()


def _literals(manifest: Manifest, moves: Moves) -> None:
    """A literal variable (its pointer ends in `/value`) becomes a reference."""
    for pointer, (secret, key) in moves.literals.items():
        entry = at(manifest, pointer.rpartition("/")[0])
        entry.pop("value", None)
        entry["valueFrom"] = {"secretKeyRef": {"name": secret, "key": key}}


def container_repointed(container: dict[str, Any], moves: Moves) -> None:
    """Turn the variables of one container, in place."""
    for entry in container.get("env") or ():
        source = entry.get("valueFrom") or {}
        for key_ref, _, kind in _VARIABLES:
            move = moves.of(kind, (source.get(key_ref) or {}).get("name", ""))
            if move is not None and source[key_ref].get("key") in move.mounted:
                reference = source.pop(key_ref)
                source["secretKeyRef"] = reference | {"name": move.secret, "key": move.mounted[reference["key"]]}
    if "envFrom" in container:
        container["envFrom"] = [made for entry in container["envFrom"] for made in _env_from(entry, moves)]


def _env_from(entry: dict[str, Any], moves: Moves) -> list[dict[str, Any]]:
    """The sources that make the same variables; the one that was where no Secret as a whole does."""
    for _, reference, kind in _VARIABLES:
        move = moves.of(kind, (entry.get(reference) or {}).get("name", ""))
        if move is not None:
            if move.binary >= set(move.mounted):  # it made no variable of what goes
                return [] if move.whole else [entry]
            if move.renames or move.binary or not move.exact:
                return [entry]
            moved = {key: value for key, value in entry.items() if key != reference}
            moved["secretRef"] = entry[reference] | {"name": move.secret}
            # The later of two sources wins a name, so the order among the sources of this container stays.
            return [moved] if move.whole else [entry, moved]
    return [entry]


def spec_volumes(spec: dict[str, Any], moves: Moves) -> None:
    """Turn the volumes of a pod, in place. Mounts refer to volumes by name and stay as they are."""
    for volume in spec.get("volumes") or ():
        for field, name_field, kind in (("configMap", "name", "ConfigMap"), ("secret", "secretName", "Secret")):
            move = moves.of(kind, (volume.get(field) or {}).get(name_field, ""))  # type: ignore[arg-type]
            if move is not None:
                _volume(volume, field, move)
        if "projected" in volume:
            sources = volume["projected"].get("sources") or ()
            volume["projected"]["sources"] = [made for one in sources for made in _projection(one, moves)]


def _volume(volume: dict[str, Any], field: str, move: Move) -> None:
    old = volume.pop(field)
    stay, go = _items(old.get("items"), move)
    common = {key: old[key] for key in ("defaultMode",) if key in old}
    optional = {"optional": old["optional"]} if "optional" in old else {}
    if not stay:
        volume["secret"] = {"secretName": move.secret} | common | optional | _listed(go, old.get("items"), move)
        return
    if not go:
        volume[field] = old
        return
    name = "configMap" if field == "configMap" else "secret"
    volume["projected"] = common | {
        "sources": [
            {name: {"name": move.name, "items": stay} | optional},
            {"secret": {"name": move.secret, "items": go} | optional},
        ]
    }


def _projection(source: dict[str, Any], moves: Moves) -> list[dict[str, Any]]:
    kinds: Sequence[tuple[str, Kind]] = (("configMap", "ConfigMap"), ("secret", "Secret"))
    for field, kind in kinds:
        old = source.get(field)
        move = moves.of(kind, (old or {}).get("name", ""))
        if old is None or move is None:
            continue
        stay, go = _items(old.get("items"), move)
        made: list[dict[str, Any]] = []
        if stay:
            made.append(source if stay == old.get("items") else {field: old | {"items": stay}})
        if go:
            bare = {key: value for key, value in old.items() if key != "items"}
            made.append({"secret": bare | {"name": move.secret} | _listed(go, old.get("items"), move)})
        return made
    return [source]


def _items(items: Sequence[dict[str, Any]] | None, move: Move) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The items that stay and those that go, the latter with their keys in the new Secret."""
    if items is None:
        items = [{"key": key, "path": key} for key in (*move.kept, *move.mounted)]
    stay = [item for item in items if item.get("key") not in move.mounted]
    go = [item | {"key": move.mounted[item["key"]]} for item in items if item.get("key") in move.mounted]
    return stay, go


def _listed(go: list[dict[str, Any]], items: object, move: Move) -> dict[str, Any]:
    """No list where there was none and none is needed: then entries that come later are shown as they were."""
    needed = items is not None or move.renames or not (move.whole and move.exact)
    return {"items": go} if needed else {}


def _names(entries: object, moves: Moves) -> None:
    for entry in entries if isinstance(entries, list) else ():
        move = moves.of("Secret", entry.get("name", ""))
        if move is not None:
            entry["name"] = move.secret
