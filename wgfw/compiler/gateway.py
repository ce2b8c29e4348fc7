"""The whole rule set of a gateway.

`mangle` decides and marks, `filter` refuses politely what bears no mark of ours, `security`, where nobody has
rules, drops what somebody's ACCEPT in `filter` let pass, and takes the mark off again. The mark exists between
these hooks only, after the routing decision, so nobody's routing or NAT by mark sees it.
"""

from collections.abc import Iterable

from wgfw.addresses import Prefix
from wgfw.compiler import names
from wgfw.compiler.chains import NOTHING, ClientChains
from wgfw.compiler.sets import AddressSets, Match, Target, destination, source
from wgfw.compiler.tree import Tree
from wgfw.policy.model import Client, Policy
from wgfw.ruleset import Chain, FamilyRules, Hook, Rule, RuleSet

TREE_DEPTH = 6
REFUSAL = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}
# destination-unreachable, time-exceeded, parameter-problem; packet-too-big is a type of its own in ICMPv6
ICMP_ERRORS = {4: ("3", "11", "12"), 6: ("1", "2", "3", "4")}


def compile_policy(policy: Policy) -> RuleSet:
    """Rules for both families that do what the policy says (docs/reference/semantics.md)."""
    return RuleSet(*(_Family(policy, family).rules() for family in (4, 6)))


def leaf_matches(policy: Policy, family: int) -> dict[str, Match]:
    """Not a rule set but its index: see :mod:`wgfw.compiler.counters`."""
    raise NotImplementedError


