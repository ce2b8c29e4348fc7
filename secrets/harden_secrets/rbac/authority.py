"""Roles and bindings of a cluster, and what they let through: the answer that the API server's RBAC authoriser gives.

Order does not matter: there are no rules that forbid (kubernetes: pkg/registry/rbac/validation/rule.go).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
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
    if subject.kind == "Group":
        return subject.name in identity.groups
    return subject.identity.user == identity.user


class Authority:
    """Answers like the API server. Made from Roles, ClusterRoles, RoleBindings and ClusterRoleBindings."""

    def __init__(self, objects: Iterable[Manifest]) -> None:
        found = [one for one in objects if text(one.get("apiVersion")).partition("/")[0] == GROUP]
        self.roles = _roles(found)
        self.bindings = sorted(_bindings(found), key=lambda one: (one.namespace, one.name))
        self._by_subject: dict[Subject, list[Binding]] = defaultdict(list)
        self._by_identity: dict[Identity, list[Binding]] = {}
        for binding in self.bindings:
            for subject in dict.fromkeys(binding.subjects):
                self._by_subject[subject].append(binding)

    def subjects(self) -> list[Subject]:
        """Everybody whom a binding names; sorted."""
        return sorted(self._by_subject)

    def allowed(self, question: AccessQuestion) -> bool:
        """What a SubjectAccessReview says, of the authorisers RBAC and the rule about ``system:masters``."""
        if MASTERS in question.groups:
            return True
        access = Access(
            question.verb, question.group, question.resource, question.namespace, question.name, question.subresource
        )
        identity = Identity(question.user, frozenset(question.groups))
        return next(self.permissions(identity, access), None) is not None

    def permissions(self, identity: Identity, access: Access) -> Iterator[Permission]:
        """Every binding that lets the request through, cluster-wide ones first."""
        for binding in self._of(identity):
            if binding.namespace and binding.namespace != access.namespace:
                continue
            gathered = self.covering(binding.role, access)
            if gathered is not None:
                yield Permission(binding, gathered.source)

    def covering(self, role: RoleName, access: Access) -> GatheredRule | None:
        """The rule of a role that lets a request through; its own before those that it gathered."""
        return next((one for one in self.roles.get(role, ()) if one.rule.covers(access)), None)

    def _of(self, identity: Identity) -> list[Binding]:
        if identity not in self._by_identity:
            self._by_identity[identity] = self._collect(identity)
        return self._by_identity[identity]

    def _collect(self, identity: Identity) -> list[Binding]:
        known = [subject for subject in _named(identity) if subject in self._by_subject]
        if len(known) == 1:
            return self._by_subject[known[0]]
        together = {(one.namespace, one.name): one for subject in known for one in self._by_subject[subject]}
        return [together[key] for key in sorted(together)]


def _named(identity: Identity) -> Iterator[Subject]:
    user = subject_of({"kind": "User", "name": identity.user}, "")
    if user is not None:
        yield user
    for group in identity.groups:
        yield Subject("Group", group)


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
