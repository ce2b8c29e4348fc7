"""Point a consumer at the delivered Secret and wait until its pods run with it; put it back where they do not."""

from collections.abc import Mapping
from typing import Any

from harden.errors import HardenError
from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.cluster.settling import unsettled
from harden_secrets.confidential import Confidential
from harden_secrets.migrate.performers.lastapplied import without_literals
from harden_secrets.migrate.performers.site import Site, existing, packed, restorable, unpacked
from harden_secrets.migrate.step import Step
from harden_secrets.objectpatch import applied, is_applied, reverse, untrue
from harden_secrets.plan.values import ConsumerChange


class Repoint:
    """Applies a consumer's JSON patch, whose tests hold only for the object that the plan saw."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def capture(self, step: Step) -> Confidential:
        """The whole object as it was: a literal environment variable may have held the key."""
        return packed(restorable(existing(self._site.cluster, self._change(step).object)))

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """Patch and wait. Where the rollout fails, the patch is taken back and that is waited for as well."""
        change, old = self._change(step), unpacked(before)
        now = existing(self._site.cluster, change.object)
        if not is_applied(now, old, change.patch):
            self._apply(step, change, now)
        if change.rollout and (why := self._waited(change.object)):
            self.undo(step, before)
            raise HardenError(
                f"{change.object}: its pods did not come up with the new Secret, so it was put back: {why}",
                f"`kubectl -n {change.object.namespace} describe` of its pods says more; then: harden secrets resume, "
                "or harden secrets rollback",
            )
        return {"object": str(change.object)}

    def undo(self, step: Step, before: Confidential) -> None:
        """Take back exactly what the patch changed; what others changed since then stays."""
        change, old = self._change(step), unpacked(before)
        now = self._site.cluster.get(change.object)
        if now is None:
            return  # its owner removed it: there is no consumer any more
        patch = reverse(old, self._intended(step, change, old), now)
        if patch:
            self._site.cluster.patch(change.object, patch)
        if change.rollout and (why := self._waited(change.object)):
            raise HardenError(
                f"{change.object}: was put back, but its pods do not come up: {why}",
                "the old Secret or ConfigMap is in place; look at the pods, then run: harden secrets rollback",
            )

    def _apply(self, step: Step, change: ConsumerChange, now: Manifest) -> None:
        """Tests of its own for all that it changes: those of the plan leave out what may be shown to nobody."""
        if wrong := untrue(now, change.patch):
            raise HardenError(
                f"{change.object}: is not what the plan saw at {wrong}",
                "undo the run with harden secrets rollback, then make a new plan",
            )
        wanted = self._intended(step, change, now)
        self._site.cluster.patch(change.object, reverse(wanted, now, now))

    def _intended(self, step: Step, change: ConsumerChange, manifest: Manifest) -> Manifest:
        """The object as the patch makes it, and kubectl's memory of it without the literal values that go."""
        wanted = applied(manifest, change.patch)
        literals = {
            copy.pointer for copy in self._site.secret(step).copies
            if copy.object == change.object and copy.removal == "repoint"
        }  # fmt: skip
        return without_literals(manifest, wanted, literals) if literals else wanted

    def _change(self, step: Step) -> ConsumerChange:
        return self._site.secret(step).consumers[step.index]

    def _waited(self, name: ObjectName) -> str:
        """Nothing once the rollout is complete, else why it is not."""
        late = unsettled(self._site.cluster, [name], self._site.waiting, self._site.rollout_seconds)
        return late[1] if late is not None else ""