class _Family:
    def __init__(self, policy: Policy, family: int) -> None:
        self.policy = policy
        self.family = family
        self.sets = AddressSets(family)
        self.clients = ClientChains(policy, family, self.sets)
        self.mask = f"{policy.mark:#x}"
        self.is_allowed: Match = ("-m", "mark", "--mark", f"{self.clients.allowed:#x}/{self.mask}")
        self.is_undecided: Match = ("-m", "mark", "--mark", f"0x0/{self.mask}")

    def rules(self) -> FamilyRules:
        mangle = [*self._from_chains(), *self._into_chains(), *self._marks()]
        chains = [
            Chain("mangle", names.FORWARD, tuple([*self._jumps("-i", "FROM"), *self._jumps("-o", "INTO")])),
            Chain("mangle", names.INPUT, tuple(self._jumps("-i", "FROM"))),
            *self.clients.chains,
            *self.sets.chains,
            *mangle,
            *self._filter(),
            *self._security(),
        ]
        hooks = [
            Hook(table, builtin, Rule((), ("-j", f"{names.CHAIN_PREFIX}{builtin}")))
            for table in ("mangle", "filter", "security")
            for builtin in ("INPUT", "FORWARD")
        ]
        return FamilyRules(self.family, tuple(chains), tuple(hooks))

    def _jumps(self, direction: str, kind: str) -> list[Rule]:
        return [Rule((direction, name), ("-j", names.derived(kind, name))) for name in self.policy.interfaces]

    def _gotos(self, direction: str, chain: str) -> list[Rule]:
        return [Rule((direction, name), ("-g", chain)) for name in self.policy.interfaces]

    # --- mangle: decide

    def _from_chains(self) -> Iterable[Chain]:
        for interface in self.policy.interfaces:
            tree = Tree("mangle", self.family, ("from", interface), source, TREE_DEPTH)
            root = tree.build(self._owned(interface, self.clients.sender), None)
            yield Chain("mangle", names.derived("FROM", interface), tuple(self._stateful(root)))
            yield from tree.chains

    def _into_chains(self) -> Iterable[Chain]:
        undecided = names.INTO
        for interface in self.policy.interfaces:
            tree = Tree("mangle", self.family, ("into", interface), destination, TREE_DEPTH)
            root = tree.build(self._owned(interface, self.clients.receiver), None)
            decide = names.derived("INTC", interface)
            from_clients = [Rule(("-i", name), ("-g", decide)) for name in self.policy.interfaces]
            yield Chain("mangle", names.derived("INTO", interface), (*from_clients, *self._stateful(root)))
            yield Chain("mangle", decide, (Rule(self.is_undecided, ("-g", root)),))
            yield from tree.chains
        del undecided

    def _owned(self, interface: str, target: "object") -> list[tuple[Prefix, Target]]:
        """Every prefix with where its packets go; what another interface owns inside one of ours is carved out."""
        out: list[tuple[Prefix, Target]] = []
        for client in self.policy.clients:
            goes = target(client) if client.interface == interface else NOTHING  # type: ignore[operator]
            out.extend((p, goes) for p in client.prefixes if p.family == self.family)
        return out

    def _stateful(self, root: str) -> list[Rule]:
        """A new connection at once, the rest by its state; whatever marks others have set count for nothing."""
        errors = ("-p", "icmp", "-m", "icmp", "--icmp-type") if self.family == 4 else (
            "-p", "ipv6-icmp", "-m", "icmp6", "--icmpv6-type")  # fmt: skip
        related = ("-m", "conntrack", "--ctstate", "RELATED")
        return [
            Rule((), ("-j", "MARK", "--set-xmark", f"0x0/{self.mask}")),
            Rule(("-m", "conntrack", "--ctstate", "NEW"), ("-g", root)),
            Rule(("-m", "conntrack", "--ctstate", "ESTABLISHED", "--ctdir", "REPLY"), ("-g", names.ALLOWED)),
            Rule(("-m", "conntrack", "--ctstate", "INVALID"), ("-j", "RETURN")),
            *(Rule((*errors, kind, *related), ("-g", names.ALLOWED)) for kind in ICMP_ERRORS[self.family]),
            Rule((), ("-g", root)),
        ]

    def _marks(self) -> Iterable[Chain]:
        own = ("-m", "addrtype", "--dst-type", "LOCAL")
        yield Chain("mangle", names.ALLOWED, (self._set_mark(self.clients.allowed),))
        yield Chain("mangle", names.DENIED, (self._set_mark(self.clients.denied),))
        for name, target in ((names.INTERNET_ALLOWED, names.ALLOWED), (names.INTERNET_DENIED, names.DENIED)):
            yield Chain("mangle", name, (Rule(own, ("-j", "RETURN")), Rule((), ("-g", target))))

    def _set_mark(self, bits: int) -> Rule:
        return Rule((), ("-j", "MARK", "--set-xmark", f"{bits:#x}/{self.mask}"))

    # --- filter: refuse

    def _filter(self) -> Iterable[Chain]:
        verdict = ("-j", "ACCEPT" if self.policy.on_allow == "accept" else "RETURN")
        counted: list[Rule] = []
        trees: list[Chain] = []
        for interface in self.policy.interfaces:
            tree = Tree("filter", self.family, ("denied", interface), source, TREE_DEPTH)
            mine: list[tuple[Prefix, Target]] = self._owned(interface, lambda client: ("-g", names.REFUSE))
            entries = [(p, ("-j", "DROP") if goes == NOTHING else goes) for p, goes in mine]
            counted.append(Rule(("-i", interface), ("-g", tree.build(entries, ("-j", "DROP")))))
            trees.extend(tree.chains)
        yield Chain("filter", names.FORWARD, (*self._gotos("-i", names.VERDICT), *self._gotos("-o", names.VERDICT)))
        yield Chain("filter", names.INPUT, tuple(self._gotos("-i", names.VERDICT)))
        refuse = Rule((), ("-g", names.REFUSE))
        yield Chain("filter", names.VERDICT, (Rule(self.is_allowed, verdict), *counted, refuse))
        yield Chain("filter", names.REFUSE, tuple(self._refusals()))
        yield from trees

    def _refusals(self) -> list[Rule]:
        opens_nothing = ("-p", "tcp", "-m", "tcp", "!", "--syn", "-m", "conntrack", "--ctstate", "NEW")
        return [
            Rule(("-m", "conntrack", "--ctstate", "INVALID"), ("-j", "DROP")),
            Rule(opens_nothing, ("-j", "DROP")),
            Rule(("-p", "tcp"), ("-j", "REJECT", "--reject-with", "tcp-reset")),
            Rule((), ("-j", "REJECT", "--reject-with", REFUSAL[self.family])),
        ]

    # --- security: guard

    def _security(self) -> Iterable[Chain]:
        yield Chain("security", names.FORWARD, (*self._gotos("-i", names.GUARD), *self._gotos("-o", names.GUARD)))
        yield Chain("security", names.INPUT, tuple(self._gotos("-i", names.GUARD)))
        yield Chain("security", names.GUARD, (Rule(self.is_allowed, ("-g", names.CLEAR)), Rule((), ("-j", "DROP"))))
        yield Chain("security", names.CLEAR, (self._set_mark(0),))
