"""What the parsers of key formats give back, and how that becomes a detection."""

from dataclasses import dataclass, replace

from harden_secrets.confidential import Confidential
from harden_secrets.detect.pair import Pair
from harden_secrets.material import PAIR, Detection, Material

DAMAGED = "damaged, but the key can be had from it"


@dataclass(frozen=True, slots=True)
class Recognised:
    """A private key parsed out of its format. The fields mean what they mean in :class:`Detection`."""

    identity: Confidential
    description: str
    protected: bool = False
    public: bytes | None = None
    family: str = ""

    @classmethod
    def of_pair(cls, pair: Pair, *, damaged: bool = False) -> "Recognised":
        """A pair whose private half is there to read."""
        note = f", {DAMAGED}" if damaged or pair.damaged else ""
        return cls(Confidential(pair.public), pair.description + note, public=pair.public, family=PAIR)

    @classmethod
    def locked(cls, public: bytes, description: str) -> "Recognised":
        """A pair whose private half is encrypted, and whose public half is not."""
        return cls(Confidential(public), description, protected=True, public=public, family=PAIR)

    def called(self, description: str) -> "Recognised":
        """The same with other words for it."""
        return replace(self, description=description)

    def detection(self, material: Material, start: int, end: int) -> Detection:
        """The detection of it between two offsets."""
        return Detection(
            material=material,
            identity=self.identity,
            start=start,
            end=end,
            description=self.description,
            protected=self.protected,
            public=self.public,
            family=self.family,
        )
