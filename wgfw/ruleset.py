"""The rules we want, as data: what the compiler makes and the reconciler brings into a kernel.

Rules are argument lists in the syntax of iptables(8), without the table and the chain; every token is made
by us from numbers, addresses, interface names that the loader has checked, and chain names of ours.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

CHAIN_PREFIX = "HARDEN-WG-"
COMMENT_PREFIX = "harden:"
MAX_CHAIN_NAME = 28
# A first install that stops half-way changes nothing yet (marks alone refuse nobody); an update takes effect
# with `mangle`, where the decisions are, in one piece.
TABLES = ("mangle", "filter", "security")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its matches and its target (``("-j", "MARK", "--set-xmark", "0x1/0x1")``)."""

    match: tuple[str, ...]
    target: tuple[str, ...]

    @property
    def text(self) -> str:
        """The rule's body, without chain and comment."""
        return " ".join(self.match + self.target)


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of ours with all its rules, in order."""

    table: str
    name: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Hook:
    """A rule of ours in a built-in chain, to stand there before everyone else's."""

    table: str
    builtin: str
    rule: Rule


@dataclass(frozen=True)
class FamilyRules:
    """All that is ours in one family (4 or 6)."""

    family: int
    chains: tuple[Chain, ...]
    hooks: tuple[Hook, ...]

    def of_table(self, table: str) -> Iterator[Chain]:
        """The chains in one table, in order."""
        return (chain for chain in self.chains if chain.table == table)

    @cached_property
    def tags(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """``(table, chain)`` → the tags of its rules in order, for our chains and for the built-in ones we hook."""
        found = {(c.table, c.name): chain_tags(c.name, c.rules) for c in self.chains}
        for hook in self.hooks:
            found[hook.table, hook.builtin] = chain_tags(hook.builtin, (hook.rule,))
        return found


@dataclass(frozen=True)
class RuleSet:
    """What both families shall hold. ``digest`` names the whole of it."""

    v4: FamilyRules
    v6: FamilyRules

    def family(self, family: int) -> FamilyRules:
        """The rules of one family."""
        return self.v4 if family == 4 else self.v6

    @cached_property
    def digest(self) -> str:
        """16 hex digits over every tag of every chain."""
        sha = hashlib.sha256()
        for family in (self.v4, self.v6):
            for (table, chain), tags in sorted(family.tags.items()):
                sha.update(f"{family.family} {table} {chain} {tags[-1] if tags else ''}\n".encode())
        return sha.hexdigest()[:16]


def chain_tags(chain: str, rules: tuple[Rule, ...]) -> tuple[str, ...]:
    """The comment of each rule: ``harden:`` and a hash over the chain's name, all rules before and itself.

    A rule that is changed, moved or missing changes its own tag or that of all that follow; since the kernel
    rewrites what it is given, tags are what is compared, never the rules' text (after Calico Felix).
    """
    state = hashlib.sha256(chain.encode())
    tags: list[str] = []
    for rule in rules:
        state.update(b"\n")
        state.update(rule.text.encode())
        tags.append(COMMENT_PREFIX + state.hexdigest()[:16])
    return tuple(tags)
