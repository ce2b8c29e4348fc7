"""Roles and bindings of a cluster, and what they let through: the answer that the API server's RBAC authoriser gives.

Order does not matter: there are no rules that forbid (kubernetes: pkg/registry/rbac/validation/rule.go).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harden_secrets.cluster.port import AccessQuestion, Manifest
from harden_secrets.rbac.aggregation import contributors
from harden_secrets.rbac.rules import Access, Rule, items, mapping, rules_of, text
from harden_secrets.rbac.subjects import MASTERS, Identity, Subject, subject_of

GROUP = "rbac.authorization.k8s.io"
DEFAULTS = ("kubernetes.io/bootstrapping", "rbac-defaults")  # the label of what the API server itself makes


@dataclass(frozen=True, slots=True, order=True)
class RoleName:
    """A Role in its namespace, or with an empty ``namespace`` a ClusterRole."""

    namespace: str
    name: str

    @property
    def resource(self) -> str:
        """``roles`` or ``clusterroles``."""
        return "roles" if self.namespace else "clusterroles"

    def __str__(self) -> str:
        return f"role {self.namespace}/{self.name}" if self.namespace else f"clusterrole {self.name}"


@dataclass(frozen=True, slots=True)
class GatheredRule:
    """A rule of a role, and the ClusterRole that it was gathered from, empty if it is the role's own."""

    rule: Rule
    source: str = ""


@dataclass(frozen=True, slots=True)
class Binding:
    """Gives the rights of a role to subjects, in one namespace or, with an empty ``namespace``, everywhere.

    ``default`` tells that Kubernetes brings it along.
    """

    namespace: str
    name: str
    role: RoleName
    subjects: tuple[Subject, ...]
    default: bool = False

    @property
    def resource(self) -> str:
        """``rolebindings`` or ``clusterrolebindings``."""
        return "rolebindings" if self.namespace else "clusterrolebindings"

    def applies_to(self, identity: Identity) -> bool:
        """Whether it gives that user anything."""
        return any(names(subject, identity) for subject in self.subjects)

    def __str__(self) -> str:
        return f"rolebinding {self.namespace}/{self.name}" if self.namespace else f"clusterrolebinding {self.name}"


@dataclass(frozen=True, slots=True)
class Permission:
    """Why a request passes: the binding, and the rule of its role."""

    binding: Binding
    source: str = ""

    def chain(self) -> tuple[str, ...]:
        """The binding, its role, and the role that the rule was gathered from."""
        steps = (str(self.binding), str(self.binding.role))
        return (*steps, f"clusterrole {self.source}") if self.source else steps


def names(subject: Subject, identity: Identity) -> bool:
    """Whether a subject of a binding is that user or one of its groups."""
    return subject.name in identity.groups if subject.kind == "Group" else subject.user == identity.user


