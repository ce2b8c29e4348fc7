"""What a rule of a Role lets through.

The conditions are those of the API server's own authoriser (kubernetes: pkg/apis/rbac/v1/evaluation_helpers.go).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ALL = "*"


@dataclass(frozen=True, slots=True, order=True)
class Access:
    """A request to the API server, as an authoriser sees it.

    ``namespace`` and ``name`` are empty where the request has none: no request to create an object has a name. With
    ``any_name`` the one who asks may choose the name, so that a rule for some names is as good as one for all.
    """

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    any_name: bool = False

    @property
    def action(self) -> tuple[str, str, str, str]:
        """What is to be done, without to which object."""
        return self.verb, self.group, self.resource, self.subresource

    @property
    def target(self) -> str:
        """The resource as kubectl writes it: ``deployments.apps``, ``pods/exec``."""
        group = f".{self.group}" if self.group else ""
        return f"{self.resource}{group}" + (f"/{self.subresource}" if self.subresource else "")


@dataclass(frozen=True, slots=True)
class Rule:
    """A PolicyRule on resources. No names means every name; no verbs, groups or resources means none."""

    verbs: frozenset[str]
    groups: frozenset[str]
    resources: frozenset[str]
    names: frozenset[str]

    def covers(self, access: Access) -> bool:
        """Whether a request is let through."""
        return self.covers_name(access) and self.covers_action(access)

    def covers_name(self, access: Access) -> bool:
        """Whether the request is for an object of those that the rule is about."""
        return not self.names or access.any_name or access.name in self.names

    def covers_action(self, access: Access) -> bool:
        """Whether it is let through for some object."""
        return (
            (access.verb in self.verbs or ALL in self.verbs)
            and (access.group in self.groups or ALL in self.groups)
            and self._covers_resource(access.resource, access.subresource)
        )

    def _covers_resource(self, resource: str, subresource: str) -> bool:
        if ALL in self.resources:  # subresources too
            return True
        if not subresource:
            return resource in self.resources
        return f"{resource}/{subresource}" in self.resources or f"*/{subresource}" in self.resources


def rules_of(role: Mapping[str, Any]) -> tuple[Rule, ...]:
    """The rules of a Role or ClusterRole, without those on URLs. What is not as the API has it lets nothing through."""
    rules = (one for one in items(role.get("rules")) if isinstance(one, Mapping))
    return tuple(
        Rule(
            verbs=texts(one.get("verbs")),
            groups=texts(one.get("apiGroups")),
            resources=texts(one.get("resources")),
            names=texts(one.get("resourceNames")),
        )
        for one in rules
        if one.get("resources")
    )


def texts(value: object) -> frozenset[str]:
    """The texts of a list."""
    return frozenset(one for one in items(value) if isinstance(one, str))


def items(value: object) -> Sequence[Any]:
    """The elements of a list; nothing for what is none."""
    return value if isinstance(value, list) else ()


def mapping(value: object) -> Mapping[str, Any]:
    """A mapping, empty where there is none."""
    return value if isinstance(value, Mapping) else {}


def text(value: object) -> str:
    """A text, empty where there is none."""
    return value if isinstance(value, str) else ""
