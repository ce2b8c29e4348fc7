# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The changes of ``harden wg plan --json`` as lines for a person: who gains and who loses what."""

from __future__ import annotations

import json
from typing import Any, Mapping, Sequence

MOST_NAMES = 4
OPENED = "every client gains whatever the gateway's own rules leave open: none of harden's is left"
_PLURAL = {"gains": "gain", "loses": "lose", "keeps": "keep", "is": "are", "has": "have"}


def access_lines(changes: Sequence[Mapping[str, Any] | str]) -> list[str]:
    """One line for each change of access, clients of one fate together: ``guest loses nas tcp/445``."""
    clients: dict[str, list[str]] = {}
    fates: dict[str, Mapping[str, Any]] = {}
    for change in changes:
        if isinstance(change, str) or change.get("change") == "rules":
            continue
        fate = {key: value for key, value in change.items() if key != "client"}
        key = json.dumps(fate, sort_keys=True)
        fates[key] = fate
        clients.setdefault(key, []).append(str(change.get("client")))
    return [_line(clients[key], fate) for key, fate in fates.items()]


def rule_lines(changes: Sequence[Mapping[str, Any] | str]) -> list[str]:
    """One line for each change of the kernel's rules."""
    texts = [change if isinstance(change, str) else change.get("text") for change in changes]
    return [text for text in texts if text is not None]


def _line(clients: Sequence[str], fate: Mapping[str, Any]) -> str:
    source = f" (from {fate['source']})" if fate.get("source") else ""
    verb, rest = _predicate(fate)
    return f"{_together(clients)}{source} {verb if len(clients) == 1 else _PLURAL[verb]} {rest}"


def _together(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    if len(names) > MOST_NAMES:
        return f"{', '.join(names[: MOST_NAMES - 1])} and {len(names) - MOST_NAMES + 1} more clients"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _predicate(fate: Mapping[str, Any]) -> tuple[str, str]:
    kind = str(fate["change"])
    if kind == "new":
        return "is", "new"
    if kind == "removed":
        return "is", "gone, with all access"
    if kind == "moved":
        return "has", f"other addresses: {' → '.join(fate['addresses'])}"
    inbound = "inbound from " if fate["direction"] == "in" else ""
    kept = fate.get("except")
    if kept:
        grants = "; ".join(_grant(grant) for grant in kept)
        return "keeps", f"{inbound}{grants}, {'loses all other inbound' if inbound else 'loses everything else'}"
    for_good = " for good" if kind == "keeps" and not fate.get("until") else ""
    return kind, f"{inbound}{_grant(fate)}{for_good}"


def _grant(grant: Mapping[str, Any]) -> str:
    places = grant.get("to") or grant.get("from") or []
    services = grant["services"]
    what = f"{', '.join(places)} {', '.join(services)}"
    if list(places) == ["any"] and list(services) == ["any"]:
        what = "everything"
    until = grant.get("until")
    return f"{what} until {until}" if until else what
