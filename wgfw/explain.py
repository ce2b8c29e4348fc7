"""Questions about connections, and their answers in the policy's own lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from harden.document.place import Place
from harden.document.wording import moment, quote
from harden.errors import HardenError
from wgfw.addresses import AddressSet, format_ip, parse_ip
from wgfw.directory import Directory
from wgfw.evaluate import Case, Evaluator, Verdict
from wgfw.intervals import IntervalSet
from wgfw.policy.model import Client, Rule
from wgfw.remedy import Wish, remedy
from wgfw.services import describe, services_in


@dataclass(frozen=True, slots=True)
class Question:
    """May ``source`` (a client's name, or an address) open connections to the address ``to``?

    ``service`` is a name or notation; without one, the question is whether each and every service may be used.
    ``address`` is one of the client's addresses, to be used instead of its first.
    """

    source: str
    to: str
    service: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict, and why.

    ``rule`` is the deciding entry, None where it is the lack of one. ``reason`` says it in a clause;
    ``suggestion`` is what would change a denial; ``until`` when an allowed connection will be denied;
    ``allowed_services``, for a question about several services, those that may be used.
    """

    question: Question
    client: str | None
    address: str | None
    allowed: bool
    rule: Rule | None
    reason: str
    suggestion: tuple[str, ...] = ()
    until: datetime | None = None
    allowed_services: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """The answer for ``--json``."""
        return {
            "from": self.question.source,
            "client": self.client,
            "to": self.question.to,
            "service": self.question.service or "any",
            "verdict": "allow" if self.allowed else "deny",
            "rule": place_document(self.rule.place) if self.rule else None,
            "reason": self.reason,
            "source": self.address,
            "suggestion": list(self.suggestion),
            "until": moment(self.until) if self.until else None,
            "allowed_services": list(self.allowed_services),
        }


def place_document(place: Place) -> dict[str, Any]:
    """A line of the policy for JSON."""
    return {"file": place.file, "line": place.line, "text": place.text}


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a connection comes from. ``address`` is None if the client has none of that family."""

    client: Client | None
    address: int | None
    interface: str | None


class Explainer:
    """Answers questions with one evaluator; keeps what it has looked up."""

    def __init__(self, evaluator: Evaluator, directory: Directory) -> None:
        self.evaluator = evaluator
        self.directory = directory
        self._described: dict[IntervalSet, tuple[str, ...]] = {}
        self._first: dict[tuple[str, int], int | None] = {}

    def explain(self, question: Question) -> Answer:
        """The answer. Raises HardenError for unknown names, bad addresses, and services a family does not have."""
        family, destination = self._destination(question.to)
        origin = self._origin(question, family)
        label = origin.client.name if origin.client else None
        wanted = self._wanted(question, family)
        if origin.address is None:
            return Answer(question, label, None, False, None, f"the client has no IPv{family} address")
        source = format_ip(family, origin.address)
        if origin.client is None and self.evaluator.policy.gateway.holds(family, origin.address):
            return Answer(question, label, source, True, None, "what the gateway itself sends is not restricted")
        case = self.evaluator.case(family, origin.address, destination, origin.interface)
        if origin.client and case.sender is not origin.client:
            reason = f"{source} is not an address of this client: WireGuard drops it"
            return Answer(question, label, source, False, None, reason)
        pieces = list(_pieces(case, wanted))
        denied = [(point, verdict) for point, _, verdict in pieces if not verdict.allowed]
        if not denied:
            ends = [end for point, _, _ in pieces if (end := case.until(point, point))]
            point, _, verdict = pieces[0]
            until = min(ends, default=None)
            return Answer(question, label, source, True, verdict.rule, verdict.reason, until=until)
        point, verdict = denied[0]
        wish = Wish(family, origin.address, destination, question.service or "any", tuple(v for _, v in denied))
        allowed = [(point, last) for point, last, verdict in pieces if verdict.allowed]
        return Answer(
            question,
            label,
            source,
            False,
            verdict.rule,
            _reason(case, point, verdict),
            suggestion=remedy(wish, self.directory),
            allowed_services=self._names(IntervalSet.of(allowed)),
        )

    def _destination(self, text: str) -> tuple[int, int]:
        try:
            return parse_ip(text)
        except ValueError:
            hints = []
            if text in self.directory.networks:
                hints.append(f"{text} is {self.directory.networks[text].addresses}: ask about one address")
            elif any(client.name == text for client in self.directory.policy.clients):
                hints.append(f"ask about one address of the client: {self.directory.client(text).addresses}")
            raise HardenError(f"bad address {quote(text)}", hints) from None

    def _origin(self, question: Question, family: int) -> _Origin:
        try:
            found, address = parse_ip(question.source)
        except ValueError:
            return self._client_origin(question, family)
        if question.address is not None and question.address != question.source:
            raise HardenError(f"{quote(question.source)} is an address already: a source address goes with a client")
        _same_family(question.source, found, question.to, family)
        client = self.evaluator.owner(family, address)
        return _Origin(client, address, client.interface if client else None)

    def _client_origin(self, question: Question, family: int) -> _Origin:
        client = self.directory.client(question.source)
        if question.address is None:
            key = (client.name, family)
            if key not in self._first:
                self._first[key] = first_address(client, family)
            return _Origin(client, self._first[key], client.interface)
        try:
            found, address = parse_ip(question.address)
        except ValueError:
            raise HardenError(f"bad address {quote(question.address)}") from None
        _same_family(question.address, found, question.to, family)
        return _Origin(client, address, client.interface)

    def _wanted(self, question: Question, family: int) -> IntervalSet:
        services = self.directory.service(question.service or "any")
        wanted = services_in(services, family)
        if not wanted:
            raise HardenError(f"{quote(question.service or '')} does not exist in IPv{family}")
        return wanted

    def _names(self, services: IntervalSet) -> tuple[str, ...]:
        if services not in self._described:
            self._described[services] = tuple(describe(services))
        return self._described[services]


def _reason(case: Case, point: int, denial: Verdict) -> str:
    """Why, and whether it is only because time has passed."""
    gone = case.ran_out(point, point) if denial.rule is None else None
    if gone is None or gone.until is None:
        return denial.reason
    return f"{denial.reason}; {gone.place} ran out at {moment(gone.until)}"


def _same_family(one: str, found: int, other: str, family: int) -> None:
    if found != family:
        raise HardenError(f"{one} and {other} are not of the same family")


def first_address(client: Client, family: int) -> int | None:
    """The first address, in the order of its AllowedIPs, that belongs to the client; None if it has none."""
    for prefix in client.prefixes:
        if prefix.family == family:
            owned = (AddressSet.of([prefix]) & client.addresses).family(family)
            if owned:
                return owned.spans[0][0]
    return None


def _pieces(case: Case, wanted: IntervalSet) -> Iterator[tuple[int, int, Verdict]]:
    """The wanted points, cut where the verdict may change: first and last point of each piece, and its verdict."""
    first, last = wanted.spans[0]
    if first == last and len(wanted.spans) == 1:
        yield first, last, case.verdict(first, last)
        return
    spans = [span for _, services in case.entries() for span in services]
    edges = sorted({edge for low, high in (*spans, *wanted) for edge in (low, high + 1)})
    for low, following in pairwise(edges):
        if low in wanted:
            yield low, following - 1, case.verdict(low, low)
