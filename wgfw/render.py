"""Rules as the text that ``iptables-restore --noflush`` reads."""

from collections.abc import Iterable, Iterator

from wgfw.ruleset import TABLES, Chain, FamilyRules, Hook, Rule, chain_tag

# The marker's comment comes after a match that no packet from outside meets and that costs next to nothing.
NO_PACKET = {4: "-s 0.0.0.0/32", 6: "-s ::/128"}


def rule_line(command: str, chain: str, rule: Rule) -> str:
    """One line, ``-A CHAIN …`` or ``-I CHAIN …``."""
    return f"{command} {chain} {rule.text}"


def chain_lines(chain: Chain, family: int) -> Iterator[str]:
    """The marker and the rules of a chain that has been declared, and thereby emptied, before."""
    yield f"-A {chain.name} {NO_PACKET[family]} -m comment --comment {chain_tag(chain)}"
    for rule in chain.rules:
        yield rule_line("-A", chain.name, rule)


def hook_lines(hooks: Iterable[Hook]) -> list[str]:
    """The lines that put our rules first in the built-in chains, in order."""
    return [rule_line("-I", hook.builtin, hook.rule) for hook in reversed(list(hooks))]


def declarations(chains: Iterable[str]) -> list[str]:
    """The lines that make chains, or empty them. iptables-nft keeps them in a sorted list and looks from its end, so
    thousands in order take it half the time."""
    return [f":{chain} - [0:0]" for chain in sorted(chains)]


def table_lines(family: int, table: str, chains: Iterable[Chain], extra: Iterable[str]) -> list[str]:
    """One table's block: declarations, rules, then ``extra`` lines as they are."""
    chains = list(chains)
    lines = [f"*{table}", *declarations(chain.name for chain in chains)]
    for chain in chains:
        lines.extend(chain_lines(chain, family))
    return [*lines, *extra, "COMMIT"]


def restore_text(rules: FamilyRules) -> str:
    """Everything of one family, for a kernel that holds nothing of ours."""
    lines: list[str] = []
    for table in TABLES:
        hooks = hook_lines(hook for hook in rules.hooks if hook.table == table)
        lines.extend(table_lines(rules.family, table, rules.of_table(table), hooks))
    return "\n".join(lines) + "\n"
