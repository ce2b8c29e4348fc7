"""The whole rule set of a gateway.

`mangle` decides and marks, `filter` refuses politely what bears no mark of ours, and `security`, where nobody else
has rules, drops what somebody's ACCEPT in `filter` let pass. Marks are set after the routing decision, so nobody's
routing by mark sees them, and ours is taken off again where somebody else's bits are set beside it.
"""

from collections.abc import Callable, Iterable, Iterator

from wgfw.addresses import Prefix
from wgfw.compiler import names
from wgfw.compiler.chains import DENY, NOTHING, ClientChains
from wgfw.compiler.marks import Marks
from wgfw.compiler.sets import AddressSets, destination, source
from wgfw.compiler.tree import Tree
from wgfw.policy.model import Client, Policy
from wgfw.ruleset import Chain, FamilyRules, Hook, Rule, RuleSet, Target

TREE_DEPTH = 6
HEAD_RULES = 2  # of a judging chain, before the rules of the tree's root
REFUSAL = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}
ICMP_TYPE = {4: ("-p", "icmp", "-m", "icmp", "--icmp-type"), 6: ("-p", "ipv6-icmp", "-m", "icmp6", "--icmpv6-type")}
# destination-unreachable, time-exceeded, parameter-problem; packet-too-big is a type of its own in ICMPv6
ICMP_ERRORS = {4: ("3", "11", "12"), 6: ("1", "2", "3", "4")}


def compile_policy(policy: Policy) -> RuleSet:
    """Rules for both families that do what the policy says (docs/reference/semantics.md)."""
    return RuleSet(_Family(policy, 4).rules(), _Family(policy, 6).rules())


def decision_tree(policy: Policy, family: int, interface: str) -> tuple[Tree, dict[str, tuple[tuple[str, int], ...]]]:
    """The tree over the senders of an interface, and for a chain of it which copies of its
    rules stand elsewhere, from which position on."""
    tree = _Family(policy, family).senders(interface)
    return tree, {tree.chains[0].name: ((names.derived("FROM", interface), HEAD_RULES),)}


def refusal_tree(policy: Policy, family: int, interface: str) -> tuple[Tree, dict[str, tuple[tuple[str, int], ...]]]:
    """The same for the tree that tells clients' refused packets from nobody's."""
    return _Family(policy, family).refused(interface), {}


