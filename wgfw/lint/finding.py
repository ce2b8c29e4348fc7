"""A finding, and what all checks look at."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from harden.document.place import Place
from wgfw.policy.document import Document, Entry, Rules
from wgfw.policy.model import Policy, Rule


class Kind(Enum):
    """What sort of thing is found."""

    SHADOWED = "shadowed"
    UNUSED = "unused"
    WIDE = "over-wide"
    EXPIRED = "expired"
    EXPIRING = "expiring"
    NO_ENTRY = "no entry"
    NO_EFFECT = "no effect"


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark. ``str()`` is the complete line, with file and line in front."""

    kind: Kind
    place: Place
    message: str

    def __str__(self) -> str:
        where = str(self.place) if self.place.line else self.place.file
        return f"{where}: {self.message}"


@dataclass(frozen=True, slots=True)
class Holder:
    """Rules to be looked at, and those that stand beside them: a client's own beside its profiles'.

    ``name`` is how a message calls whose they are.
    """

    name: str
    own: tuple[Rule, ...]
    beside: tuple[Rule, ...]
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """A policy from both sides, as written and as meant. ``holders`` are the policy's own profiles in use and the
    clients with rules of their own: shipped profiles are not the author's."""

    document: Document
    policy: Policy
    now: datetime
    holders: tuple[Holder, ...]

    @classmethod
    def of(cls, document: Document, policy: Policy, now: datetime) -> "Survey":
        """Everything the checks need, worked out once."""
        profiles = [
            Holder(f"profile {name}", rules, (), name)
            for name, rules in policy.profile_rules.items()
            if name in document.profiles and not document.profiles[name].shipped
        ]
        clients = [
            Holder(client.name, client.own, tuple(r for p in client.profiles for r in policy.profile_rules[p]))
            for client in policy.clients
            if client.own
        ]
        return cls(document, policy, now, (*profiles, *clients))

    def lists(self) -> Iterator[Rules]:
        """All lists that the policy's author has written."""
        for profile in self.document.profiles.values():
            if not profile.shipped:
                yield profile.rules
        for client in self.document.clients:
            yield client.rules

    def entries(self) -> Iterator[Entry]:
        """All entries of those lists."""
        return (entry for rules in self.lists() for entry in (*rules.allow, *rules.deny, *rules.inbound))
