"""Who asks: the subjects of bindings, and whom the API server takes them for.

The names of groups are those that Kubernetes gives everyone who logs in
(https://kubernetes.io/docs/reference/access-authn-authz/authentication/).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harden_secrets.rbac.rules import text

ACCOUNT_PREFIX = "system:serviceaccount:"
ACCOUNTS = "system:serviceaccounts"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
ANONYMOUS = "system:anonymous"
MASTERS = "system:masters"  # the API server asks no authoriser about its members
NODES = "system:nodes"
NODE_PREFIX = "system:node:"


@dataclass(frozen=True, slots=True)
class Identity:
    """A user with its groups, as after logging in."""

    user: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """A User, Group or ServiceAccount; only the last has a ``namespace``."""

    kind: str
    name: str
    namespace: str = ""

    @classmethod
    def account(cls, namespace: str, name: str) -> "Subject":
        """A ServiceAccount."""
        return cls("ServiceAccount", name, namespace)

    def __str__(self) -> str:
        return f"{self.kind.lower()} " + (f"{self.namespace}/" if self.namespace else "") + self.name

    @property
    def user(self) -> str:
        """The user name; empty for a group."""
        if self.kind == "ServiceAccount":
            return f"{ACCOUNT_PREFIX}{self.namespace}:{self.name}"
        return self.name if self.kind == "User" else ""

    @property
    def is_everyone(self) -> bool:
        """Whether it is a group that nobody was put into."""
        everyone = (AUTHENTICATED, UNAUTHENTICATED, ACCOUNTS)
        return self.kind == "Group" and (self.name in everyone or self.name.startswith(f"{ACCOUNTS}:"))

    @property
    def identity(self) -> Identity:
        """Whom the API server sees. What groups a user was put into by its certificate or login, no object says."""
        if self.kind == "ServiceAccount":
            groups = {ACCOUNTS, f"{ACCOUNTS}:{self.namespace}", AUTHENTICATED}
            return Identity(self.user, frozenset(groups))
        if self.kind == "Group":
            return Identity(self.user, frozenset({self.name, *_wider(self.name)}))
        if self.name == ANONYMOUS:
            return Identity(self.user, frozenset({UNAUTHENTICATED}))
        node = {NODES} if self.name.startswith(NODE_PREFIX) else set()
        return Identity(self.user, frozenset({AUTHENTICATED, *node}))


def _wider(group: str) -> tuple[str, ...]:
    """The groups that every member of a group is in."""
    if group == UNAUTHENTICATED:
        return ()
    return (AUTHENTICATED, ACCOUNTS) if group.startswith(f"{ACCOUNTS}:") else (AUTHENTICATED,)


def subject_of(entry: Mapping[str, Any], binding_namespace: str) -> Subject | None:
    """The subject that an entry of ``subjects`` names; None for what applies to nobody.

    A ServiceAccount without a namespace is one of the RoleBinding's. A User with the user name of a ServiceAccount is
    that ServiceAccount.
    """
    kind, name = text(entry.get("kind")), text(entry.get("name"))
    if not name:
        return None
    if kind == "ServiceAccount":
        namespace = text(entry.get("namespace")) or binding_namespace
        return Subject.account(namespace, name) if namespace else None
    if kind == "User" and name.startswith(ACCOUNT_PREFIX):
        namespace, _, account = name.removeprefix(ACCOUNT_PREFIX).partition(":")
        if namespace and account and ":" not in account:
            return Subject.account(namespace, account)
    return Subject(kind, name) if kind in ("User", "Group") else None
