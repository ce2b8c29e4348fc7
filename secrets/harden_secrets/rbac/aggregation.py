"""ClusterRoles that gather the rules of others by their labels.

As the controller does it (kubernetes: pkg/controller/clusterroleaggregation): a role's own rules are replaced by those
of the ClusterRoles that its selectors match, itself left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harden_secrets.rbac.rules import items, mapping, text, texts


def contributors(roles: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """For each ClusterRole that gathers, the names of those whose rules it gets, through others too; sorted."""
    direct = {name: tuple(_selected(name, roles)) for name, role in roles.items() if selectors(role)}
    return {name: tuple(sorted(_reachable(name, direct))) for name in direct}


def selectors(role: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The label selectors of a ClusterRole's ``aggregationRule``."""
    found = items(mapping(role.get("aggregationRule")).get("clusterRoleSelectors"))
    return [mapping(one) for one in found]


def _selected(name: str, roles: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    wanted = selectors(roles[name])
    for other, role in roles.items():
        labels = mapping(mapping(role.get("metadata")).get("labels"))
        if other != name and any(selects(one, labels) for one in wanted):
            yield other


def _reachable(name: str, direct: Mapping[str, tuple[str, ...]]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for other in direct.get(waiting.pop(), ()):
            if other not in found and other != name:
                found.add(other)
                waiting.append(other)
    return found


def selects(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Whether a LabelSelector matches labels; an empty one matches all. An unknown operator matches nothing."""
    exact = mapping(selector.get("matchLabels"))
    if any(labels.get(key) != value for key, value in exact.items()):
        return False
    return all(_holds(mapping(one), labels) for one in items(selector.get("matchExpressions")))


def _holds(requirement: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    key, values = text(requirement.get("key")), texts(requirement.get("values"))
    match requirement.get("operator"):
        case "In":
            return key in labels and text(labels[key]) in values
        case "NotIn":
            return key not in labels or text(labels[key]) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False