class _Family:
    def __init__(self, policy: Policy, family: int) -> None:
        self.policy = policy
        self.family = family
        self.marks = Marks(policy.mark)
        self.sets = AddressSets(family)
        self.clients = ClientChains(policy, family, self.marks, self.sets)

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

    def senders(self, interface: str) -> Tree:
        """Dispatches the packets that come from an interface to the chains of those who sent them."""
        tree = Tree("mangle", self.family, ("from", interface), source, TREE_DEPTH)
        tree.build(self._owned(interface, self.clients.sender, DENY), DENY)
        return tree

    def refused(self, interface: str) -> Tree:
        """Tells refused packets of clients, which get an answer, from those of nobody, which get none."""
        tree = Tree("filter", self.family, ("denied", interface), source, TREE_DEPTH)
        nobody: Target = ("-j", "DROP")
        tree.build(self._owned(interface, lambda client: ("-g", names.REFUSE), nobody), nobody)
        return tree

    # --- mangle: decide

    def _from_chains(self) -> Iterator[Chain]:
        for interface in self.policy.interfaces:
            tree = self.senders(interface)
            redirected = Rule(("-m", "conntrack", "--ctstate", "DNAT"), self.marks.set(self.policy.mark))
            yield from self._judged("FROM", interface, tree, [], [redirected])

    def _into_chains(self) -> Iterator[Chain]:
        for interface in self.policy.interfaces:
            tree = Tree("mangle", self.family, ("into", interface), destination, TREE_DEPTH)
            root = tree.build(_needed(self._owned(interface, self.clients.receiver, NOTHING)), None)
            undecided = names.derived("INTU", interface)
            from_clients = [Rule(("-i", name), ("-g", undecided)) for name in self.policy.interfaces]
            yield from self._judged("INTO", interface, tree, from_clients, [])
            decided = [Rule(self.marks.match(bits), NOTHING) for bits in (self.marks.allowed, self.marks.denied)]
            yield Chain("mangle", undecided, (*decided, Rule((), ("-g", root))))

    def _judged(
        self, kind: str, interface: str, tree: Tree, first: list[Rule], redirected: list[Rule]
    ) -> Iterator[Chain]:
        """The chain that the hook calls. What others have marked counts for nothing; a new connection goes through
        the tree at once, whose root is therefore spelled out here as well, and the rest by its state."""
        state = names.derived(f"{kind}S", interface)
        not_new = "INVALID,ESTABLISHED,RELATED,UNTRACKED" + (",DNAT" if redirected else "")
        head = [
            *first,
            Rule(self.marks.is_decided, self.marks.clear),
            Rule(("-m", "conntrack", "--ctstate", not_new), ("-g", state)),
        ]
        yield Chain("mangle", names.derived(kind, interface), (*head, *tree.chains[0].rules))
        yield Chain("mangle", state, (*self._by_state(), *redirected, Rule((), ("-g", tree.chains[0].name))))
        yield from tree.chains

    def _by_state(self) -> Iterator[Rule]:
        yield Rule(("-m", "conntrack", "--ctstate", "ESTABLISHED", "--ctdir", "REPLY"), ("-g", names.ALLOWED))
        yield Rule(("-m", "conntrack", "--ctstate", "INVALID"), NOTHING)
        for kind in ICMP_ERRORS[self.family]:
            related = ("-m", "conntrack", "--ctstate", "RELATED")
            yield Rule((*ICMP_TYPE[self.family], kind, *related), ("-g", names.ALLOWED))

    def _owned(
        self, interface: str, target: Callable[[Client], Target], elsewhere: Target
    ) -> list[tuple[Prefix, Target]]:
        """Every prefix with where its packets go; what another interface's client owns inside one of ours, too."""
        out: list[tuple[Prefix, Target]] = []
        for client in self.policy.clients:
            goes = target(client) if client.interface == interface else elsewhere
            out.extend((p, goes) for p in client.prefixes if p.family == self.family)
        return out

    def _endings(self) -> Iterator[Chain]:
        own = ("-m", "addrtype", "--dst-type", "LOCAL")
        yield Chain("mangle", names.ALLOWED, (Rule((), self.marks.set(self.marks.allowed)),))
        yield Chain("mangle", names.DENIED, (Rule((), self.marks.set(self.marks.denied)),))
        for name, target in ((names.INTERNET_ALLOWED, names.ALLOWED), (names.INTERNET_DENIED, names.DENIED)):
            yield Chain("mangle", name, (Rule(own, NOTHING), Rule((), ("-g", target))))

    # --- filter: refuse

    def _filter(self) -> Iterator[Chain]:
        allowed = Rule(self.marks.is_allowed, ("-j", "ACCEPT" if self.policy.on_allow == "accept" else "RETURN"))
        for interface in self.policy.interfaces:
            tree = self.refused(interface)
            root = Rule((), ("-g", tree.chains[0].name))
            yield Chain("filter", names.derived("REFUS", interface), (allowed, root))
            yield Chain("filter", names.derived("REFUI", interface), (allowed, Rule((), ("-g", names.REFUSE))))
            yield from tree.chains
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


def _needed(owned: Iterable[tuple[Prefix, Target]]) -> list[tuple[Prefix, Target]]:
    """Without the prefixes for which there is nothing to do, but for those that lie inside one where there is."""
    kept: list[tuple[Prefix, Target]] = []
    enclosing: list[tuple[Prefix, Target]] = []
    for prefix, target in sorted(owned, key=lambda entry: (entry[0].network, entry[0].length)):
        while enclosing and prefix not in enclosing[-1][0]:
            enclosing.pop()
        if target is not NOTHING or (enclosing and enclosing[-1][1] is not NOTHING):
            kept.append((prefix, target))
            enclosing.append((prefix, target))
    return kept
