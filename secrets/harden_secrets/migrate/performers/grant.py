"""Let one ServiceAccount read one Secret by name, where a consumer asks the API server for it."""

from collections.abc import Mapping
from typing import Any

from harden.errors import HardenError
from harden_secrets.cluster.marks import HARDEN, MANAGED_BY
from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.confidential import Confidential
from harden_secrets.migrate.performers.site import Site, packed, unpacked
from harden_secrets.migrate.step import Step
from harden_secrets.rbac.grant import role, role_binding
from harden_secrets.rbac.subjects import Subject


class Grant:
    """Creates a Role and a RoleBinding of our own; one of the same name that is somebody else's stays as it is."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def capture(self, step: Step) -> Confidential:
        """The two as they were, or that they were not there."""
        return packed({"there": [self._site.cluster.get(ObjectName.of(one)) for one in self._wanted(step)]})

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """Create what is missing; a binding of ours gets the ServiceAccount added."""
        for manifest in self._wanted(step):
            name = ObjectName.of(manifest)
            now = self._site.cluster.get(name)
            if now is None:
                self._site.cluster.create(manifest)
            elif not _is_ours(now):
                raise HardenError(f"{name} is there already and harden did not make it", "remove or rename it")
            elif missing := [one for one in manifest.get("subjects", ()) if one not in (now.get("subjects") or ())]:
                self._site.cluster.replace({**now, "subjects": [*(now.get("subjects") or ()), *missing]})
        return {}

    def undo(self, step: Step, before: Confidential) -> None:
        """Take away what was not there before: the object, or the ServiceAccount from its subjects."""
        for manifest, old in zip(self._wanted(step), unpacked(before)["there"], strict=True):
            now = self._site.cluster.get(ObjectName.of(manifest))
            if now is None or not _is_ours(now):
                continue
            if old is None:
                self._site.cluster.delete(ObjectName.of(manifest), uid=now["metadata"]["uid"])
                continue
            added = [one for one in manifest.get("subjects", ()) if one not in (old.get("subjects") or ())]
            left = [one for one in now.get("subjects") or () if one not in added]
            if left != (now.get("subjects") or []):
                self._site.cluster.replace({**now, "subjects": left})

    def _wanted(self, step: Step) -> tuple[Manifest, Manifest]:
        grant = self._site.secret(step).grants[step.index]
        who = Subject.account(grant.service_account_namespace, grant.service_account)
        return role(grant.secret, grant.namespace), role_binding(grant.secret, grant.namespace, [who])


def _is_ours(manifest: Manifest) -> bool:
    return (manifest["metadata"].get("labels") or {}).get(MANAGED_BY) == HARDEN
