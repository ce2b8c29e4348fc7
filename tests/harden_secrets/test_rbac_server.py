"""The evaluator gives the answers that a real API server gives in its own SubjectAccessReview."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cluster.api import Api, until
from cluster.server import Server

from harden_secrets.cluster.port import AccessQuestion, ObjectName
from harden_secrets.rbac.aggregation import contributors
from harden_secrets.rbac.authority import GROUP, Authority
from harden_secrets.rbac.estate import Estate
from harden_secrets.rbac.goals import READING
from harden_secrets.rbac.rules import rules_of
from harden_secrets.rbac.search import find_readers
from harden_secrets.rbac.subjects import Subject
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


def ungathered(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The objects as they were before the server's controller filled the roles that gather others' rules."""
    return [{**one, "rules": []} if one.get("aggregationRule") else one for one in objects]


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


def reading(api: Api, subject: Subject, secret: ObjectName) -> set[str]:
    """By which verbs the server lets someone read a Secret."""
    who = subject.identity
    questions = {
        verb: AccessQuestion(who.user, tuple(who.groups), verb, "", "secrets", secret.namespace, secret.name)
        for verb in READING
    }
    return {verb for verb, question in questions.items() if review(api, question)}


def found_reading(objects: list[dict[str, Any]], secret: ObjectName, rights: Rights) -> dict[Subject, set[str]]:
    """By which verbs the search lets everybody read it: in the own entry, or in that of a group that one is in."""
    found: dict[Subject, set[str]] = {
        reader.subject: {way.verb for way in reader.ways if way.how == "read"}
        for reader in find_readers(Estate(objects), secret).readers
    }
    return {
        subject: found.get(subject, set()).union(
            *(found.get(Subject("Group", group), set()) for group in subject.identity.groups)
        )
        for subject in rights.everybody()
    }


@pytest.mark.parametrize("seed", range(2))
def test_the_evaluator_and_the_api_server_agree(api_server: Server, seed: int) -> None:
    """Over roles, bindings and questions by chance: the same answer to each, and enough of both answers."""
    api = api_server.admin
    namespaces = sorted(api.new_namespace("rights") for _ in range(2))
    prefix = namespaces[0]
    rights = Rights(seed, namespaces, prefix)
    api.apply(*rights.objects)
    settle(api, namespaces[0], prefix)
    objects = listed(api)
    questions = [rights.question() for _ in range(QUESTIONS)]
    with ThreadPoolExecutor(8) as pool:  # most of the time goes into waiting for the answers
        answers = list(pool.map(lambda question: review(api, question), questions))
    for authority in (Authority(objects), Authority(ungathered(objects))):
        assert [one for one, answer in zip(questions, answers, strict=True) if authority.allowed(one) != answer] == []
    secret = ObjectName("v1", "Secret", namespaces[0], "key")
    assert {one: reading(api, one, secret) for one in rights.everybody()} == found_reading(objects, secret, rights)
    assert QUESTIONS // 10 < sum(answers) < QUESTIONS * 9 // 10
