"""A resolved policy as text and back, so that the one applied last can be compared with the next.

Two lines: a header with the version and a digest of the rest, then one JSON document in which rules, sets and
profile lists stand once and are referred to by their index.
"""

import hashlib
import json
from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from harden.document.place import Place
from harden.errors import HardenError
from wgfw.addresses import AddressSet, Prefix
from wgfw.intervals import IntervalSet
from wgfw.policy.document import Effect, PolicyTest, Target, TargetKind
from wgfw.policy.model import Client, Policy, Rule, Scope

VERSION = 1
_HINT = "`harden wg apply` writes it anew; until then it is compared with no earlier policy"

T = TypeVar("T", bound=Hashable)


def to_json(policy: Policy) -> str:
    """The policy as text; :func:`from_json` gives an equal value back."""
    body = json.dumps(_Writer(policy).document(), separators=(",", ":"))
    head = {"harden-policy": VERSION, "sha256": _digest(body), "gateway": str(policy.gateway)}
    return json.dumps(head) + "\n" + body + "\n"


def gateway_in(text: str) -> AddressSet | None:
    """The gateway's own addresses of a policy in :func:`to_json`'s text, without reading all of it; None if it is not
    such a text."""
    try:
        words = json.loads(text.partition("\n")[0])["gateway"]
        return AddressSet.parse(*words.split(", ")) if words != str(AddressSet()) else AddressSet()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def from_json(text: str, name: str = "snapshot") -> Policy:
    """The policy of :func:`to_json`'s text. Raises HardenError, with ``name`` in front, if it is not just that."""
    header, _, body = text.partition("\n")
    try:
        head = json.loads(header)
        version, digest = head["harden-policy"], head["sha256"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise HardenError(f"{name}: not a policy that harden stored", _HINT) from None
    if version != VERSION:
        raise HardenError(f"{name}: stored by another version of harden (format {version}, ours is {VERSION})", _HINT)
    if digest != _digest(body.rstrip("\n")):
        raise HardenError(f"{name}: the stored policy is damaged", _HINT)
    try:
        return _Reader(json.loads(body)).policy()
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise HardenError(f"{name}: the stored policy is damaged: {error}", _HINT) from error


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode(errors="replace")).hexdigest()


def _flat(pairs: Iterable[Iterable[int]]) -> list[int]:
    return [number for pair in pairs for number in pair]


class _Writer:
    """Fills the tables while it walks through the policy."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._files: dict[str, int] = {}
        self._sets: dict[AddressSet, int] = {}
        self._services: dict[IntervalSet, int] = {}
        self._profile_lists: dict[tuple[str, ...], int] = {}
        self._rules: dict[int, int] = {}
        self._rule_rows: list[list[Any]] = []

    def document(self) -> dict[str, Any]:
        policy = self._policy
        profiles = {name: [self._rule(r) for r in rules] for name, rules in policy.profile_rules.items()}
        clients = [self._client(client) for client in policy.clients]
        gateway = self._set(policy.gateway)
        tests = [[t.source, t.to, t.service, t.expect, self._place(t.place)] for t in policy.tests]
        return {
            "path": policy.path,
            "interfaces": policy.interfaces,
            "on_allow": policy.on_allow,
            "mark": policy.mark,
            "warnings": policy.warnings,
            "gateway": gateway,
            "tests": tests,
            "profiles": profiles,
            "clients": clients,
            "rules": self._rule_rows,
            "profile_lists": list(self._profile_lists),
            "sets": [[_flat(addresses.v4), _flat(addresses.v6)] for addresses in self._sets],
            "services": [_flat(services) for services in self._services],
            "files": list(self._files),
        }

    def _rule(self, rule: Rule) -> int:
        index = self._rules.get(id(rule))
        if index is None:
            index = self._rules[id(rule)] = len(self._rule_rows)
            self._rule_rows.append(
                [
                    rule.effect.value,
                    rule.target.kind.value,
                    rule.target.name,
                    self._set(rule.scope.addresses),
                    rule.scope.own,
                    _index(self._services, rule.services),
                    rule.service_names,
                    rule.until.isoformat() if rule.until else None,
                    self._place(rule.place),
                    rule.origin,
                ]
            )
        return index

    def _client(self, client: Client) -> list[Any]:
        plain = client.addresses == AddressSet.of(client.prefixes)
        return [
            client.name,
            client.interface,
            client.public_key,
            [number for p in client.prefixes for number in (p.family, p.network, p.length)],
            None if plain else self._set(client.addresses),
            _index(self._profile_lists, client.profiles),
            [self._rule(rule) for rule in client.own],
            self._place(client.entry) if client.entry else None,
            self._place(client.peer),
        ]

    def _set(self, addresses: AddressSet) -> int:
        return _index(self._sets, addresses)

    def _place(self, place: Place) -> list[Any]:
        return [_index(self._files, place.file), place.line, place.text]


def _index(table: dict[T, int], value: T) -> int:
    return table.setdefault(value, len(table))


class _Reader:
    """Builds the policy from the document, tables first."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._files: list[str] = document["files"]
        self._services = [_spans(flat) for flat in document["services"]]
        self._sets = [AddressSet(_spans(v4), _spans(v6)) for v4, v6 in document["sets"]]
        self._profile_lists = [tuple(names) for names in document["profile_lists"]]
        self._scopes: dict[tuple[int, bool | None], Scope] = {}

    @cached_property
    def _rules(self) -> list[Rule]:
        return [self._rule(row) for row in self._document["rules"]]

    def policy(self) -> Policy:
        document = self._document
        return Policy(
            path=document["path"],
            interfaces=tuple(document["interfaces"]),
            clients=tuple(self._client(row) for row in document["clients"]),
            profile_rules={name: self._pick(indexes) for name, indexes in document["profiles"].items()},
            gateway=self._sets[document["gateway"]],
            on_allow=document["on_allow"],
            mark=document["mark"],
            tests=tuple(self._test(*row) for row in document["tests"]),
            warnings=tuple(document["warnings"]),
        )

    def _pick(self, indexes: Sequence[int]) -> tuple[Rule, ...]:
        return tuple(self._rules[index] for index in indexes)

    def _rule(self, row: list[Any]) -> Rule:
        effect, kind, name, addresses, own, services, service_names, until, place, origin = row
        scope = self._scopes.get((addresses, own))
        if scope is None:
            scope = self._scopes[addresses, own] = Scope(self._sets[addresses], own)
        return Rule(
            Effect(effect),
            Target(TargetKind(kind), name),
            scope,
            self._services[services],
            tuple(service_names),
            datetime.fromisoformat(until) if until else None,
            self._place(place),
            origin,
        )

    def _client(self, row: list[Any]) -> Client:
        name, interface, key, numbers, addresses, profiles, own, entry, peer = row
        prefixes = tuple(Prefix(*numbers[start : start + 3]) for start in range(0, len(numbers), 3))
        return Client(
            name,
            interface,
            key,
            prefixes,
            AddressSet.of(prefixes) if addresses is None else self._sets[addresses],
            self._profile_lists[profiles],
            self._pick(own),
            self._place(entry) if entry else None,
            self._place(peer),
        )

    def _test(self, source: str, to: str, service: str, expect: str, place: list[Any]) -> PolicyTest:
        return PolicyTest(source, to, service, expect, self._place(place))

    def _place(self, row: list[Any]) -> Place:
        return Place(self._files[row[0]], row[1], row[2])


def _spans(flat: list[int]) -> IntervalSet:
    return IntervalSet(tuple(zip(flat[::2], flat[1::2], strict=True)))
