"""The search for everybody who can read an object: from the object backwards, until nothing new is found.

First those who are let through to it; then those who can act as one of them, give themselves a role that leads there,
or add to one that they have; and so on. What was found in fewer steps comes first: no evidence runs in a circle.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from harden_secrets.cluster.port import ObjectName
from harden_secrets.rbac.authority import Permission, RoleName
from harden_secrets.rbac.estate import Estate
from harden_secrets.rbac.goals import (
    RESOURCES,
    Goal,
    Onward,
    becoming,
    binding,
    by_pods,
    escalating,
    reading,
    webhooks,
)
from harden_secrets.rbac.readers import Reader, Readers, Way
from harden_secrets.rbac.rules import Access
from harden_secrets.rbac.subjects import MASTERS, NODE_PREFIX, Identity, Subject

DETOURS = 2  # goals with the same needs that are kept: the second is for those whom the first leads over


def find_readers(estate: Estate, target: ObjectName) -> Readers:
    """Everybody who can read a ConfigMap or Secret, whether it is there yet or not."""
    return _Search(estate, target).run()


class _Search:
    def __init__(self, estate: Estate, target: ObjectName) -> None:
        self.estate = estate
        self.target = target
        self.authority = estate.authority
        subjects = sorted({*self.authority.subjects(), *estate.accounts})
        self.actors = [(subject, subject.identity) for subject in subjects]
        self.found: dict[Subject, dict[object, Way]] = {}
        self.reached: set[Subject] = set()
        self.roles: set[tuple[str, RoleName]] = set()
        self.places: set[str] = set()
        self.pursued: dict[object, list[frozenset[Subject]]] = {}

    def run(self) -> Readers:
        waiting = self._new([*reading(self.target), *by_pods(self.target, self.estate), *webhooks()])
        onward = list(self._beyond_rbac())
        while waiting:
            for goal in waiting:
                onward += self._pursue(goal)
            more = chain(onward, self._by_roles(waiting), self._by_escalation(waiting))
            waiting, onward = self._new(list(more)), []
        ranked = ((subject, sorted(ways.values(), key=lambda way: way.rank)) for subject, ways in self.found.items())
        return Readers(self.target, tuple(Reader(subject, tuple(ways)) for subject, ways in sorted(ranked)))

    def _new(self, goals: Iterable[Goal]) -> list[Goal]:
        """Those that are not pursued already, and lead over nobody whom the earlier ones of the same needs avoid."""
        out = []
        for goal in goals:
            earlier = self.pursued.setdefault((goal.needs, goal.holding), [])
            if len(earlier) < DETOURS and not any(past <= goal.past for past in earlier):
                earlier.append(goal.past)
                out.append(goal)
        return out

    def _beyond_rbac(self) -> Iterator[Goal]:
        """Those who need no rule: members of ``system:masters``, and kubelets by the node authoriser."""
        resource = RESOURCES[self.target.kind]
        masters = Way("superuser", "*", resource, (f"group {MASTERS}",), standard=True)
        yield from self._reach(Subject("Group", MASTERS), masters, masters, frozenset())
        for pod in self.estate.pods_that_see(self.target):
            if pod.node:
                way = Way("node", "get", resource, ("node authoriser", str(pod)), standard=True)
                yield from self._reach(Subject("User", NODE_PREFIX + pod.node), (way.how,), way, frozenset())

    def _pursue(self, goal: Goal) -> Iterator[Goal]:
        """Note who can do what a goal needs, and give the goals of acting as one of them."""
        for subject, identity in self.actors:
            if subject in goal.past or (goal.holding and not goal.holding.applies_to(identity)):
                continue
            for evidence in self._evidence(goal, subject, identity):
                own = dict.fromkeys(step for permission in evidence for step in permission.chain())
                first, default = goal.needs[0], all(one.binding.default for one in evidence)
                way = Way(goal.how, first.verb, first.target, (*own, *goal.leads), default)
                listed = (goal.how, first.verb, first.target, tuple(own))
                bindings = [one.binding for one in evidence] + ([goal.holding] if goal.holding else [])
                mine = any(subject in one.subjects for one in bindings)
                yield from self._reach(subject, listed if mine else None, way, goal.past)

    def _evidence(self, goal: Goal, subject: Subject, identity: Identity) -> list[tuple[Permission, ...]]:
        """Why someone may do what a goal needs: for one need every reason, for several one each."""
        reasons = []
        for need in goal.needs:
            found = list(self.authority.permissions(identity, need))
            own = [one for one in found if subject in one.binding.subjects]
            if not found:
                return []
            reasons.append(own or found[:1])
        if len(reasons) == 1 and goal.holding is None:
            return [(one,) for one in reasons[0]]
        return [tuple(options[0] for options in reasons)]

    def _reach(self, subject: Subject, listed: object, way: Way, past: frozenset[Subject]) -> Iterator[Goal]:
        """Someone can read. Without ``listed`` only by a group, which has an entry of its own."""
        if listed is not None:
            self.found.setdefault(subject, {}).setdefault(listed, way)
        if subject not in self.reached:
            self.reached.add(subject)
            yield from becoming(subject, Onward((f"as {subject}", *way.through), past | {subject}), self.estate)

    def _by_roles(self, goals: Iterable[Goal]) -> Iterator[Goal]:
        """Binding a role that lets through what a goal needs."""
        for goal in goals:
            if goal.holding is None:
                place = _place(goal.needs)
                for role in self.authority.roles:
                    for scope in sorted({place, ""}):
                        yield from self._by_role(role, scope, goal)

    def _by_role(self, role: RoleName, scope: str, goal: Goal) -> Iterator[Goal]:
        if (scope, role) in self.roles or (role.namespace and role.namespace != scope):
            return
        if all(self.authority.covering(role, need) for need in goal.needs):
            self.roles.add((scope, role))
            yield from binding(role, scope, Onward(goal.leads, goal.past), self.authority.bindings)

    def _by_escalation(self, goals: Iterable[Goal]) -> Iterator[Goal]:
        """Adding what a goal needs to a role that is bound where the goal is."""
        for goal in goals:
            place = _place(goal.needs)
            for scope in sorted({place, ""} - self.places):
                self.places.add(scope)
                for held in self.authority.bindings:
                    if held.namespace == scope:
                        yield from escalating(held, Onward(goal.leads, goal.past))


def _place(needs: tuple[Access, ...]) -> str:
    return needs[0].namespace
