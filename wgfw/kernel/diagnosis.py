"""What iptables' complaints mean, in words that say what to do. Pure.

The messages are those of iptables 1.8 (libxtables, nft.c, iptables-restore.c); the two backends word them apart.
"""

import itertools
import re
from collections.abc import Callable

from harden.errors import HardenError

_LINE = re.compile(r"line:? ?(\d+)")
_EXTENSION = re.compile(r"Couldn't load (match|target) [`'](.+?)'")
_REVISION = re.compile(r"Extension (\S+) revision \d+ not supported")
_TABLE = re.compile(r"(?:initialize (?:ip6?tables )?table|table name) [`'](\S+?)'")
_REASON = re.compile(r"failed \(([^)]*)\)")


class UnreadableTableError(HardenError):
    """A table of iptables' holds rules that nft wrote and iptables cannot show: nobody should write there blindly."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"iptables cannot read {where}: nft wrote a rule into it that iptables does not know",
            "keep such rules in a table of another name (`nft list ruleset` shows them), or use --backend legacy",
        )


def refusal(program: str, errors: str, text: str = "") -> HardenError:
    """The error to raise when ``program`` failed with ``errors`` on stderr; ``text`` is what it was given to read."""
    for explain in (_lock, _rights, _beyond_iptables, _missing_extension, _missing_table, _refused_line):
        if (found := explain(errors, text)) is not None:
            return found
    said = " ".join(errors.split()) or "failed without a word"
    return HardenError(f"{program}: {said}")


def _lock(errors: str, _text: str) -> HardenError | None:
    if "xtables lock" not in errors:
        return None
    return HardenError(
        "another program holds the xtables lock (/run/xtables.lock), and did not let it go in time",
        "see which: `fuser -v /run/xtables.lock`; nothing was changed, so run the command again when it is done",
    )


def _rights(errors: str, _text: str) -> HardenError | None:
    if "Permission denied" not in errors and "Operation not permitted" not in errors:
        return None
    return HardenError(
        f"the kernel does not let this process change rules: {' '.join(errors.split())}",
        "run it as root; in a container it needs CAP_NET_ADMIN and /run/xtables.lock",
    )


def _beyond_iptables(errors: str, _text: str) -> HardenError | None:
    if "Parsing nftables rule failed" not in errors:
        return None
    return UnreadableTableError("one of its own tables")


def _missing_extension(errors: str, _text: str) -> HardenError | None:
    if found := _EXTENSION.search(errors):
        return HardenError(
            f"this iptables does not know the {found[1]} {found[2]!r}",
            f"its extension (libxt_{found[2]}.so) is missing: reinstall the package iptables",
        )
    if found := _REVISION.search(errors):
        return HardenError(f"this kernel does not know {found[1]!r} as iptables needs it", _modules([found[1]]))
    return None


def _missing_table(errors: str, _text: str) -> HardenError | None:
    if found := _TABLE.search(errors):
        return HardenError(
            f"this kernel has no table {found[1]!r} for this backend",
            f"load it: `modprobe iptable_{found[1]} ip6table_{found[1]}`, or use the other backend (--backend)",
        )
    return None


def _refused_line(errors: str, text: str) -> HardenError | None:
    found = _LINE.search(errors)
    lines = text.split("\n")
    if not found or not 0 < int(found[1]) <= len(lines):
        return None
    number = int(found[1])
    line, reason = lines[number - 1], _REASON.search(errors)
    table = next((above[1:] for above in reversed(lines[:number]) if above.startswith("*")), "?")
    because = f": {reason[1]}" if reason else ""
    if line == "COMMIT":  # the legacy backend names no line, the table is refused as a whole
        block = lines[lines.index(f"*{table}") : number]
        return HardenError(f"the kernel refused the table {table!r}{because}", _modules(_extensions(block)))
    extensions = _extensions([line])
    named = f" ({', '.join(extensions)})" if extensions else ""
    hints = [_modules(extensions)] if extensions else []
    return HardenError(f"the kernel refused this rule in the table {table!r}{because}{named}: {line}", hints)


def _extensions(lines: list[str]) -> list[str]:
    found: dict[str, None] = {}
    for line in lines:
        words = line.split(" ") if line.startswith(("-A ", "-I ")) else []
        for option, value in itertools.pairwise(words):
            if (option == "-m" and value != "comment") or (option == "-j" and value in _TARGETS):
                found[value] = None
    return list(found)


_TARGETS = frozenset({"REJECT", "MARK", "CONNMARK", "LOG", "NFLOG", "SET", "CT"})


def _modules(extensions: list[str]) -> str:
    shown: Callable[[str], str] = "xt_{}".format
    names = " ".join(map(shown, extensions))
    return f"a kernel module may be missing: look for {names} (`modprobe`, `dmesg`)" if names else "see `dmesg`"
