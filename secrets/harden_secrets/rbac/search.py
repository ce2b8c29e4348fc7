"""The search for everybody who can read an object: from the object backwards, until nothing new is found.

First those who are let through to it; then those who can act as one of them, give themselves a role that leads there,
or add to one that they have; and so on. What was found in fewer steps comes first: no evidence runs in a circle.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
        subjects = {*self.authority.subjects(), *estate.accounts}
        self.identities = {subject: subject.identity for subject in subjects}
        self.members = _members(self.identities)
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
        granted = [list(self.authority.granting(need)) for need in goal.needs]
        if not all(granted):
            return
        for subject in self._holders(granted[0]):
            if subject in goal.past or (goal.holding and not goal.holding.applies_to(self.identities[subject])):
                continue
            for evidence in self._evidence(granted, subject, alone=goal.holding is None):
                own = dict.fromkeys(step for permission in evidence for step in permission.chain())
                first, default = goal.needs[0], all(one.binding.default for one in evidence)
                way = Way(goal.how, first.verb, first.target, (*own, *goal.leads), default)
                listed = (goal.how, first.verb, first.target, tuple(own))
                bindings = [one.binding for one in evidence] + ([goal.holding] if goal.holding else [])
                mine = any(subject in one.subjects for one in bindings)
                yield from self._reach(subject, listed if mine else None, way, goal.past)

    def _holders(self, granted: Iterable[Permission]) -> list[Subject]:
        """Who has one of some permissions, by a group too."""
        named = {subject for permission in granted for subject in permission.binding.subjects}
        groups = (self.members.get(subject.name, ()) for subject in named if subject.kind == "Group")
        return sorted(named.union(*groups))

    def _evidence(
        self, granted: Sequence[Sequence[Permission]], subject: Subject, *, alone: bool
    ) -> list[tuple[Permission, ...]]:
        """Why someone may do what a goal needs: for one need every reason, for several one each."""
        reasons = []
        for permissions in granted:
            own = [one for one in permissions if subject in one.binding.subjects]
            if not own:
                identity = self.identities[subject]
                own = [one for one in permissions if one.binding.applies_to(identity)][:1]
            if not own:
                return []
            reasons.append(own)
        if len(reasons) == 1 and alone:
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
        """Binding a role that lets through what a goal needs, in the goal's namespace or everywhere."""
        for goal in goals:
            if goal.holding is None:
                for role in self._leading(goal):
                    for scope in sorted({goal.needs[0].namespace, ""}):
                        if (scope, role) not in self.roles and role.namespace in ("", scope):
                            self.roles.add((scope, role))
                            yield from binding(role, scope, Onward(goal.leads, goal.past), self.authority.bindings)

    def _leading(self, goal: Goal) -> list[RoleName]:
        """The roles that let through all that a goal needs."""
        first, *others = (set(self.authority.covering(need)) for need in goal.needs)
        return sorted(first.intersection(*others))

    def _by_escalation(self, goals: Iterable[Goal]) -> Iterator[Goal]:
        """Adding what a goal needs to a role that is bound where the goal is."""
        for goal in goals:
            place = goal.needs[0].namespace
            for scope in sorted({place, ""} - self.places):
                self.places.add(scope)
                for held in self.authority.bindings:
                    if held.namespace == scope:
                        yield from escalating(held, Onward(goal.leads, goal.past))


def _members(identities: Mapping[Subject, Identity]) -> dict[str, list[Subject]]:
    """Who is in which group, as far as names tell."""
    members: dict[str, list[Subject]] = defaultdict(list)
    for subject, identity in identities.items():
        for group in identity.groups:
            members[group].append(subject)
    return members
