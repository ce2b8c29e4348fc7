"""Who can read a key today and who can afterwards, as a plan says it. Pure.

Parts of Kubernetes that can read as Kubernetes is set up are left out, before as after: nobody decided
that they may.
"""

from collections.abc import Iterable
from functools import cache

from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.plan.values import Grant
from harden_secrets.rbac.estate import Estate
from harden_secrets.rbac.grant import role, role_binding
from harden_secrets.rbac.search import find_readers
from harden_secrets.rbac.subjects import Subject


class Reading:
    """The readers in one cluster: as it is, and as it will be."""

    def __init__(self, objects: Iterable[Manifest]) -> None:
        self._estate = Estate(objects)
        self._of = cache(lambda name: _readers(self._estate, name))

    def before(self, names: Iterable[ObjectName]) -> tuple[str, ...]:
        """Every subject that can read one of these ConfigMaps and Secrets; sorted."""
        return tuple(sorted({reader for name in set(names) for reader in self._of(name)}))

    def after(
        self, names: Iterable[ObjectName], grants: Iterable[Grant], changed: Iterable[Manifest]
    ) -> tuple[str, ...]:
        """The same once the grants are made and objects (pods that see other Secrets) are changed."""
        changes = list(changed)
        for grant in grants:
            who = Subject.account(grant.service_account_namespace, grant.service_account)
            changes += [role(grant.secret, grant.namespace), role_binding(grant.secret, grant.namespace, [who])]
        estate = self._estate.changed(changes) if changes else self._estate
        return tuple(sorted({reader for name in set(names) for reader in _readers(estate, name)}))


def _readers(estate: Estate, name: ObjectName) -> frozenset[str]:
    found = find_readers(estate, name).readers
    return frozenset(str(reader.subject) for reader in found if not reader.is_standard)
