"""What somebody must be allowed to do to get at a ConfigMap or Secret, one module for all the ways.

After Kubernetes' own list of rights by which others are gained
(https://kubernetes.io/docs/concepts/security/rbac-good-practices/) and, where it leaves off, the API server's code.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harden_secrets.cluster.port import ObjectName
from harden_secrets.rbac.authority import GROUP, Binding, RoleName
from harden_secrets.rbac.estate import CONTROLLERS, Estate, Pod
from harden_secrets.rbac.rules import Access
from harden_secrets.rbac.subjects import AUTHENTICATED, MASTERS, NODE_PREFIX, NODES, UNAUTHENTICATED, Subject

RESOURCES = {"ConfigMap": "configmaps", "Secret": "secrets"}
READING = ("get", "list", "watch")
CHANGING = ("update", "patch")
CERTIFICATES = "certificates.k8s.io"
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"


@dataclass(frozen=True, slots=True)
class Goal:
    """Requests that, all let through, lead to the object.

    ``how`` is the kind of way. ``leads`` says what comes after one's own rights; ``past`` are the subjects whose
    rights are used there. With ``holding`` it is a way only for those who have that binding.
    """

    how: str
    needs: tuple[Access, ...]
    leads: tuple[str, ...] = ()
    past: frozenset[Subject] = frozenset()
    holding: Binding | None = None


@dataclass(frozen=True, slots=True)
class Onward:
    """How it goes on from somewhere that is reached: in words, and over whom."""

    leads: tuple[str, ...] = ()
    past: frozenset[Subject] = frozenset()

    def goal(self, how: str, *needs: Access, by: Sequence[str] = (), holding: Binding | None = None) -> Goal:
        """A way to get here."""
        return Goal(how, needs, (*by, *self.leads), self.past, holding)


def reading(target: ObjectName) -> Iterator[Goal]:
    """Asking the API server for it. A list or watch of one name passes where its rule names that object."""
    for verb in READING:
        yield Goal("read", (Access(verb, "", RESOURCES[target.kind], target.namespace, target.name),))


def by_pods(target: ObjectName, estate: Estate) -> Iterator[Goal]:
    """Having a pod of the namespace see it, a new one or one that is there."""
    here = Onward()
    yield from making_pods(here, target.namespace, estate)
    for pod in estate.pods:
        if pod.namespace == target.namespace:
            # A container that is added for debugging may take variables from any ConfigMap or Secret.
            for verb in CHANGING:
                access = Access(verb, "", "pods", pod.namespace, pod.name, "ephemeralcontainers")
                yield here.goal("debug", access, by=[str(pod)])
    yield from entering(here, estate.pods_that_see(target))


def becoming(subject: Subject, onward: Onward, estate: Estate) -> Iterator[Goal]:
    """Acting as somebody who can read it."""
    yield from impersonating(subject, onward)
    if subject.kind == "ServiceAccount":
        yield from holding_token(subject, onward, estate)
    if subject.name != MASTERS:  # no signer of Kubernetes' own gives a certificate for that group
        yield from certifying(onward)


def making_pods(onward: Onward, namespace: str, estate: Estate) -> Iterator[Goal]:
    """New pods in a namespace, made directly or by what makes pods, or changed templates."""
    yield onward.goal("pod", Access("create", "", "pods", namespace))
    for controller in sorted(CONTROLLERS.values()):
        yield onward.goal("pod", Access("create", controller.group, controller.resource, namespace))
    for workload in estate.workloads:
        if workload.namespace == namespace:
            for verb in CHANGING:
                access = Access(verb, workload.controller.group, workload.controller.resource, namespace, workload.name)
                yield onward.goal("pod", access, by=[str(workload)])


def entering(onward: Onward, pods: Sequence[Pod]) -> Iterator[Goal]:
    """Getting into pods that run: by a command, a terminal, another image, or the kubelet of their node."""
    for pod in pods:
        for subresource in ("exec", "attach"):
            for verb in ("create", "get"):  # a WebSocket begins with a GET
                access = Access(verb, "", "pods", pod.namespace, pod.name, subresource)
                yield onward.goal("exec", access, by=[str(pod)])
        for verb in CHANGING:
            yield onward.goal("pod", Access(verb, "", "pods", pod.namespace, pod.name), by=[str(pod)])
    for pod in pods:
        if pod.node:
            for verb in ("create", "get"):
                access = Access(verb, "", "nodes", "", pod.node, "proxy")
                yield onward.goal("kubelet", access, by=[f"node {pod.node}", str(pod)])


def impersonating(subject: Subject, onward: Onward) -> Iterator[Goal]:
    """The headers ``Impersonate-User`` and ``Impersonate-Group``; the latter only together with some user."""
    if subject.kind == "ServiceAccount":
        yield onward.goal("impersonate", Access("impersonate", "", "serviceaccounts", subject.namespace, subject.name))
    elif subject.kind == "User":
        user = Access("impersonate", "", "users", name=subject.name)
        nodes = Access("impersonate", "", "groups", name=NODES)
        needs = (user, nodes) if subject.name.startswith(NODE_PREFIX) else (user,)
        yield onward.goal("impersonate", *needs)
    elif subject.name not in (AUTHENTICATED, UNAUTHENTICATED):
        group = Access("impersonate", "", "groups", name=subject.name)
        yield onward.goal("impersonate", group, Access("impersonate", "", "users", any_name=True))


def holding_token(account: Subject, onward: Onward, estate: Estate) -> Iterator[Goal]:
    """A token of a ServiceAccount: asked for, out of a Secret, or where one is mounted."""
    namespace = account.namespace
    yield onward.goal("token", Access("create", "", "serviceaccounts", namespace, account.name, "token"))
    for owner, secret in estate.tokens:
        if owner == account:
            for verb in READING:
                access = Access(verb, "", "secrets", namespace, secret)
                yield onward.goal("token-secret", access, by=[f"secret {namespace}/{secret}"])
    making = Access("create", "", "secrets", namespace)
    for verb in READING:
        yield onward.goal("token-secret", making, Access(verb, "", "secrets", namespace, any_name=True))
    yield from making_pods(onward, namespace, estate)
    pods = estate.pods_of(account)
    for pod in pods:
        for verb in CHANGING:
            access = Access(verb, "", "pods", pod.namespace, pod.name, "ephemeralcontainers")
            yield onward.goal("debug", access, by=[str(pod)])
    yield from entering(onward, pods)


def certifying(onward: Onward) -> Iterator[Goal]:
    """A client certificate for any name: requested, approved, and signed by Kubernetes itself."""
    request = Access("create", CERTIFICATES, "certificatesigningrequests")
    for signer in (CLIENT_SIGNER, "kubernetes.io/*"):
        approve = Access("approve", CERTIFICATES, "signers", name=signer)
        for verb in CHANGING:
            approval = Access(verb, CERTIFICATES, "certificatesigningrequests", "", "", "approval", any_name=True)
            yield onward.goal("certificate", request, approval, approve)


def webhooks() -> Iterator[Goal]:
    """A webhook of one's own is sent the whole object when it is written the next time."""
    for resource in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"):
        yield Goal("webhook", (Access("create", "admissionregistration.k8s.io", resource),))
        for verb in CHANGING:
            yield Goal("webhook", (Access(verb, "admissionregistration.k8s.io", resource, any_name=True),))


