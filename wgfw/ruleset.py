"""The rules we want, as data: what the compiler makes and the reconciler brings into a kernel.

Rules are argument lists in the syntax of iptables(8), without the table and the chain; every token is made
by us from numbers, addresses, interface names that the loader has checked, and chain names of ours.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

Match = tuple[str, ...]
Target = tuple[str, ...]

CHAIN_PREFIX = "HARDEN-WG-"
COMMENT_PREFIX = "harden:"
MAX_CHAIN_NAME = 28
# In the order in which they are written. The guard comes first, also when a closed gateway opens again: what stops
# half-way is closed. An update takes effect with `mangle`, where the decisions are, in one piece. The refusals come
# last: before there are marks they would reset everybody's connections.
TABLES = ("security", "mangle", "filter")
# Rules that go, go without a moment in which the guard drops what is allowed.
REMOVAL = ("security", "filter", "mangle")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its matches and its target (``("-j", "MARK", "--set-xmark", "0x1/0x1")``)."""

    match: Match
    target: Target

    @property
    def text(self) -> str:
        """The rule's body, without command and chain."""
        return " ".join(self.match + self.target)


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of ours with all its rules, in order. In the kernel a marker rule with its tag comes first."""

    table: str
    name: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Hook:
    """A rule of ours in a built-in chain, to stand there before everyone else's; it jumps to a chain of ours.

    Several hooks of one built-in chain stand in the order in which the rule set lists them. Hooks bear no
    comment: a rule in a built-in chain is ours if and only if its target is a chain of ours.
    """

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
    def tags(self) -> dict[tuple[str, str], str]:
        """``(table, chain)`` → the tag of that chain of ours."""
        return {(chain.table, chain.name): chain_tag(chain) for chain in self.chains}


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
        """16 hex digits over every chain's tag and every hook."""
        sha = hashlib.sha256()
        for family in (self.v4, self.v6):
            for (table, chain), tag in sorted(family.tags.items()):
                sha.update(f"{family.family} {table} {chain} {tag}\n".encode())
            for hook in family.hooks:
                sha.update(f"{family.family} {hook.table} {hook.builtin} {hook.rule.text}\n".encode())
        return sha.hexdigest()[:16]


def chain_tag(chain: Chain) -> str:
    """``harden:`` and a hash over the chain's name and its rules in order.

    The kernel rewrites what it is given, so tags are compared, never our text with its text. There is one
    marker a chain and not a comment on each rule, because a comment is a match that costs every packet which
    gets so far 25 to 50 ns (docs/adr/0005-hashes.md).
    """
    sha = hashlib.sha256(chain.name.encode())
    for rule in chain.rules:
        sha.update(b"\n")
        sha.update(rule.text.encode())
    return COMMENT_PREFIX + sha.hexdigest()[:16]
