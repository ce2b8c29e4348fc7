"""``harden secrets plan``."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from harden.errors import ANSWER_IS_NO, UsageError
from harden.output import Output
from harden.progress import progress
from harden_secrets.cluster.consumers import Index
from harden_secrets.cluster.port import Cluster, Manifest, ObjectName
from harden_secrets.commands.workplace import Workplace
from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, examine_object
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.migrate.folder import new_id
from harden_secrets.plan import file
from harden_secrets.plan.cluster import build, manifests
from harden_secrets.plan.held import Held, held
from harden_secrets.plan.text import plan_lines
from harden_secrets.plan.values import Plan
from harden_secrets.plan.world import Request, World
from harden_secrets.sources.live import LiveObjects


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says besides the request."""

    paths: tuple[str, ...]
    cluster: bool
    namespace: str
    to: Path | None


def accounts(readers: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """ServiceAccounts from ``NAMESPACE/NAME``. Raises UsageError for what is none."""
    made = []
    for reader in readers:
        namespace, slash, name = reader.partition("/")
        if not (namespace and slash and name):
            raise UsageError(f"--reader {reader}: is no ServiceAccount", "NAMESPACE/NAME")
        made.append((namespace, name))
    return tuple(made)


def make_plan(asked: Asked, request: Request, place: Workplace, output: Output) -> int:
    """Makes the plan, prints it and writes it. 3: there is something to do. Raises HardenError."""
    if not asked.paths and not asked.cluster:
        raise UsageError("nothing to plan for", "name a path, or --cluster")
    address, mount = place.vault_address()
    paths = {name: entry.path for name, entry in place.inventory.secrets.items()}
    request = replace(request, vault_address=address, mount=mount, paths=paths)
    plan = _for_cluster(asked, request, place, output) if asked.cluster else _for_files(asked, request, place, output)
    if asked.to is not None:
        file.write(asked.to, file.as_text(plan))
    if output.as_json:
        output.document(file.as_document(plan))
    else:
        for line in plan_lines(plan, str(asked.to) if asked.to else ""):
            output.line(line)
    return ANSWER_IS_NO if plan.secrets else 0


def _for_files(asked: Asked, request: Request, place: Workplace, output: Output) -> Plan:
    from harden_secrets.plan.files import plan_files  # noqa: PLC0415 - only who asks for it waits for it

    now = datetime.now(UTC)
    return plan_files(asked.paths, request, place.fingerprints(), new_id(now), now.isoformat(), output)


def _for_cluster(asked: Asked, request: Request, place: Workplace, output: Output) -> Plan:
    cluster = place.cluster(output)
    world = look(cluster, asked.namespace, asked.paths, place.fingerprints(), output)
    now = datetime.now(UTC)
    return build(world, replace(request, deliver=request.deliver or "direct"), new_id(now), now.isoformat())


def look(cluster: Cluster, namespace: str, paths: Sequence[str], fingerprints: Fingerprinter, output: Output) -> World:
    """The cluster as it is, with what is found in it. Whole even where only one namespace is planned for."""
    live = LiveObjects(cluster)
    objects: list[Manifest] = []
    found: list[Held] = []
    left: list[str] = []
    elsewhere: dict[str, list[str]] = {}
    index = Index()
    with progress(output, "looking at the cluster"):
        for source, manifest in live.manifests():
            objects.append(manifest)
            index.add(manifest)
            for seen in _sightings(manifest, namespace):
                fingerprint = fingerprints.of(seen.detection)
                one = held(source, manifest, seen, fingerprint)
                if one is not None and _can_move(manifest):
                    found.append(one)
                elif one is None or not _is_made(manifest):
                    place = f"{source}{seen.object.field if seen.object else ''}"
                    elsewhere.setdefault(fingerprint, []).append(place)
                    left.append(f"{place}: {seen.detection.material}: harden cannot move it from there")
        for path, text in _texts(paths):
            index.add_text(path, text)
    for skipped in live.skipped:
        output.warning(f"{skipped.source}: {skipped.reason}")
    places = {fingerprint: tuple(places) for fingerprint, places in elsewhere.items()}
    return World(cluster.context, manifests(objects), found, index, fingerprints, tuple(left), places)


def _sightings(manifest: Manifest, namespace: str) -> Iterator[Sighting]:
    if namespace and ObjectName.of(manifest).namespace != namespace:
        return
    for seen in examine_object(manifest, DETECTORS):
        if isinstance(seen, Sighting):
            yield seen


def _can_move(manifest: Manifest) -> bool:
    """What a controller made follows its maker; tokens and releases are no Secrets that somebody wrote."""
    kept = ("kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token")
    kind = str(manifest.get("type", ""))
    return not _is_made(manifest) and kind not in kept and not kind.startswith("helm.sh/")


def _is_made(manifest: Manifest) -> bool:
    owners = (manifest.get("metadata") or {}).get("ownerReferences") or ()
    return any(one.get("controller") for one in owners)


def _texts(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Files that may hold scripts, as text; the largest are no scripts."""
    from harden_secrets.sources.scripts import script_files  # noqa: PLC0415

    yield from script_files(paths)