def binding(role: RoleName, place: str, onward: Onward, bindings: Sequence[Binding]) -> Iterator[Goal]:
    """Giving oneself a role that leads on, in the namespace ``place`` or, if that is empty, everywhere.

    The verb ``bind`` on the role, and a binding of it that is new or has a subject more
    (kubernetes: pkg/registry/rbac/escalation_check.go).
    """
    may_bind = Access("bind", GROUP, role.resource, place, role.name)
    resource = "rolebindings" if place else "clusterrolebindings"
    by = [f"binds {role}"]
    yield onward.goal("bind", may_bind, Access("create", GROUP, resource, place), by=by)
    for one in bindings:
        if one.namespace == place and one.role == role:
            for verb in CHANGING:
                yield onward.goal("bind", may_bind, Access(verb, GROUP, resource, place, one.name), by=[*by, str(one)])


def escalating(held: Binding, onward: Onward) -> Iterator[Goal]:
    """Adding rules to a role that one has: the verb ``escalate`` on the role, and a change of it."""
    role = held.role
    may_escalate = Access("escalate", GROUP, role.resource, role.namespace, role.name)
    for verb in CHANGING:
        change = Access(verb, GROUP, role.resource, role.namespace, role.name)
        yield onward.goal("escalate", may_escalate, change, by=[f"adds to {role}", f"has it by {held}"], holding=held)
