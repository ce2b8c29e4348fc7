"""What the pods of an object see of a Secret, and whether they see a change of it. Pure.

Variables and subPath mounts keep the value that the container began with; a mounted volume is brought up to date. What
only init containers see was copied by them, and the copy keeps its value too.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harden_secrets.cluster.consumers import Consumer, Way, consumers
from harden_secrets.cluster.consumers.walk import entries, text
from harden_secrets.cluster.consumers.workload import pod_specs
from harden_secrets.cluster.port import Manifest, ObjectName

_FROZEN = frozenset({Way.ENV, Way.ENV_FROM, Way.SUB_PATH})
_SEEN = _FROZEN | {Way.VOLUME, Way.PROJECTED}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")  # older kubelets leave out keys of other names


@dataclass(frozen=True, slots=True)
class View:
    """What one container sees of one key.

    ``at``: a path, or ``env:NAME``; empty where it cannot be known. ``frozen``: it keeps the value that it began with.
    ``initial``: the container ends before the others begin. ``may_lack``: it may have no such variable.
    """

    key: str
    container: str
    at: str
    frozen: bool
    initial: bool = False
    may_lack: bool = False

    @property
    def copied(self) -> bool:
        """Whether it is a file that an init container may have copied."""
        return self.initial and not self.at.startswith("env:")


def views(manifest: Manifest, secret: ObjectName, keys: Iterable[str] | None) -> tuple[View, ...]:
    """What the pods of an object, or the pod that it is, see of these keys; None: of the Secret, whatever is in it."""
    inside, uses = _Containers(manifest), consumers([manifest], secret)
    if keys is None:
        found = [_view(use, use, inside) for use in uses if inside.sees(use)]
    else:
        found = [one for key in keys for use in uses if inside.sees(use) for one in _narrowed(use, key, inside)]
    kept_fresh = {view.key for view in found if not view.frozen}
    # What a container mounts for as long as it runs was not copied for it.
    return tuple(dict.fromkeys(one for one in found if not (one.copied and one.key in kept_fresh)))


def cannot_see_changes(found: Collection[View]) -> bool:
    """Whether pods with these views have to be replaced to see another value."""
    return any(view.frozen for view in found)


class _Containers:
    """Which containers an object has, by their sort."""

    def __init__(self, manifest: Manifest) -> None:
        specs = [spec for _, spec in pod_specs(manifest)]
        initial = [one for spec in specs for _, one in entries(spec.get("initContainers"))]
        lasting = [one for spec in specs for _, one in entries(spec.get("containers"))]
        # One that is always restarted stays beside the others (KEP-753).
        self.initial = {text(one.get("name")) for one in initial if one.get("restartPolicy") != "Always"}
        self._by_name: dict[str, Mapping[str, Any]] = {text(one.get("name")): one for one in (*initial, *lasting)}

    def sees(self, use: Consumer) -> bool:
        """Whether it is a use by a container that is there from the beginning."""
        return use.way in _SEEN and use.container in self._by_name

    def sets(self, container: str, variable: str) -> bool:
        """Whether a container says itself what the variable is: that wins over ``envFrom``."""
        return any(one.get("name") == variable for _, one in entries(self._by_name[container].get("env")))


def _narrowed(use: Consumer, key: str, inside: _Containers) -> Iterator[View]:
    one = use.narrowed(key)
    if one is not None and not (use.way is Way.ENV_FROM and inside.sets(use.container, one.path)):
        yield _view(use, one, inside)


def _view(use: Consumer, one: Consumer, inside: _Containers) -> View:
    """``one`` is the use, of one key."""
    initial = use.container in inside.initial
    unknown = use.way is Way.SUB_PATH and not use.key  # a part of the volume that a variable names
    at = f"env:{one.path}" if use.way in (Way.ENV, Way.ENV_FROM) else "" if unknown else one.path
    may_lack = use.way is Way.ENV_FROM and not _VARIABLE.match(one.path)
    return View(one.key, use.container, at, initial or use.way in _FROZEN, initial, may_lack)
