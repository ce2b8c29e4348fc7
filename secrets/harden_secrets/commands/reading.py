"""``harden secrets readers``."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from harden.errors import HardenError, UsageError
from harden.output import Output
from harden_secrets.cluster.consumers import Consumer, Index
from harden_secrets.cluster.port import Cluster, ClusterDeniedError, MissingError, ObjectName
from harden_secrets.rbac.estate import Estate
from harden_secrets.rbac.gather import gather
from harden_secrets.rbac.readers import HOWS, Reader, Readers, Way
from harden_secrets.rbac.search import find_readers

# What uses a ConfigMap or Secret beside the kinds that the search for readers looks at.
USING = (
    ("v1", "ConfigMap"),
    ("batch/v1", "Job"),
    ("apps/v1", "ControllerRevision"),
    ("networking.k8s.io/v1", "Ingress"),
)
KINDS = {
    "configmap": "ConfigMap",
    "configmaps": "ConfigMap",
    "cm": "ConfigMap",
    "secret": "Secret",
    "secrets": "Secret",
}


def print_readers(cluster: Cluster, namespace: str, wanted: str, output: Output) -> int:
    """Answers who can read a ConfigMap or Secret."""
    target = find_object(cluster, namespace, wanted, output)
    gathered = gather(cluster)
    for kind in gathered.unseen:
        output.warning(f"you may not list {kind}s in all namespaces: ways that lead over one are not found")
    readers = find_readers(gathered.estate, target)
    users = _consumers(cluster, target, gathered.estate, output)
    if output.as_json:
        output.document(document(readers, users, gathered.unseen))
    else:
        _print(readers, output)
        _print_consumers(users, output)
    return 0


def _consumers(cluster: Cluster, target: ObjectName, estate: Estate, output: Output) -> tuple[Consumer, ...]:
    """Who uses it, among what is there of Kubernetes' own kinds; the scripts of its namespace are looked at too."""
    index = Index()
    for one in estate.objects:
        index.add(one)
    for version, kind in USING:
        try:
            for one in cluster.list(version, kind, target.namespace):
                index.add({**one, "apiVersion": version, "kind": kind})
        except (ClusterDeniedError, MissingError):
            output.warning(f"you may not list {kind}s in {target.namespace}: whether one uses it is not known")
    return index.consumers(target)


def find_object(cluster: Cluster, namespace: str, wanted: str, output: Output) -> ObjectName:
    """The object that is meant by ``configmap/NAME``, ``secret/NAME`` or NAME. Raises HardenError, UsageError."""
    prefix, slash, name = wanted.partition("/")
    kinds = [KINDS.get(prefix.lower())] if slash else ["ConfigMap", "Secret"]
    if not (name if slash else prefix) or kinds == [None]:
        raise UsageError(f"what is {wanted!r}?", "configmap/NAME, secret/NAME, or the name alone")
    candidates = [ObjectName("v1", kind, namespace, name if slash else prefix) for kind in kinds if kind]
    try:
        there = [one for one in candidates if cluster.get(one) is not None]
    except ClusterDeniedError:
        if len(candidates) > 1:
            raise
        output.note(f"you may not see whether {candidates[0]} is there")
        return candidates[0]
    return _the_one(candidates, there, output)


def _the_one(candidates: Sequence[ObjectName], there: Sequence[ObjectName], output: Output) -> ObjectName:
    if len(there) == 1:
        return there[0]
    name, namespace = candidates[0].name, candidates[0].namespace
    if len(there) > 1:
        hint = f"ask for configmap/{name} or for secret/{name}"
        raise UsageError(f"there is a ConfigMap {name} in {namespace} and a Secret", hint)
    if len(candidates) > 1:
        hint = "--namespace N looks elsewhere; with secret/NAME the answer is for a Secret that is not there yet"
        raise HardenError(f"there is no ConfigMap and no Secret {name} in {namespace}", hint)
    output.note(f"{candidates[0]} is not there: this is who could read it")
    return candidates[0]


def document(readers: Readers, users: Sequence[Consumer], unseen: Sequence[str]) -> dict[str, object]:
    """The answer for ``--json``."""
    target = readers.object
    return {
        "object": {"kind": target.kind, "namespace": target.namespace, "name": target.name},
        "subjects": [reader.document() for reader in readers.readers],
        "consumers": [_consumer(user) for user in users],
        "unseen": list(unseen),
    }


def _print(readers: Readers, output: Output) -> None:
    detailed = output.verbosity > 0
    shown = [reader for reader in readers.readers if detailed or not reader.is_standard]
    rows = [row for reader in shown for row in (_all_rows(reader) if detailed else _rows(reader))]
    output.table(["who", "how", "through"], rows, empty=f"nobody but Kubernetes itself can read {readers.object}")
    folded = len(readers.readers) - len(shown)
    if folded:
        output.note(f"{folded} more are parts of Kubernetes with the rights it gives them; -v lists them and every way")


def _consumer(user: Consumer) -> dict[str, object]:
    name = user.object
    return {
        "object": {"kind": name.kind, "namespace": name.namespace or None, "name": name.name} if name else None,
        "way": str(user.way),
        "container": user.container or None,
        "key": user.key or None,
        "path": user.path or None,
        "running": user.running,
        "certain": user.certain,
    }


def _print_consumers(users: Sequence[Consumer], output: Output) -> None:
    if not users:
        output.note("nothing that is known here uses it")
        return
    output.line()
    rows = [(user.object or user.source, f"{user.way} {user.path}".strip(), _remarks(user)) for user in users]
    output.table(["used by", "how", "key"], rows)


def _remarks(user: Consumer) -> str:
    remarks = [user.key or "all"]
    remarks += [] if user.running else ["not running"]
    remarks += [] if user.certain else ["perhaps"]
    return ", ".join(remarks)


def _rows(reader: Reader) -> Iterator[tuple[str, str, str]]:
    """One row for what may be read directly or, where nothing may, one for each kind of way; the rest in brief."""
    who = str(reader.subject)
    kinds = [list(ways) for _, ways in groupby(reader.ways, key=lambda way: way.how)]
    direct = [ways for ways in kinds if ways[0].how == "read"]
    for ways in direct or kinds:
        yield who, _how(ways), _through(ways)
        who = ""
    others = [HOWS[ways[0].how] for ways in kinds if ways not in direct] if direct else []
    if others:
        yield "", f"and {len(others)} other {'way' if len(others) == 1 else 'ways'}", f"(-v): {'; '.join(others)}"


def _how(ways: Sequence[Way]) -> str:
    how = ways[0].how
    return f"{HOWS[how]}: {', '.join(sorted({way.verb for way in ways}))}" if how == "read" else HOWS[how]


def _through(ways: Sequence[Way]) -> str:
    """The first evidence, and how many more there are."""
    different = dict.fromkeys(way.through for way in ways)
    more = f" (and {len(different) - 1} more)" if len(different) > 1 else ""
    return " → ".join(ways[0].through) + more


def _all_rows(reader: Reader) -> Iterator[tuple[str, str, str]]:
    who = str(reader.subject)
    for way in reader.ways:
        yield who, f"{HOWS[way.how]}: {way.verb} {way.resource}", " → ".join(way.through)
        who = ""
