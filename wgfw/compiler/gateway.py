"""The whole rule set of a gateway.

`mangle` decides and marks, `filter` refuses politely what bears no mark of ours, and `security`, where nobody else
has rules, drops what somebody's ACCEPT in `filter` let pass. Marks are set after the routing decision, so nobody's
routing by mark sees them, and ours is taken off again where somebody else's bits are set beside it.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import product

from wgfw.addresses import BITS, AddressSet
from wgfw.compiler import names
from wgfw.compiler.chains import ALLOW, DENY, NOTHING, PERHAPS_TO_GATEWAY, TO_GATEWAY, ClientChains
from wgfw.compiler.marks import Marks
from wgfw.compiler.sets import AddressSets, destination, few_around, source
from wgfw.compiler.tree import Dispatch, Entry, shape
from wgfw.policy.model import Client, Policy
from wgfw.ruleset import Chain, FamilyRules, Hook, Match, Rule, RuleSet, Target

TREE_DEPTH = 6
HEAD_RULES = 2  # of a judging chain, before the rules of the tree's root
NO_ANSWER: Target = ("-j", "DROP")
REFUSAL = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}
RELATED: Match = ("-m", "conntrack", "--ctstate", "RELATED")
ICMP: Mapping[int, Match] = {4: ("-p", "icmp"), 6: ("-p", "ipv6-icmp")}
ICMP_TYPE = {4: ("-p", "icmp", "-m", "icmp", "--icmp-type"), 6: ("-p", "ipv6-icmp", "-m", "icmp6", "--icmpv6-type")}
# destination-unreachable, time-exceeded, parameter-problem; packet-too-big is a type of its own in ICMPv6
ICMP_ERRORS = {4: ("3", "11", "12"), 6: ("1", "2", "3", "4")}


def compile_policy(policy: Policy) -> RuleSet:
    """Rules for both families that do what the policy says (docs/reference/semantics.md)."""
    return RuleSet(FamilyCompiler(policy, 4).rules(), FamilyCompiler(policy, 6).rules())


class FamilyCompiler:
    """The rules of one family, in pieces."""

    def __init__(self, policy: Policy, family: int) -> None:
        self.policy = policy
        self.family = family
        self.marks = Marks(policy.mark)
        self.sets = AddressSets(family)
        self.clients = ClientChains(policy, family, self.marks, self.sets)
        # Every prefix with the number of its client, as the trees want them.
        self.owned = sorted(
            (p.network, p.length, number)
            for number, client in enumerate(policy.clients)
            for p in client.prefixes
            if p.family == family
        )
        self.everybody = shape(family, self.owned, TREE_DEPTH)

    def rules(self) -> FamilyRules:
        decisions = [*self._from_chains(), *self._into_chains(), *self._endings()]
        chains = [*decisions, *self.clients.chains, *self.sets.chains, *self._filter(), *self._security()]
        return FamilyRules(self.family, tuple(chains), tuple(self._hooks()))

    def _hooks(self) -> Iterator[Hook]:
        for builtin in ("INPUT", "FORWARD"):
            for table, incoming, outgoing in (("mangle", "FROM", "INTO"), ("filter", "REFUS", "REFUI")):
                for name in self.policy.interfaces:
                    yield Hook(table, builtin, Rule(("-i", name), ("-j", names.derived(incoming, name))))
                for name in self.policy.interfaces if builtin == "FORWARD" else ():
                    yield Hook(table, builtin, Rule(("-o", name), ("-j", names.derived(outgoing, name))))
            yield Hook("security", builtin, Rule(self.marks.is_not_just_allowed, ("-j", names.GUARD)))

    def senders(self, interface: str) -> Dispatch:
        """Sends the packets that come from an interface to the chains of those who sent them."""
        target = self._targets(interface, self.clients.sender, DENY)
        return Dispatch("mangle", ("from", interface), source, target, DENY)

    def refused(self, interface: str) -> Dispatch:
        """Tells refused packets of clients, which get an answer, from those of nobody, which get none."""
        target = self._targets(interface, lambda client: ("-g", names.REFUSE), NO_ANSWER)
        return Dispatch("filter", ("denied", interface), source, target, NO_ANSWER)

    def _targets(
        self, interface: str, target: Callable[[Client], Target], elsewhere: Target
    ) -> Callable[[int], Target]:
        """Where each client's packets go; those of another interface's clients have no business on this one."""
        found = [target(c) if c.interface == interface else elsewhere for c in self.policy.clients]
        return found.__getitem__

    def _from_chains(self) -> Iterator[Chain]:
        for interface in self.policy.interfaces:
            dispatch = self.senders(interface)
            redirected = Rule(("-m", "conntrack", "--ctstate", "DNAT"), self.marks.set(self.policy.mark))
            tree = list(dispatch.chains(self.everybody))
            errors = Rule((*ICMP[self.family], *RELATED), ("-g", names.derived("FROME", interface)))
            yield from self._judged("FROM", interface, tree, [], [errors, redirected])
            tail = [redirected, Rule((), ("-g", tree[0].name))]
            yield Chain("mangle", names.derived("FROME", interface), (*self._errors_about_clients(), *tail))

    def _errors_about_clients(self) -> Iterator[Rule]:
        """Marks the ICMP errors as allowed that are about connections of clients. Whoever knows two addresses and ports
        can make one up about other people's, and end or slow down what is none of the VPN's."""
        ends = AddressSet.of(prefix for client in self.policy.clients for prefix in client.prefixes)
        for prefix in few_around(ends, self.family):
            for kind, end in product(ICMP_ERRORS[self.family], ("--ctorigsrc", "--ctreplsrc")):
                about = ("-m", "conntrack", end, str(prefix)) if prefix.length else ()
                yield Rule((*ICMP_TYPE[self.family], kind, *about), ALLOW)

    def _into_chains(self) -> Iterator[Chain]:
        for interface in self.policy.interfaces:
            target = self._targets(interface, self.clients.receiver, NOTHING)
            dispatch = Dispatch("mangle", ("into", interface), destination, target)
            tree = list(dispatch.chains(shape(self.family, self._needed(target), TREE_DEPTH)))
            undecided = names.derived("INTU", interface)
            from_clients = [Rule(("-i", name), ("-g", undecided)) for name in self.policy.interfaces]
            errors = [Rule((*ICMP_TYPE[self.family], k, *RELATED), ALLOW) for k in ICMP_ERRORS[self.family]]
            yield from self._judged("INTO", interface, tree, from_clients, errors)
            decided = [Rule(self.marks.match(bits), NOTHING) for bits in (self.marks.allowed, self.marks.denied)]
            yield Chain("mangle", undecided, (*decided, Rule((), ("-g", tree[0].name))))

    def _needed(self, target: Callable[[int], Target]) -> list[Entry]:
        """Without the prefixes for which there is nothing to do, but for those that lie inside one where there is."""
        last = BITS[self.family]
        kept: list[Entry] = []
        around: list[
            tuple[int, bool]
        ] = []  # the last address of each kept prefix around, and whether it does something
        for entry in self.owned:
            while around and entry[0] > around[-1][0]:
                around.pop()
            busy = target(entry[2]) is not NOTHING
            if busy or (around and around[-1][1]):
                kept.append(entry)
                around.append((entry[0] | (1 << (last - entry[1])) - 1, busy))
        return kept

    def _judged(
        self, kind: str, interface: str, tree: list[Chain], first: list[Rule], by_state: list[Rule]
    ) -> Iterator[Chain]:
        """The chain that the hook calls. What others have marked counts for nothing; a new connection goes through
        the tree at once, whose root is therefore spelled out here as well, and the rest by its state."""
        state = names.derived(f"{kind}S", interface)
        not_new = "INVALID,ESTABLISHED,RELATED,UNTRACKED" + (",DNAT" if kind == "FROM" else "")
        head = [
            *first,
            Rule(self.marks.is_decided, self.marks.clear),
            Rule(("-m", "conntrack", "--ctstate", not_new), ("-g", state)),
        ]
        yield Chain("mangle", names.derived(kind, interface), (*head, *tree[0].rules))
        replies = Rule(("-m", "conntrack", "--ctstate", "ESTABLISHED", "--ctdir", "REPLY"), ALLOW)
        invalid = Rule(("-m", "conntrack", "--ctstate", "INVALID"), DENY)
        yield Chain("mangle", state, (replies, invalid, *by_state, Rule((), ("-g", tree[0].name))))
        yield from tree

    def _endings(self) -> Iterator[Chain]:
        yield Chain("mangle", names.ALLOWED, (Rule((), self.marks.set(self.marks.allowed)),))
        yield Chain("mangle", names.DENIED, (Rule((), self.marks.set(self.marks.denied)),))
        for name, target, own in (
            (names.INTERNET_ALLOWED, names.ALLOWED, PERHAPS_TO_GATEWAY),
            (names.INTERNET_DENIED, names.DENIED, TO_GATEWAY),
        ):
            yield Chain("mangle", name, (Rule(own[self.family], NOTHING), Rule((), ("-g", target))))

    # --- filter: refuse

    def _filter(self) -> Iterator[Chain]:
        allowed = Rule(self.marks.is_allowed, ("-j", "ACCEPT" if self.policy.on_allow == "accept" else "RETURN"))
        for interface in self.policy.interfaces:
            dispatch = self.refused(interface)
            root = Rule((), ("-g", dispatch.name(self.everybody)))
            yield Chain("filter", names.derived("REFUS", interface), (allowed, root))
            yield Chain("filter", names.derived("REFUI", interface), (allowed, Rule((), ("-g", names.REFUSE))))
            yield from dispatch.chains(self.everybody)
        yield Chain("filter", names.REFUSE, tuple(self._refusals()))

    def _refusals(self) -> Iterator[Rule]:
        opens_nothing = ("-p", "tcp", "-m", "tcp", "!", "--syn", "-m", "conntrack", "--ctstate", "NEW")
        yield Rule(("-m", "conntrack", "--ctstate", "INVALID"), ("-j", "DROP"))
        yield Rule(opens_nothing, ("-j", "DROP"))
        yield Rule(("-p", "tcp"), ("-j", "REJECT", "--reject-with", "tcp-reset"))
        yield Rule((), ("-j", "REJECT", "--reject-with", REFUSAL[self.family]))

    # --- security: guard

    def _security(self) -> Iterator[Chain]:
        ours = [(way, name) for name in self.policy.interfaces for way in ("-i", "-o")]
        guard = [Rule(self.marks.is_allowed, ("-g", names.CLEAR)), *(Rule(match, ("-j", "DROP")) for match in ours)]
        yield Chain("security", names.GUARD, tuple(guard))
        yield Chain("security", names.CLEAR, tuple(Rule(match, self.marks.clear) for match in ours))
