"""Roles, bindings and questions by chance, of every shape that the API server takes."""

import random
from typing import Any

from harden_secrets.cluster.port import AccessQuestion
from harden_secrets.rbac.subjects import Subject

Object = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"
VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "impersonate", "bind", "*"]
GROUPS = ["", "apps", "batch", GROUP, "*", "made.up"]
RESOURCES = [
    "configmaps", "secrets", "pods", "pods/exec", "deployments", "serviceaccounts", "serviceaccounts/token", "users",
    "groups", "roles", "*", "*/exec", "*/*", "pods/*", "*/token", "deployments/scale", "exec",
]  # fmt: skip
NAMES = ["key", "other", "key.1", "*", "alice"]
LABELS = [{"part": "one"}, {"part": "two"}, {"part": "one", "team": "red"}, {"team": "blue"}]
SELECTORS: list[Object] = [
    {"matchLabels": {"part": "one"}},
    {"matchLabels": {"team": "red", "part": "one"}},
    {"matchExpressions": [{"key": "part", "operator": "In", "values": ["two", "three"]}]},
    {
        "matchExpressions": [
            {"key": "team", "operator": "NotIn", "values": ["red"]},
            {"key": "part", "operator": "Exists"},
        ]
    },
    {"matchExpressions": [{"key": "part", "operator": "DoesNotExist"}, {"key": "team", "operator": "Exists"}]},
]


class Rights:
    """``objects`` are to be given to a server in which ``namespaces`` are there; names begin with ``prefix``."""

    def __init__(self, seed: int, namespaces: list[str], prefix: str) -> None:
        self.random = random.Random(seed)
        self.namespaces = namespaces
        self.prefix = prefix
        self.users = [f"{prefix}-{name}" for name in ("alice", "bob", "carol")]
        self.groups = [f"{prefix}-{name}" for name in ("developers", "operators")]
        self.accounts = ["app", "ci", "default"]
        self.objects = [*self._cluster_roles(), *self._roles(), *self._bindings()]

    def everybody(self) -> list[Subject]:
        """Whom bindings may name."""
        users = [Subject("User", name) for name in self.users]
        groups = [Subject("Group", name) for name in self.groups]
        accounts = [Subject.account(namespace, name) for namespace in self.namespaces for name in self.accounts]
        return [*users, *groups, *accounts]

    def question(self) -> AccessQuestion:
        """Who may do what: half of the time something that stands in a rule."""
        user, groups = self._asker()
        rule = self.random.choice(self._rules()) if self.random.random() < 0.6 else self._rule()
        resource, _, subresource = self.random.choice(rule["resources"]).partition("/")
        names = rule.get("resourceNames") or [""]
        return AccessQuestion(
            user=user,
            groups=groups,
            verb=self.random.choice(rule["verbs"]),
            group=self.random.choice(rule["apiGroups"]),
            resource=resource,
            namespace=self.random.choice([*self.namespaces, *self.namespaces, ""]),
            name=self.random.choice(names) if self.random.random() < 0.7 else self.random.choice(["", *NAMES]),
            subresource=subresource,
        )

    def _some(self, words: list[str], most: int = 2) -> list[str]:
        return self.random.sample(words, self.random.randint(1, most))

    def _rule(self) -> Object:
        rule = {"verbs": self._some(VERBS, 3), "apiGroups": self._some(GROUPS), "resources": self._some(RESOURCES, 3)}
        return rule if self.random.random() < 0.6 else {**rule, "resourceNames": self._some(NAMES)}

    def _rules(self) -> list[Object]:
        return [rule for one in self.objects for rule in one.get("rules") or [] if rule.get("resources")]

    def _cluster_roles(self) -> list[Object]:
        out = []
        for number in range(10):
            labels = {f"{self.prefix}.test/{key}": value for key, value in self.random.choice([{}, *LABELS]).items()}
            rules: list[Object] = [self._rule() for _ in range(self.random.randint(0, 3))]
            rules.append({"verbs": ["get"], "nonResourceURLs": ["/metrics"]})
            out.append(self._object("ClusterRole", f"c{number}", labels=labels, rules=rules))
        for number in range(4):  # some of which gather each other
            chosen = self.random.sample(SELECTORS, 2)
            labels = {f"{self.prefix}.test/{key}": value for key, value in self.random.choice([{}, *LABELS]).items()}
            gathering = {"clusterRoleSelectors": [self._own(selector) for selector in chosen]}
            out.append(self._object("ClusterRole", f"a{number}", labels=labels, aggregationRule=gathering))
        return out

    def _own(self, selector: Object) -> Object:
        """The selector with keys of this prefix, so that it takes no roles of other tests."""
        exact = {f"{self.prefix}.test/{key}": value for key, value in selector.get("matchLabels", {}).items()}
        others = [{**one, "key": f"{self.prefix}.test/{one['key']}"} for one in selector.get("matchExpressions", [])]
        return {"matchLabels": exact, "matchExpressions": others}

    def _roles(self) -> list[Object]:
        return [
            self._object(
                "Role", f"r{number}", namespace, rules=[self._rule() for _ in range(self.random.randint(0, 3))]
            )
            for namespace in self.namespaces
            for number in range(4)
        ]

    def _bindings(self) -> list[Object]:
        out = []
        for number in range(9):
            kind, name = self.random.choice([("ClusterRole", "c"), ("ClusterRole", "a")])
            out.append(self._object("ClusterRoleBinding", f"b{number}", **self._binding(kind, name)))
        for namespace in self.namespaces:
            for number in range(8):
                kind, name = self.random.choice([("ClusterRole", "c"), ("ClusterRole", "a"), ("Role", "r")])
                out.append(self._object("RoleBinding", f"b{number}", namespace, **self._binding(kind, name)))
        return out

    def _binding(self, kind: str, name: str) -> Object:
        number = self.random.randrange({"c": 12, "a": 4, "r": 5}[name])  # a few are of roles that are not there
        reference = {"apiGroup": GROUP, "kind": kind, "name": f"{self.prefix}-{name}{number}"}
        return {"roleRef": reference, "subjects": [self._subject() for _ in range(self.random.randint(1, 2))]}

    def _subject(self) -> Object:
        namespace = self.random.choice(self.namespaces)
        account = self.random.choice(self.accounts)
        return self.random.choice(
            [
                {"kind": "User", "apiGroup": GROUP, "name": self.random.choice(self.users)},
                {"kind": "User", "apiGroup": GROUP, "name": f"system:serviceaccount:{namespace}:{account}"},
                {"kind": "Group", "apiGroup": GROUP, "name": self.random.choice(self.groups)},
                {"kind": "Group", "apiGroup": GROUP, "name": f"system:serviceaccounts:{namespace}"},
                {"kind": "ServiceAccount", "name": account, "namespace": namespace},
            ]
        )

    def _asker(self) -> tuple[str, tuple[str, ...]]:
        if self.random.random() < 0.5:
            namespace = self.random.choice(self.namespaces)
            groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
            return f"system:serviceaccount:{namespace}:{self.random.choice(self.accounts)}", groups
        user = self.random.choice([*self.users, ""])
        most = [*self.groups, "system:authenticated"]
        if self.random.random() < 0.02:
            most.append("system:masters")
        return user, tuple(self.random.sample(most, self.random.randint(0 if user else 1, 2)))

    def _object(self, kind: str, name: str, namespace: str = "", labels: Object | None = None, **fields: Any) -> Object:
        metadata: Object = {"name": f"{self.prefix}-{name}", "labels": labels or {}}
        if namespace:
            metadata["namespace"] = namespace
        return {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": metadata, **fields}
