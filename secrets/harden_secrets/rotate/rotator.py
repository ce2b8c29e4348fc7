"""What a kind of key has to know for the machine to rotate it. One implementation a kind, in ``rotate/kinds/``.

Every method may be called again after it was cut off at any moment, or after its answer was lost, and then has to
come to the same end. Every method has a limit of time of its own, and raises HardenError with words that tell the
person what to do; no value is ever in them. Methods for different targets are called from several threads at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from harden_secrets.confidential import Confidential

Fields = Mapping[str, Confidential]
"""A version in Vault: the bytes of each field."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The fields as they were before, and those that take over. ``rotation`` is the rotation's id: 12 hex digits."""

    old: Fields
    new: Fields
    rotation: str
    began: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """What a person has to know or do after a rotation, or before one: lines of text, and the same for programs."""

    lines: tuple[str, ...] = ()
    document: Mapping[str, object] = field(default_factory=dict)


class Rotator(Protocol):
    """How a kind of key is made, installed, proved and retired. A method's text says in a few words what it saw."""

    @property
    def targets(self) -> Sequence[str]:
        """Where the other half of the key is, by names for people that stay the same: ``openclaw@devvm``."""
        ...

    @property
    def keeps_old(self) -> bool:
        """Whether the old key is good after the cut-over, so that who cannot take the new one may go on with it."""
        ...

    def check(self, old: Fields) -> Report:
        """Raises HardenError for all that can be known to be in the way before anything is made. Changes nothing."""
        ...

    def generate(self, old: Fields) -> Fields:
        """A new key: all fields of the next version. Changes nothing anywhere."""
        ...

    def install(self, target: str, pair: Pair) -> str:
        """The new key is good at the target too. The old one stays good."""
        ...

    def prove(self, target: str, pair: Pair) -> str:
        """The new key was used at the target, freshly, and worked."""
        ...

    def cut_over(self, target: str, pair: Pair) -> str:
        """What has one place only is the new one's now; called right before the switch in Vault.

        A kind whose keys stand beside one another does nothing here.
        """
        ...

    def limit(self, target: str, pair: Pair, until: datetime) -> str:
        """The old key ends at that time even if nobody comes to retire it; empty where that cannot be."""
        ...

    def still_used(self, target: str, pair: Pair, since: datetime) -> str:
        """Who has used the old key at the target since then, in words; empty: nobody, or it cannot be known."""
        ...

    def retire(self, target: str, pair: Pair) -> str:
        """The old key is taken out, after the new one was seen to work there once more."""
        ...

    def prove_refused(self, target: str, pair: Pair) -> str:
        """The old key was tried at the target, freshly, and refused. Raises HardenError if it still works."""
        ...

    def withdraw(self, target: str, pair: Pair) -> str:
        """The rotation was abandoned before its switch: the new key is taken out again, the old one is good."""
        ...

    def report(self, pair: Pair) -> Report:
        """What is to be known or done at the end."""
        ...
