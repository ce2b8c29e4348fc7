"""Rules as one POSIX shell script, for gateways without Python: a ConfigMap, a Terraform variable, a `PreUp`.

Only what we made ourselves gets into the text (numbers, addresses, checked interface names, our chain names),
and neither ``${`` nor ``%{`` occurs in it, which Terraform would take as its own.
"""

from collections.abc import Iterable

from wgfw.render import hook_lines, table_lines
from wgfw.ruleset import CHAIN_PREFIX, REMOVAL, TABLES, FamilyRules, RuleSet
from wgfw.scripttext import HEAD, TABLE, TAIL
from wgfw.scriptverbs import VERBS


def script_text(rules: RuleSet, interfaces: tuple[str, ...]) -> str:
    """The script. ``interfaces`` are the managed ones, their names checked by the loader."""
    parts = [_filled(HEAD, interfaces, rules)]
    for family in (rules.v4, rules.v6):
        parts.extend(_table(family, table) for table in TABLES)
    parts.extend(_filled(text, interfaces, rules) for text in (VERBS, TAIL))
    return "".join(parts)


def _filled(text: str, interfaces: tuple[str, ...], rules: RuleSet) -> str:
    for family in (4, 6):
        calls = " && ".join(f'new_table "$tool{family}" {table} {family}' for table in TABLES)
        text = text.replace(f"@CALLS{family}@", calls)
    return (
        text.replace("@INTERFACES@", " ".join(interfaces))
        .replace("@DIGEST@", rules.digest)
        .replace("@PREFIX@", CHAIN_PREFIX)
        .replace("@TABLES@", " ".join(TABLES))
        .replace("@REMOVAL@", " ".join(REMOVAL))
    )


def _table(rules: FamilyRules, table: str) -> str:
    chains = list(rules.of_table(table))
    hooks = hook_lines(hook for hook in rules.hooks if hook.table == table)
    lines = table_lines(rules.family, table, chains, hooks)[:-1]
    declared = lines[: 1 + len(chains)]
    filled = {
        "@TABLE@": table,
        "@FAMILY@": str(rules.family),
        "@DECLARED@": _quoted(declared),
        "@RULES@": _quoted(lines[len(declared) :]),
    }
    text = TABLE
    for mark, value in filled.items():
        text = text.replace(mark, value)
    return text


def _quoted(lines: Iterable[str]) -> str:
    """Lines for between single quotes: printf is part of every shell, where `cat` may be missing."""
    text = "\n".join(lines)
    if "'" in text:
        raise ValueError("a rule with a quote in it")
    return text
