"""The evaluator gives the answers that a real API server gives in its own SubjectAccessReview."""

from typing import Any

import pytest
from cluster.api import Api, until
from cluster.server import Server

from harden_secrets.cluster.port import AccessQuestion
from harden_secrets.rbac.aggregation import contributors
from harden_secrets.rbac.authority import GROUP, Authority
from harden_secrets.rbac.rules import rules_of
from tests.harden_secrets.made_rights import Rights

KINDS = ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
QUESTIONS = 250


def listed(api: Api) -> list[dict[str, Any]]:
    """Every role and binding that the server has, its own included."""
    version = f"{GROUP}/v1"
    return [{**one, "apiVersion": version, "kind": kind} for kind in KINDS for one in api.list(version, kind)]


def review(api: Api, question: AccessQuestion) -> bool:
    """What the server says."""
    attributes = {
        "verb": question.verb,
        "group": question.group,
        "resource": question.resource,
        "subresource": question.subresource,
        "namespace": question.namespace,
        "name": question.name,
    }
    spec = {"user": question.user, "groups": list(question.groups), "resourceAttributes": attributes}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    answer = api.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
    return bool(answer["status"]["allowed"])


def is_gathered(objects: list[dict[str, Any]]) -> bool:
    """Whether each role that gathers has all the rules it should, as the controller writes them."""
    roles = {one["metadata"]["name"]: one for one in objects if one["kind"] == "ClusterRole"}
    return all(
        set(rules_of(roles[other])) <= set(rules_of(roles[name]))
        for name, others in contributors(roles).items()
        for other in others
    )


def settle(api: Api, namespace: str, prefix: str) -> None:
    """Wait until the server's authoriser knows everything that was written so far."""
    until("the roles that gather have their rules", lambda: is_gathered(listed(api)))
    for kind, where in (("ClusterRole", ""), ("Role", namespace)):
        metadata = {"name": f"{prefix}-last", **({"namespace": where} if where else {})}
        rule = {"verbs": ["get"], "apiGroups": ["last"], "resources": [kind.lower()]}
        role = {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": metadata}
        subject = {"kind": "User", "apiGroup": GROUP, "name": f"{prefix}-last"}
        reference = {"apiGroup": GROUP, "kind": kind, "name": f"{prefix}-last"}
        api.apply({**role, "rules": [rule]})
        api.apply({**role, "kind": f"{kind}Binding", "roleRef": reference, "subjects": [subject]})
        question = AccessQuestion(f"{prefix}-last", (), "get", "last", kind.lower(), where)
        until(f"the last {kind} counts", lambda question=question: review(api, question))


@pytest.mark.parametrize("seed", range(4))
def test_the_evaluator_and_the_api_server_agree(api_server: Server, seed: int) -> None:
    """Over roles, bindings and questions by chance: the same answer to each, and enough of both answers."""
    api = api_server.admin
    namespaces = sorted(api.new_namespace("rights") for _ in range(2))
    prefix = namespaces[0]
    rights = Rights(seed, namespaces, prefix)
    api.apply(*rights.objects)
    settle(api, namespaces[0], prefix)
    authority = Authority(listed(api))
    questions = [rights.question() for _ in range(QUESTIONS)]
    answers = [review(api, question) for question in questions]
    different = [
        (question, answer)
        for question, answer in zip(questions, answers, strict=True)
        if authority.allowed(question) != answer
    ]
    assert different == []
    assert QUESTIONS // 10 < sum(answers) < QUESTIONS * 9 // 10
