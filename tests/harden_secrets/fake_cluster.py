"""An API server in memory: it keeps objects as a real one does, and fails or dies when a test says so.

    cluster = FakeCluster()
    cluster.put(MANIFEST, OTHER)                      # as if they had been there for long; makes their namespaces
    cluster.fail_before(3, ConflictError("…"))        # the third write from now on is not done
    cluster.fail_after(3, ClusterUnavailableError("…"))  # it is done, and the answer lost
    cluster.fail_after(3, Killed())                   # … and so is harden, until `dead` is set to False
    cluster.before.append(lambda call: …)             # anything else: called with every call before it is done

``calls`` has all of them, ``writes`` those that change something. ``react`` is called after each write with the object
as it is stored (None when it is gone) and may write through ``put`` and ``drop``: a controller.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from harden_secrets.cluster.port import (
    AccessQuestion,
    AlreadyExistsError,
    ConflictError,
    Executed,
    Manifest,
    MissingError,
    ObjectName,
    Patch,
    RefusedError,
    Resource,
)
from tests.harden_secrets import fake_kinds, json_patch
from tests.harden_secrets.fake_admission import admitted
from tests.harden_secrets.fake_faults import WRITES, Around, Call, Fault, Killed

__all__ = ["WRITES", "Call", "FakeCluster", "Killed"]


def no_command(_pod: Manifest, _container: str, _command: Sequence[str]) -> Executed:
    raise RefusedError("this fake runs no commands: give it `run`")


@dataclass
class FakeCluster:
    """See above. ``run`` answers `execute`, ``permits`` answers `allowed`; ``dead``: see above."""

    context: str = "fake"
    run: Callable[[Manifest, str, Sequence[str]], Executed] = no_command
    permits: Callable[[AccessQuestion], bool] = lambda _question: True
    react: Callable[["FakeCluster", ObjectName, Manifest | None], None] = lambda _cluster, _name, _object: None
    before: list[Callable[[Call], None]] = field(default_factory=list)
    after: list[Callable[[Call], None]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    kinds: list[Resource] = field(default_factory=fake_kinds.built_in)
    dead: bool = False

    def __post_init__(self) -> None:
        self._stored: dict[tuple[str, str, str, str], Manifest] = {}
        self._numbers = itertools.count(1)
        for name in ("default", "kube-system"):
            self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    # What a test says to it

    @property
    def writes(self) -> list[Call]:
        """The calls that changed something or would have."""
        return [call for call in self.calls if call.writes]

    def put(self, *manifests: Manifest) -> None:
        """Store objects without a call, over what is there under their names."""
        for manifest in manifests:
            name = ObjectName.of(manifest)
            if name.namespace and self._peek("v1", "Namespace", "", name.namespace) is None:
                self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name.namespace}})
            old = self._stored.get(self._at(name))
            self._store(admitted(deepcopy(manifest), None), old)

    def drop(self, name: ObjectName) -> None:
        """Take an object away without a call."""
        self._stored.pop(self._at(name), None)

    def peek(self, name: ObjectName) -> Manifest | None:
        """The object without a call."""
        return deepcopy(self._stored.get(self._at(name)))

    def versions(self) -> dict[tuple[str, str, str, str], str]:
        """The version of every object: the same for as long as nothing is another than it was."""
        return {at: one["metadata"]["resourceVersion"] for at, one in self._stored.items()}

    def snapshot(self) -> list[Manifest]:
        """All objects, in the order of their names."""
        return [deepcopy(self._stored[key]) for key in sorted(self._stored)]

    def fail_before(self, number: int, error: BaseException, methods: Sequence[str] = WRITES) -> None:
        """The ``number``-th call of these methods from now on is not done but raises. Dry runs do not count."""
        self._arm(Fault(number, error, False, methods))

    def fail_after(self, number: int, error: BaseException, methods: Sequence[str] = WRITES) -> None:
        """The same, but it is done before it raises."""
        self._arm(Fault(number, error, True, methods))

    # What harden says to it

    def resources(self) -> Sequence[Resource]:
        with self._call("resources", ObjectName("", "", "", "")):
            preferred: dict[tuple[str, str], Resource] = {}
            for kind in self.kinds:
                preferred.setdefault((group_of(kind.api_version), kind.kind), kind)
            return list(preferred.values())

    def list(self, api_version: str, kind: str, namespace: str = "") -> Iterator[Manifest]:
        with self._call("list", ObjectName(api_version, kind, namespace, "")):
            self._resource(api_version, kind)
            wanted = (group_of(api_version), kind)
            found = [one for at, one in sorted(self._stored.items()) if at[:2] == wanted]
            of_namespace = [one for one in found if not namespace or ObjectName.of(one).namespace == namespace]
            yield from ({**deepcopy(one), "apiVersion": api_version} for one in of_namespace)

    def get(self, name: ObjectName) -> Manifest | None:
        with self._call("get", name):
            self._resource(name.api_version, name.kind)
            found = self._stored.get(self._at(name))
            return None if found is None else {**deepcopy(found), "apiVersion": name.api_version}

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        new = deepcopy(manifest)
        if "name" not in new["metadata"]:
            new["metadata"]["name"] = f"{new['metadata'].pop('generateName')}{next(self._numbers):05}"
        name = ObjectName.of(new)
        with self._call("create", name, dry_run):
            self._placed(name)
            if self._at(name) in self._stored:
                raise AlreadyExistsError(f"{name} exists already")
            return self._write(new, None, dry_run)

    def replace(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        name = ObjectName.of(manifest)
        with self._call("replace", name, dry_run):
            self._placed(name)
            if not manifest["metadata"].get("resourceVersion"):
                raise RefusedError(f"{name} cannot be replaced: it does not say which version it replaces")
            return self._write(deepcopy(manifest), self._existing(name), dry_run)

    def patch(self, name: ObjectName, patch: Patch, *, dry_run: bool = False) -> Manifest:
        with self._call("patch", name, dry_run):
            self._placed(name)
            old = self._existing(name)
            try:
                new = json_patch.applied(old, patch)
            except (
                json_patch.PatchError
            ) as error:  # a real server does not tell a failed test from a missing path either
                raise ConflictError(f"{name} is not what the patch was made for: {error}") from None
            return self._write(new, old, dry_run)

    def delete(self, name: ObjectName, *, uid: str, resource_version: str = "") -> None:
        with self._call("delete", name):
            found = self._stored.get(self._at(name))
            if found is None:
                return
            metadata = found["metadata"]
            if metadata["uid"] != uid or resource_version not in ("", metadata["resourceVersion"]):
                raise ConflictError(f"{name} is not the one that was to be deleted")
            self._remove(name)

    def execute(self, pod: ObjectName, container: str, command: Sequence[str], *, seconds: float = 30) -> Executed:
        assert seconds > 0
        with self._call("execute", pod):
            return self.run(self._existing(pod), container, command)

    def allowed(self, question: AccessQuestion) -> bool:
        with self._call("allowed", ObjectName("", question.resource, question.namespace, question.name)):
            return self.permits(question)

    # How it does so

    def _call(self, method: str, name: ObjectName, dry_run: bool = False) -> Around:
        return Around(self, Call(method, name, dry_run))

    def _arm(self, fault: Fault) -> None:
        count = itertools.count(1)

        def act(call: Call) -> None:
            if call.method in fault.methods and not call.dry_run and next(count) == fault.number:
                self.dead = isinstance(fault.error, Killed)
                raise fault.error

        (self.after if fault.after else self.before).append(act)

    def _write(self, new: Manifest, old: Manifest | None, dry_run: bool) -> Manifest:
        if old is not None:
            _check_versions(new, old)
        new = admitted(new, old)
        if dry_run:
            return self._finished(new, old)
        stored = self._store(new, old)
        self.react(self, ObjectName.of(stored), deepcopy(stored))
        return deepcopy(stored)

    def _store(self, new: Manifest, old: Manifest | None) -> Manifest:
        name = ObjectName.of(new)
        finished = self._finished(new, old)
        self._stored[self._at(name)] = finished
        if name.kind == "CustomResourceDefinition":
            known = {(kind.api_version, kind.kind) for kind in self.kinds}
            brought = fake_kinds.defined_by(finished)
            self.kinds += [kind for kind in brought if (kind.api_version, kind.kind) not in known]
        return finished

    def _finished(self, new: Manifest, old: Manifest | None) -> Manifest:
        """With what the server decides. An update that changes nothing keeps the version."""
        before: dict[str, Any] = old["metadata"] if old is not None else {}
        number = next(self._numbers)
        new["metadata"] |= {
            "uid": before.get("uid") or new["metadata"].get("uid") or f"00000000-0000-4000-8000-{number:012}",
            "creationTimestamp": before.get("creationTimestamp", "2026-01-01T00:00:00Z"),
            "resourceVersion": before.get("resourceVersion", ""),
        }
        if "spec" in new:
            changed = old is None or old.get("spec") != new["spec"]
            new["metadata"]["generation"] = before.get("generation", 0) + changed
        if new != old:
            new["metadata"]["resourceVersion"] = str(number)
        return new

    def _remove(self, name: ObjectName) -> None:
        self.drop(name)
        if name.kind == "Namespace":
            for key in [key for key in self._stored if key[2] == name.name]:
                del self._stored[key]
        self.react(self, name, None)

    def _existing(self, name: ObjectName) -> Manifest:
        self._resource(name.api_version, name.kind)
        found = self._stored.get(self._at(name))
        if found is None:
            raise MissingError(f"{name} is not there")
        return {**deepcopy(found), "apiVersion": name.api_version}

    def _placed(self, name: ObjectName) -> None:
        """Whether an object of that name may be there at all."""
        kind = self._resource(name.api_version, name.kind)
        if kind.namespaced != bool(name.namespace):
            raise RefusedError(f"{name}: a {name.kind} {'needs' if kind.namespaced else 'has no'} namespace")
        if name.namespace and self._peek("v1", "Namespace", "", name.namespace) is None:
            raise MissingError(f"namespace {name.namespace} is not there")

    def _resource(self, api_version: str, kind: str) -> Resource:
        for one in self.kinds:
            if (one.api_version, one.kind) == (api_version, kind):
                return one
        raise MissingError(f"the server has no {kind} in {api_version}")

    def _peek(self, api_version: str, kind: str, namespace: str, name: str) -> Manifest | None:
        return self._stored.get(self._at(ObjectName(api_version, kind, namespace, name)))

    @staticmethod
    def _at(name: ObjectName) -> tuple[str, str, str, str]:
        return group_of(name.api_version), name.kind, name.namespace, name.name


def group_of(api_version: str) -> str:
    """The group of an apiVersion; empty for the core one."""
    return api_version.rpartition("/")[0]


def _check_versions(new: Manifest, old: Manifest) -> None:
    name, wanted, there = ObjectName.of(new), new["metadata"], old["metadata"]
    if wanted.get("resourceVersion") not in (None, "", there["resourceVersion"]):
        raise ConflictError(f"{name} has changed: it is version {there['resourceVersion']} now")
    if wanted.get("uid") not in (None, "", there["uid"]):
        raise ConflictError(f"{name} is another one of that name")
