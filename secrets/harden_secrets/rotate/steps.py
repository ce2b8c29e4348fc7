"""The steps of one secret's rotation, each by itself: what the machine calls a unit, taken on the real parts."""

from dataclasses import replace
from datetime import datetime

from harden.errors import HardenError
from harden_secrets.inventory.model import SecretEntry
from harden_secrets.rotate import machine
from harden_secrets.rotate.deliverer import Deliverer
from harden_secrets.rotate.rotator import Fields, Pair, Report, Rotator
from harden_secrets.rotate.values import Phase, Proof, Rotation, Unit
from harden_secrets.vault.port import CasMismatchError, Stored, Vault

NOTHING = Report()


class Steps:
    """Takes steps. ``report`` is what the last one leaves to a person; empty until it was taken."""

    def __init__(self, entry: SecretEntry, rotator: Rotator, deliverer: Deliverer, vault: Vault) -> None:
        self._entry, self._rotator, self._deliverer, self._vault = entry, rotator, deliverer, vault
        self.report = NOTHING

    @property
    def site(self) -> machine.Site:
        """Where the secret is used, now."""
        return machine.Site(self._rotator.targets, self._deliverer.deliveries)

    @property
    def where(self) -> str:
        """The secret's path, for messages."""
        return f"{self._vault.mount}/{self._entry.path}"

    def check(self, old: Stored) -> Report:
        """Everything that can be known to be in the way of a new rotation. Raises HardenError; changes nothing."""
        if old.foreign and any(one.to not in ("direct", "file") for one in self._entry.deliver):
            raise HardenError(
                f"{self.where}: was stored as plain text, and an operator reads it so; harden stores base64",
                "migrate it first, so that the operator's template decodes it: harden secrets plan",
            )
        report = self._rotator.check(old.fields)
        self._deliverer.check()
        return report

    def generate(self, old: Fields) -> tuple[Fields, str]:
        """A new key, and what was made."""
        new = self._rotator.generate(old)
        made = sorted(name for name, value in new.items() if old.get(name) != value)
        return new, f"{', '.join(made)} made anew"

    def newest(self) -> Stored:
        """What Vault has. Raises HardenError where that is nothing."""
        stored = self._vault.read(self._entry.path)
        if stored is None:
            raise HardenError(
                f"{self.where}: nothing is stored there, so there is nothing to rotate",
                f"bring the key of {self._entry.name} into Vault first: harden secrets plan, then migrate",
            )
        return stored

    def made(self, version: int) -> datetime | None:
        """When that version was stored; None where it is not kept any more."""
        known = self._vault.metadata(self._entry.path)
        return next((one.created for one in known.versions if one.number == version), None) if known else None

    def check_kind(self, rotation: Rotation) -> None:
        """That it is what it was when the rotation began: one kind cannot finish another's. Raises HardenError."""
        if rotation.kind is not self._entry.kind:
            raise HardenError(
                f"it is of kind {self._entry.kind} now, and its rotation was begun as one of kind {rotation.kind}",
                f"give it kind {rotation.kind} again, with all that belongs to it, until the rotation is finished or"
                " abandoned",
            )

    def foreseen(self, rotation: Rotation, pair: Pair) -> Rotation:
        """The rotation, where nobody else has stored another key meanwhile; with the newest version that the expected
        fields have, where somebody stored these again. Raises HardenError.
        """
        now = self.newest()
        expected = rotation.new_version or rotation.old_version
        if now.version == expected or (not rotation.new_version and is_new(now, pair)):
            return rotation
        if rotation.new_version and is_new(now, pair):
            return replace(rotation, new_version=now.version)
        if not rotation.new_version and is_old(now, pair):
            made = rotation.old_made or self.made(rotation.old_version)
            return replace(rotation, old_version=now.version, old_made=made)
        raise self._unforeseen(now.version, expected)

    def taken_back(self, rotation: Rotation, pair: Pair, now: datetime) -> Rotation:
        """The rotation, to be taken back. Raises HardenError after the switch, unless somebody has stored another key
        since: what is at the targets is theirs then.
        """
        if rotation.switching and not rotation.abandoning:
            stored = self.newest()
            if is_new(stored, pair):
                raise self._too_late(stored.version)
            if rotation.has(Phase.SWITCH):
                left = Proof(f"left as it is: version {stored.version} is somebody else's", now)
                done = {**rotation.done, **dict.fromkeys(machine.units_of(Phase.WITHDRAW, self.site), left)}
                return replace(rotation, abandoning=True, failures={}, done=done)
        return machine.abandoned(rotation)

    def take(self, rotation: Rotation, pair: Pair, unit: Unit) -> str | int:  # noqa: PLR0911 - a table of calls
        """What the step has shown, in words; of the switch the version. Raises HardenError."""
        rotator, name = self._rotator, unit.name
        match unit.phase:
            case Phase.SWITCH:
                return self._switch(rotation, pair)
            case Phase.DELIVER:
                return self._deliverer.deliver(name, pair.new, pair.old)
            case Phase.CONFIRM:
                return self._deliverer.confirm(name, pair.new)
            case Phase.LIMIT:
                return rotator.limit(name, pair, _known(rotation.deadline))
            case Phase.OVERLAP:
                return "is over"
            case Phase.QUIET:
                return rotator.still_used(name, pair, _known(rotation.overlap_began))
            case Phase.CLOSE:
                self.report = NOTHING if rotation.abandoning else rotator.report(pair)
                return ""
        act = {
            Phase.INSTALL: rotator.install,
            Phase.PROVE: rotator.prove,
            Phase.CUT_OVER: rotator.cut_over,
            Phase.RETIRE: rotator.retire,
            Phase.REFUSE: rotator.prove_refused,
            Phase.WITHDRAW: rotator.withdraw,
        }
        return act[unit.phase](name, pair)

    def _switch(self, rotation: Rotation, pair: Pair) -> int:
        """The version that the new key has now."""
        try:
            return self._vault.write(self._entry.path, pair.new, cas=rotation.old_version)
        except CasMismatchError:
            now = self.newest()
            if not is_new(now, pair):
                raise self._unforeseen(now.version, rotation.old_version) from None
            return now.version  # it was we, and the answer was lost

    def fence(self, rotation: Rotation, pair: Pair) -> int:
        """Make it impossible for anybody to switch any more: the old fields follow themselves. The version they have.

        A process that is believed dead may still be about to write; its write names the version that it follows.
        """
        return self._vault.write(self._entry.path, pair.old, cas=rotation.old_version)

    def _too_late(self, version: int) -> HardenError:
        return HardenError(
            f"{self._entry.name}: the new key is version {version} already: the rotation can only be finished",
            f"go on with: harden secrets rotate {self._entry.name}; until the old key is retired both are good",
        )

    def _unforeseen(self, version: int, expected: int) -> HardenError:
        return HardenError(
            f"{self.where}: somebody stored version {version} while version {expected} was being rotated",
            f"if that one is right: harden secrets rotate --abandon {self._entry.name}, then rotate anew; if not, store"
            f" the fields of version {expected} again, and the rotation goes on",
        )


def is_new(stored: Stored, pair: Pair) -> bool:
    """Whether that is the new key."""
    return dict(stored.fields) == dict(pair.new)


def is_old(stored: Stored, pair: Pair) -> bool:
    """Whether that is the old key."""
    return dict(stored.fields) == dict(pair.old)


def _known(moment: datetime | None) -> datetime:
    assert moment is not None, "the overlap has begun before its phases come"
    return moment
