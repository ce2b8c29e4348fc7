"""Who can read a key today and who can afterwards, as a plan says it. Pure."""

from collections.abc import Iterable, Sequence

from harden_secrets.cluster.port import ObjectName
from harden_secrets.plan.held import Held
from harden_secrets.plan.values import Delivery, Grant
from harden_secrets.plan.world import World
from harden_secrets.rbac.estate import Estate
from harden_secrets.rbac.grant import role, role_binding
from harden_secrets.rbac.search import find_readers
from harden_secrets.rbac.subjects import Subject


def readers_before(group: Sequence[Held], world: World) -> tuple[str, ...]:
    """Every subject that can read one of the copies in ConfigMaps and Secrets; sorted."""
    names = {one.object for one in group if not one.is_literal}
    return _readers(Estate(world.objects.values()), names)


def readers_after(deliveries: Iterable[Delivery], grants: Iterable[Grant], world: World) -> tuple[str, ...]:
    """Every subject that will be able to read one of the delivered Secrets; sorted."""
    changes = []
    for grant in grants:
        who = Subject.account(grant.service_account_namespace, grant.service_account)
        changes += [role(grant.secret, grant.namespace), role_binding(grant.secret, grant.namespace, [who])]
    names = {ObjectName("v1", "Secret", one.namespace, one.secret) for one in deliveries}
    return _readers(Estate(world.objects.values()).changed(changes), names)


def _readers(estate: Estate, names: Iterable[ObjectName]) -> tuple[str, ...]:
    found = {str(subject) for name in names for subject in find_readers(estate, name).subjects()}
    return tuple(sorted(found))
