"""One thing that a new policy changes for some clients, in words and for JSON."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from harden.document.wording import moment

MOST_NAMES = 3


class Kind(Enum):
    """What happens to the clients."""

    NEW = "new"
    REMOVED = "removed"
    MOVED = "moved"
    LOSES = "loses"
    GAINS = "gains"
    KEEPS = "keeps"
    ONLY = "only"
    FREED = "freed"


class Direction(Enum):
    """Who opens the connection: the client, or somebody outside the VPN to the client."""

    OUT = "out"
    IN = "in"


@dataclass(frozen=True, slots=True)
class Grant:
    """Places and the services at them; ``until`` where it ends by itself."""

    places: tuple[str, ...]
    services: tuple[str, ...]
    until: datetime | None = None

    def __str__(self) -> str:
        end = f" until {moment(self.until)}" if self.until else ""
        if self.everything:
            return f"everything{end}"
        return f"{', '.join(self.places)} {', '.join(self.services)}{end}"

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self.places == ("any",) and self.services == ("any",)


@dataclass(frozen=True, slots=True)
class Group:
    """The clients that something happens to. ``profile`` is one that all of them have, which ``total`` clients have."""

    clients: tuple[str, ...]
    profile: str | None = None
    total: int = 0

    def __str__(self) -> str:
        count = len(self.clients)
        if count == 1:
            return self.clients[0]
        if count > MOST_NAMES and self.profile is not None:
            if count == self.total:
                return f"profile {self.profile} ({count} clients)"
            return f"{count} of {self.total} clients of profile {self.profile}"
        if count > MOST_NAMES + 1:
            return f"{', '.join(self.clients[:MOST_NAMES])} and {count - MOST_NAMES} more clients"
        return f"{', '.join(self.clients[:-1])} and {self.clients[-1]}"

    @property
    def many(self) -> bool:
        """Whether it takes a verb in the plural."""
        return len(self.clients) > 1 and not (
            self.profile is not None and len(self.clients) == self.total and len(self.clients) > MOST_NAMES
        )


@dataclass(frozen=True, slots=True)
class AccessChange:
    """A change for a group of clients.

    GAINS and LOSES have one grant. KEEPS: what stays, and from now on ends at the grant's ``until`` (None: no
    longer ends). ONLY: of everything, which was open before, the grants stay. FREED: its interface, which
    ``addresses`` names, is no longer managed, so everything is open. ``source`` are the addresses of the client that
    it is about, None for all; ``addresses`` for NEW, REMOVED and MOVED what it has or had.
    """

    group: Group
    kind: Kind
    direction: Direction = Direction.OUT
    grants: tuple[Grant, ...] = ()
    source: str | None = None
    addresses: tuple[str, ...] = ()

    def __str__(self) -> str:
        who = str(self.group) + (f" (from {self.source})" if self.source else "")
        return f"{who} {self._predicate()}"

    def _predicate(self) -> str:
        inbound = "inbound from " if self.direction is Direction.IN else ""
        grants = inbound + "; ".join(str(grant) for grant in self.grants)
        fixed = {
            Kind.NEW: f"{self._verb('is')} new",
            Kind.REMOVED: f"{self._verb('is')} gone, with all access",
            Kind.MOVED: f"{self._verb('has')} other addresses: {' → '.join(self.addresses)}",
        }
        if self.kind in fixed:
            return fixed[self.kind]
        if self.kind is Kind.ONLY:
            if not self.grants:
                return f"{self._verb('loses')} everything"
            else_ = "everything else" if self.direction is Direction.OUT else "all other inbound"
            rest = "" if self._keeps_all else f", {self._verb('loses')} {else_}"
            return f"{self._verb('keeps')} {grants}{rest}"
        if self.kind is Kind.FREED:
            return f"{self._verb('gains')} {grants}: {self.addresses[0]} is not in this policy"
        # What no longer ends by itself is not told from what never did but by these words.
        for_good = " for good" if self.kind is Kind.KEEPS and self.grants[0].until is None else ""
        return f"{self._verb(self.kind.value)} {grants}{for_good}"

    @property
    def _keeps_all(self) -> bool:
        return any(grant.everything and grant.until is None for grant in self.grants)

    def _verb(self, singular: str) -> str:
        plural = {"gains": "gain", "loses": "lose", "keeps": "keep", "has": "have", "is": "are"}
        return plural[singular] if self.group.many else singular

    def documents(self) -> Iterator[dict[str, Any]]:
        """The change for JSON: one object for each client."""
        for client in self.group.clients:
            yield {"client": client, **self._document()}

    def _document(self) -> dict[str, Any]:
        side = "to" if self.direction is Direction.OUT else "from"
        if self.kind in (Kind.NEW, Kind.REMOVED, Kind.MOVED):
            return {"change": self.kind.value, "addresses": list(self.addresses)}
        if self.kind is Kind.ONLY:
            kept = [_grant_document(grant, side) for grant in self.grants]
            if self._keeps_all:
                return {"change": "keeps", "direction": self.direction.value, **kept[0]}
            whole: dict[str, Any] = {side: ["any"], "services": ["any"], "until": None, "except": kept}
            return {"change": "loses", "direction": self.direction.value, **whole}
        change = Kind.GAINS if self.kind is Kind.FREED else self.kind
        document = {"change": change.value, "direction": self.direction.value}
        if self.source:
            document["source"] = self.source
        return {**document, **_grant_document(self.grants[0], side)}


def _grant_document(grant: Grant, side: str) -> dict[str, Any]:
    return {
        side: list(grant.places),
        "services": list(grant.services),
        "until": moment(grant.until) if grant.until else None,
    }
