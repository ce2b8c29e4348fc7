"""GnuPG, as far as wrapping a key for people takes it: public keys out of the user's keyring, and encryption to them.

What is encrypted goes in on stdin and comes out on stdout. The keys lie in a keyring of our own, so that no option,
group or default recipient of the user's configuration has a say in who can read it.
"""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.missingprogram import not_run

SECONDS = 60.0
# doc/DETAILS of GnuPG: the fields of `--with-colons`, counted from 0
_RECORD, _VALIDITY, _CAPABILITIES, _USER_ID = 0, 1, 11, 9
_UNUSABLE = {"e": "has expired", "r": "was revoked", "d": "is disabled", "i": "is not valid"}


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody with a key: its fingerprint, and the name in it, empty where it is not known."""

    fingerprint: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.fingerprint} ({self.name})" if self.name else self.fingerprint


@dataclass(slots=True)
class Keyring:
    """Public keys that something can be encrypted to; each is fetched from the user's keyring when first asked for."""

    home: str
    _known: dict[str, Recipient] = field(default_factory=dict)

    def recipients(self, fingerprints: Sequence[str]) -> tuple[Recipient, ...]:
        """Those with these fingerprints. Raises HardenError with everybody to whom nothing can be encrypted."""
        faults = [fault for one in fingerprints if one not in self._known and (fault := self._fetch(one))]
        if faults:
            raise HardenError(
                faults,
                (
                    "`gpg --import FILE`, or `gpg --recv-keys FINGERPRINT`, brings current keys into your keyring",
                    "whoever is to lose access goes into the inventory, under `departed` of the repository",
                ),
            )
        return tuple(self._known[one] for one in fingerprints)

    def encrypted(self, recipient: Recipient, content: Confidential) -> bytes:
        """The content as only that recipient can read it: an OpenPGP message (RFC 9580), not armoured."""
        options = ("--trust-model", "always", "--recipient", recipient.fingerprint, "--output", "-", "--encrypt")
        done = _gpg(*self._private, *options, stdin=content.reveal())
        if done.returncode or not done.stdout:
            raise HardenError(f"{recipient}: gpg does not encrypt to this key: {_words(done)}")
        return done.stdout

    def _fetch(self, fingerprint: str) -> str:
        """What is wrong with the key; empty where it is there and good."""
        exported = _gpg("--export-options", "export-minimal", "--export", fingerprint)
        if exported.returncode:
            raise HardenError(f"gpg does not give the public key {fingerprint}: {_words(exported)}")
        if not exported.stdout:
            return f"{fingerprint}: its public key is not in your keyring, so nothing can be wrapped for it"
        taken = _gpg(*self._private, "--import", stdin=exported.stdout)
        listed = _gpg(*self._private, "--with-colons", "--list-keys", fingerprint)
        if listed.returncode:
            return f"{fingerprint}: gpg does not take its public key: {_words(taken)}"
        validity, capabilities, name = _described(listed.stdout)
        recipient = Recipient(fingerprint, name)
        if "E" not in capabilities or "D" in capabilities:
            return f"{recipient}: its key {_UNUSABLE.get(validity, 'is none that can be encrypted to')}"
        self._known[fingerprint] = recipient
        return ""

    @property
    def _private(self) -> tuple[str, ...]:
        return ("--homedir", self.home, "--no-options", "--no-autostart")


@contextmanager
def keyring() -> Iterator[Keyring]:
    """An empty keyring in a folder of its own, which goes with everything in it."""
    # Made here, and not by gpg: one that it makes itself it may want a daemon for (`use-keyboxd` in common.conf).
    with tempfile.TemporaryDirectory(prefix="harden-gpg-") as home:
        yield Keyring(home)


def _described(listing: bytes) -> tuple[str, str, str]:
    """The validity and capabilities of the first public key of a listing, and its first user ID."""
    validity = capabilities = name = ""
    for line in listing.decode("utf-8", "replace").splitlines():
        parts = line.split(":")
        if parts[_RECORD] == "pub" and not capabilities:
            validity, capabilities = parts[_VALIDITY], parts[_CAPABILITIES] or "-"
        elif parts[_RECORD] == "uid" and not name:
            name = parts[_USER_ID].replace("\\x3a", ":")
    return validity, capabilities, name


def _gpg(*arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    argv = ["gpg", "--batch", "--no-tty", "--quiet", *arguments]
    try:
        return subprocess.run(argv, input=stdin, capture_output=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired as error:
        raise HardenError(f"gpg {arguments[-1]}: no answer in {SECONDS:g} seconds, given up") from error
    except OSError as error:
        raise not_run("gpg", "gnupg", error) from error


def _words(done: "subprocess.CompletedProcess[bytes]") -> str:
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].removeprefix("gpg: ") if lines else f"status {done.returncode}"
