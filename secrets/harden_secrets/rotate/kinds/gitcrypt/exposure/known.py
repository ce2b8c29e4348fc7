"""The values that secrets of the inventory have and had, to be recognised in files. They stay in memory."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.detect import DETECTORS
from harden_secrets.detect.publichalf import public_halves
from harden_secrets.examine import Sighting, examine
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.inventory.model import Inventory, SecretEntry
from harden_secrets.patterns import Pattern, PatternSet
from harden_secrets.rotate.kinds.gitcrypt.exposure.values import Kept
from harden_secrets.vault.port import Vault

_SHORTEST = 8  # bytes: a shorter value stands in files for other reasons
_PIECE = 48  # bytes of a form that are searched for; where they stand, the whole form is compared
_LEADING = (0, 2, 3)  # characters of base64 that also depend on what stands before the bytes, by where they begin
# What is beside a secret and is none: it stands in files by right.
_NO_SECRET = frozenset({
    "user", "username", "login", "name", "host", "hostname", "port", "url", "address", "database", "email", "mail",
    "fingerprint", "certificate", "known_hosts",
})  # fmt: skip


class KnownValues:
    """Recognises values: keys by their fingerprints, anything else where it stands as it is or as base64."""

    def __init__(self, keys: Mapping[str, frozenset[Kept]], forms: Iterable[tuple[Kept, bytes]]) -> None:
        self._keys = keys
        self._forms = tuple(sorted(forms))
        # Nothing of it is remembered between runs: these patterns are the values.
        self._patterns = PatternSet(self._pieces) if self._forms else None

    def of(self, fingerprint: str) -> tuple[Kept, ...]:
        """The fields that have that key."""
        return tuple(sorted(self._keys.get(fingerprint, ())))

    def standing_in(self, content: bytes) -> set[Kept]:
        """The fields whose value stands in the content."""
        if self._patterns is None:
            return set()
        candidates = (self._forms[number] for number in self._patterns.numbers_in(content))
        return {kept for kept, form in candidates if form in content}

    def _pieces(self) -> Iterator[Pattern]:
        for number, (_, form) in enumerate(self._forms):
            at = max(0, (len(form) - _PIECE) // 2)  # the middle: what is at both ends is often common to many
            yield Pattern(b"".join(b"\\x%02x" % byte for byte in form[at : at + _PIECE]), number)


@dataclass(frozen=True, slots=True)
class Known:
    """What could be read, and why not all of it could."""

    values: KnownValues
    unread: tuple[str, ...] = ()
    compared: bool = True


NOTHING_KNOWN = Known(KnownValues({}, ()), compared=False)


def known_values(inventory: Inventory, vault: Vault, fingerprinter: Fingerprinter) -> Known:
    """All values of the inventory's secrets that Vault still has, of all versions. What it refuses is noted."""
    keys: dict[str, set[Kept]] = {}
    forms: set[tuple[Kept, bytes]] = set()
    unread: list[str] = []
    for entry in inventory.secrets.values():
        try:
            fields = list(_fields(entry, vault))
        except HardenError as error:
            unread.append(f"the values of {entry.name}: {error.messages[0]}")
            continue
        for kept, value in fields:
            for fingerprint in _fingerprints(kept.field, value.reveal(), fingerprinter):
                keys.setdefault(fingerprint, set()).add(kept)
            forms.update((kept, form) for form in _forms(kept.field, value.reveal().strip()))
    known = KnownValues({one: frozenset(kept) for one, kept in keys.items()}, forms)
    return Known(known, tuple(unread), compared=len(unread) < len(inventory.secrets) or not inventory.secrets)


def _fields(entry: SecretEntry, vault: Vault) -> Iterator[tuple[Kept, Confidential]]:
    """Each value once; one that is the newest one's is current, whichever versions have it too."""
    known = vault.metadata(entry.path)
    if known is None:
        return
    numbers = [one.number for one in known.versions if not (one.deleted or one.destroyed)]
    seen: set[tuple[str, Confidential]] = set()
    for number in sorted(numbers, reverse=True):
        stored = vault.read(entry.path, number)
        for name, value in (stored.fields if stored is not None else {}).items():
            if (name, value) not in seen:
                seen.add((name, value))
                yield Kept(entry.name, name, number == known.current), value


def _fingerprints(field: str, value: bytes, fingerprinter: Fingerprinter) -> Iterator[str]:
    """The fingerprints of the keys in a value."""
    for one in examine(value, field, DETECTORS):
        if isinstance(one, Sighting):
            yield fingerprinter.of(one.detection)


def _forms(field: str, value: bytes) -> Iterator[bytes]:
    """How a value may stand in a file: as it is, and as any base64 of a text with it in it."""
    if len(value) < _SHORTEST or field.lower() in _NO_SECRET or "public" in field.lower() or any(public_halves(value)):
        return
    yield value
    for shift, leading in enumerate(_LEADING):
        whole = (shift + len(value)) * 8 // 6
        yield base64.b64encode(bytes(shift) + value)[leading:whole]
