"""Rules as the text that ``iptables-restore --noflush`` reads."""

from collections.abc import Iterable, Iterator

from wgfw.ruleset import TABLES, Chain, FamilyRules, Hook, Rule, chain_tags


def rule_line(command: str, chain: str, rule: Rule, tag: str) -> str:
    """One line, ``-A CHAIN …`` or ``-I CHAIN …``, with the tag as its comment."""
    body = " ".join(rule.match)
    target = " ".join(rule.target)
    return f"{command} {chain}{' ' if body else ''}{body} -m comment --comment {tag} {target}"


def chain_lines(chain: Chain) -> Iterator[str]:
    """The rules of a chain that has been declared, and thereby emptied, before."""
    for rule, tag in zip(chain.rules, chain_tags(chain.name, chain.rules), strict=True):
        yield rule_line("-A", chain.name, rule, tag)


def hook_line(hook: Hook) -> str:
    """The line that puts our rule first in a built-in chain."""
    (tag,) = chain_tags(hook.builtin, (hook.rule,))
    return rule_line("-I", hook.builtin, hook.rule, tag)


def table_lines(table: str, chains: Iterable[Chain], extra: Iterable[str]) -> list[str]:
    """One table's block: declarations, rules, then ``extra`` lines as they are."""
    chains = list(chains)
    lines = [f"*{table}", *(f":{chain.name} - [0:0]" for chain in chains)]
    for chain in chains:
        lines.extend(chain_lines(chain))
    return [*lines, *extra, "COMMIT"]


def restore_text(rules: FamilyRules) -> str:
    """Everything of one family, for a kernel that holds nothing of ours."""
    lines: list[str] = []
    for table in TABLES:
        hooks = [hook_line(hook) for hook in rules.hooks if hook.table == table]
        lines.extend(table_lines(table, rules.of_table(table), hooks))
    return "\n".join(lines) + "\n"
