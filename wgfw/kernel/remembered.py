"""The text that is kept of a family's rules, put together from what was read and what was written. Pure."""

from collections.abc import Mapping

from wgfw.kernel.difference import Difference, Wanted
from wgfw.kernel.reading import KernelFamily, Lines, Place, is_ours


def seen_text(seen: KernelFamily) -> str:
    """All that is ours in what was read."""
    hooks = {place: tuple(line for _, line in placed) for place, placed in seen.our_rules_elsewhere()}
    return _text(dict(seen.our_chains()), hooks)


def expected_text(wanted: Wanted, seen: KernelFamily, difference: Difference) -> str:
    """What is ours once ``difference`` has been written, in our own words where it is new."""
    new = {change.place: change.lines for change in difference.chains}
    return _text({place: new.get(place) or seen.chain(place) or () for place in wanted.chains}, _hook_lines(wanted))


def written_text(wanted: Wanted, seen: KernelFamily, difference: Difference, reread: KernelFamily) -> str:
    """The same in the kernel's words. ``reread`` has been read since, at least where there was a difference."""
    new = {change.place for change in difference.chains}
    chains = {place: (reread if place in new else seen).chain(place) or () for place in wanted.chains}
    hooks = dict(_hook_lines(wanted))
    for change in difference.hooks:
        hooks[change.place] = tuple(line for line in reread.chain(change.place) or () if is_ours(line))
    return _text(chains, hooks)


def _hook_lines(wanted: Wanted) -> dict[Place, Lines]:
    return {place: tuple(line for _, line in placed) for place, placed in wanted.hooks.items()}


def _text(chains: Mapping[Place, Lines], hooks: Mapping[Place, Lines]) -> str:
    lines: list[str] = []
    for table in dict.fromkeys(place[0] for place in (*chains, *hooks)):
        mine = _in_table(table, chains)
        lines += [f"*{table}", *(f":{chain} - [0:0]" for chain, _ in mine)]
        for _, rules in (*mine, *_in_table(table, hooks)):
            lines += rules
        lines.append("COMMIT")
    return "\n".join(lines) + "\n" if lines else ""


def _in_table(table: str, places: Mapping[Place, Lines]) -> list[tuple[str, Lines]]:
    return [(chain, rules) for (where, chain), rules in places.items() if where == table]
