"""The two bits of the packet mark that carry a decision from `mangle` to `filter` and `security`.

Bits clear: not decided. The lower bit alone: allowed. The higher alone: denied by a deny. Both: a redirected
packet on its way to be decided. What bears no "allowed" is refused, so a lost mark closes and never opens.
"""

from dataclasses import dataclass

from wgfw.compiler import names
from wgfw.ruleset import Match, Target


@dataclass(frozen=True)
class Marks:
    """Matches and targets for a mask of two bits."""

    mask: int

    @property
    def allowed(self) -> int:
        """The lower bit."""
        return self.mask & -self.mask

    @property
    def denied(self) -> int:
        """The higher bit."""
        return self.mask & (self.mask - 1)

    @property
    def clear(self) -> Target:
        """Back to undecided."""
        return self.set(0)

    def set(self, bits: int) -> Target:
        """A target that sets these of our bits and leaves everybody else's alone."""
        return ("-j", "MARK", "--set-xmark", f"{bits:#x}/{self.mask:#x}")

    def match(self, bits: int) -> Match:
        """Matches exactly these of our bits."""
        return ("-m", "mark", "--mark", f"{bits:#x}/{self.mask:#x}")

    @property
    def is_allowed(self) -> Match:
        """Allowed and nothing else."""
        return self.match(self.allowed)

    @property
    def is_redirected(self) -> Match:
        """A DNAT has changed where it goes."""
        return self.match(self.mask)

    @property
    def is_decided(self) -> Match:
        """Any of our bits is set."""
        return ("-m", "mark", "!", "--mark", f"0x0/{self.mask:#x}")

    @property
    def is_not_just_allowed(self) -> Match:
        """Not allowed, or allowed with somebody else's bits beside ours."""
        return ("-m", "mark", "!", "--mark", f"{self.allowed:#x}")

    def flag(self, target: Target) -> Match:
        """Matches what a goto to this decision leaves behind."""
        return self.match(self.denied if target[1] in (names.DENIED, names.INTERNET_DENIED) else self.allowed)
