"""What `rotate --due` has to be allowed in a cluster, for the deliveries of an inventory. Pure.

A Role for each namespace with a delivery, and nothing for the others. Secrets are named one by one; only to create one
cannot be limited to a name (RBAC authorization, "Referring to resources"). Who uses a Secret is not in the inventory,
so that the workloads and pods of the namespace can be looked at, and restarted, all of them. exec is asked for by GET,
which is what a WebSocket opens with, and counts as `create` too from Kubernetes 1.35 on.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harden_secrets.inventory.model import Delivery, Inventory
from harden_secrets.rotate.delivery.operators import OPERATORS

Rule = dict[str, Any]


def rules(inventory: Inventory) -> Mapping[str, Sequence[Rule]]:
    """The rules by namespace."""
    deliveries = [one for entry in inventory.secrets.values() for one in entry.deliver if one.to != "file"]
    namespaces = sorted({one.namespace for one in deliveries})
    return {name: list(_of_namespace([one for one in deliveries if one.namespace == name])) for name in namespaces}


def _of_namespace(deliveries: Sequence[Delivery]) -> Iterator[Rule]:
    direct = sorted({one.secret for one in deliveries if one.to == "direct"})
    operated = sorted({one.secret for one in deliveries if one.to != "direct"} - set(direct))
    if direct:
        yield {**_rule("", ["secrets"], ["get", "update"]), "resourceNames": direct}
        yield _rule("", ["secrets"], ["create"])
    if operated:
        yield {**_rule("", ["secrets"], ["get"]), "resourceNames": operated}
    for operator in (OPERATORS[to] for to in sorted({one.to for one in deliveries} & OPERATORS.keys())):
        yield _rule(operator.group, [f"{operator.kind.lower()}s"], ["get", "list", "patch"])
    if operated:
        yield _rule("", ["events"], ["list"])  # what an operator complains of
    yield _rule("apps", ["deployments", "statefulsets", "daemonsets"], ["get", "list", "patch"])
    yield _rule("", ["pods"], ["get", "list"])
    yield _rule("", ["pods/exec"], ["create", "get"])
    # Who would replace a pod that keeps an old value: for the hint to a person.
    yield _rule("apps", ["replicasets"], ["get"])
    yield _rule("batch", ["jobs", "cronjobs"], ["get"])


def _rule(group: str, resources: list[str], verbs: list[str]) -> Rule:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}