class Authority:
    """Answers like the API server. Made from Roles, ClusterRoles, RoleBindings and ClusterRoleBindings."""

    def __init__(self, objects: Iterable[Manifest]) -> None:
        found = [one for one in objects if text(one.get("apiVersion")).partition("/")[0] == GROUP]
        self.roles = _roles(found)
        self.bindings = sorted(_bindings(found), key=lambda one: (one.namespace, one.name))
        self._bound: dict[str, list[Binding]] = defaultdict(list)
        for one in self.bindings:
            self._bound[one.namespace].append(one)
        self._granting: dict[object, list[tuple[Binding, Sequence[GatheredRule]]]] = {}
        self._covering: dict[object, dict[RoleName, Sequence[GatheredRule]]] = {}

    def subjects(self) -> list[Subject]:
        """Everybody whom a binding names; sorted."""
        return sorted({subject for binding in self.bindings for subject in binding.subjects})

    def allowed(self, question: AccessQuestion) -> bool:
        """What a SubjectAccessReview says, of the authorisers RBAC and the rule about ``system:masters``."""
        if MASTERS in question.groups:
            return True
        access = Access(
            question.verb, question.group, question.resource, question.namespace, question.name, question.subresource
        )
        identity = Identity(question.user, frozenset(question.groups))
        return any(one.binding.applies_to(identity) for one in self.granting(access))

    def granting(self, access: Access) -> Iterator[Permission]:
        """Every binding that lets a request through for its subjects, cluster-wide ones first."""
        key = (access.action, access.namespace)
        if key not in self._granting:
            self._granting[key] = list(self._grants(access))
        for binding, rules in self._granting[key]:
            for one in rules:
                if one.rule.covers_name(access):
                    yield Permission(binding, one.source)
                    break

    def covering(self, access: Access) -> Iterator[RoleName]:
        """Every role with a rule that lets a request through where the role is bound."""
        for role, rules in self._acting(access).items():
            if any(one.rule.covers_name(access) for one in rules):
                yield role

    def _grants(self, access: Access) -> Iterator[tuple[Binding, Sequence[GatheredRule]]]:
        acting = self._acting(access)
        for scope in dict.fromkeys(("", access.namespace)):
            for binding in self._bound.get(scope, ()):
                if binding.role in acting:
                    yield binding, acting[binding.role]

    def _acting(self, access: Access) -> Mapping[RoleName, Sequence[GatheredRule]]:
        """The roles with rules for such a request on some object, and those rules."""
        if access.action not in self._covering:
            found = {
                role: [one for one in rules if one.rule.covers_action(access)] for role, rules in self.roles.items()
            }
            self._covering[access.action] = {role: rules for role, rules in found.items() if rules}
        return self._covering[access.action]


def _roles(objects: Iterable[Manifest]) -> dict[RoleName, tuple[GatheredRule, ...]]:
    """What each role allows: what stands in it, and what the controller will have put there in a moment."""
    found = {_role_name(one): one for one in objects if one.get("kind") in ("Role", "ClusterRole")}
    gathering = contributors({key.name: one for key, one in found.items() if not key.namespace})
    own = {key: rules_of(one) for key, one in found.items()}
    out: dict[RoleName, tuple[GatheredRule, ...]] = {}
    for key, rules in sorted(own.items()):
        others = gathering.get(key.name, ()) if not key.namespace else ()
        gathered = {rule: other for other in reversed(others) for rule in own[RoleName("", other)]}
        mine = [GatheredRule(rule) for rule in rules if rule not in gathered]
        out[key] = (*mine, *(GatheredRule(rule, source) for rule, source in gathered.items()))
    return out


def _role_name(role: Mapping[str, Any]) -> RoleName:
    metadata = mapping(role.get("metadata"))
    namespace = namespace_of(metadata) if role.get("kind") == "Role" else ""
    return RoleName(namespace, text(metadata.get("name")))


def _bindings(objects: Iterable[Manifest]) -> Iterator[Binding]:
    for one in objects:
        if one.get("kind") not in ("RoleBinding", "ClusterRoleBinding"):
            continue
        metadata, reference = mapping(one.get("metadata")), mapping(one.get("roleRef"))
        namespace = namespace_of(metadata) if one["kind"] == "RoleBinding" else ""
        role = _referenced(reference, namespace)
        if role is None:
            continue
        entries = (subject_of(mapping(entry), namespace) for entry in items(one.get("subjects")))
        yield Binding(
            namespace=namespace,
            name=text(metadata.get("name")),
            role=role,
            subjects=tuple(subject for subject in entries if subject is not None),
            default=mapping(metadata.get("labels")).get(DEFAULTS[0]) == DEFAULTS[1],
        )


def _referenced(reference: Mapping[str, Any], namespace: str) -> RoleName | None:
    """The role of a ``roleRef``; None for what the API server would not follow."""
    name = text(reference.get("name"))
    if reference.get("kind") == "ClusterRole":
        return RoleName("", name)
    return RoleName(namespace, name) if reference.get("kind") == "Role" and namespace else None


def namespace_of(metadata: Mapping[str, Any]) -> str:
    """Where a namespaced object is; a manifest that does not say goes to ``default``."""
    return text(metadata.get("namespace")) or "default"
