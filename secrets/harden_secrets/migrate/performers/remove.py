"""Take away a copy, once everybody who used it is proved to use the delivered one."""

from collections.abc import Mapping
from typing import Any

from harden.errors import HardenError
from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.confidential import Confidential
from harden_secrets.migrate.performers.files import DeleteFile
from harden_secrets.migrate.performers.site import Site, packed, restorable, unpacked
from harden_secrets.migrate.performers.taking import LAST_APPLIED, entry, part_of, strangers, without
from harden_secrets.migrate.performers.users import users
from harden_secrets.migrate.run import Performer
from harden_secrets.migrate.step import Step
from harden_secrets.plan.values import Copy, PlannedSecret


class Remove:
    """Takes away a copy, in a file or in the cluster."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._in_file, self._in_cluster = DeleteFile(site), RemoveObject(site)

    def capture(self, step: Step) -> Confidential:
        """The whole object or file."""
        return self._of(step).capture(step)

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """Raises HardenError where it is not what the plan saw, or still used."""
        return self._of(step).perform(step, before)

    def undo(self, step: Step, before: Confidential) -> None:
        """Raises HardenError where somebody put something else there since."""
        self._of(step).undo(step, before)

    def _of(self, step: Step) -> Performer:
        copy = self._site.secret(step).copies[step.index]
        return self._in_file if copy.object is None else self._in_cluster


class RemoveObject:
    """Deletes the object, or takes one key out of it and out of what kubectl remembers of it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def capture(self, step: Step) -> Confidential:
        """The whole object."""
        return packed(self._site.cluster.get(_name(self._copy(step))))

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """Only what holds nothing but what Vault has, and what nobody uses any more."""
        copy, old = self._copy(step), unpacked(before)
        now = self._site.cluster.get(_name(copy))
        if old is not None and now is not None and entry(now, copy) is not None:
            self._check_known(self._site.secret(step), copy, now)
            self._check_unused(self._site.secret(step), copy)
            self._take(copy, now)
        return {"copy": copy.source, "how": copy.removal}

    def undo(self, step: Step, before: Confidential) -> None:
        """Put back the object, or the key into it. Raises HardenError where somebody put another there since."""
        copy, old = self._copy(step), unpacked(before)
        if old is None:
            return
        now = self._site.cluster.get(_name(copy))
        if now is None:
            self._site.cluster.create(restorable(old))
        elif entry(now, copy) is None and copy.removal == "remove-key":
            self._put_back(copy, now, old)
        elif entry(now, copy) != entry(old, copy):
            raise HardenError(
                f"{_name(copy)}: somebody has put something else there since harden removed it",
                "take it away or put the old value there, then run: harden secrets rollback",
            )

    def _check_known(self, secret: PlannedSecret, copy: Copy, now: Manifest) -> None:
        unknown = strangers(now, copy, self._site.stored(secret), secret.fingerprint, self._site.fingerprints)
        if unknown:
            raise HardenError(
                f"{_name(copy)}: {', '.join(unknown)} is not what the plan saw: it was not removed",
                "undo the run with harden secrets rollback, then make a new plan",
            )

    def _check_unused(self, secret: PlannedSecret, copy: Copy) -> None:
        left: list[ObjectName] = []

        def unused() -> bool:
            nonlocal left
            left = users(self._site.cluster, secret, copy)
            return not left

        if not self._site.until(self._site.delivery_seconds, unused):
            raise HardenError(
                f"{_name(copy)} is still used by {', '.join(str(one) for one in left)}: it was not removed",
                "where pods are replaced by hand, do that; then run: harden secrets resume",
            )

    def _take(self, copy: Copy, now: Manifest) -> None:
        metadata = now["metadata"]
        if copy.removal == "delete-object":
            self._site.cluster.delete(_name(copy), uid=metadata["uid"], resource_version=metadata["resourceVersion"])
        else:
            self._site.cluster.replace(without(now, copy))  # refused if it changed in between

    def _put_back(self, copy: Copy, now: Manifest, old: Manifest) -> None:
        part = part_of(copy)
        wanted = restorable(now) | {part: {**(now.get(part) or {}), copy.key: entry(old, copy)}}
        annotations = (old["metadata"].get("annotations") or {}).get(LAST_APPLIED)
        if annotations is not None:
            wanted["metadata"]["annotations"] = {
                **(wanted["metadata"].get("annotations") or {}),
                LAST_APPLIED: annotations,
            }
        metadata = {**wanted["metadata"], "resourceVersion": now["metadata"]["resourceVersion"]}
        self._site.cluster.replace({**wanted, "metadata": metadata})

    def _copy(self, step: Step) -> Copy:
        return self._site.secret(step).copies[step.index]


def _name(copy: Copy) -> ObjectName:
    assert copy.object is not None, "copies in files are another performer's"
    return copy.object
