"""What can be known to be in the way at a target before a new key is made."""

from datetime import UTC, datetime

from harden.errors import HardenError
from harden_secrets.rotate.kinds.ssh import authorizedkeys, watching
from harden_secrets.rotate.kinds.ssh.editing import KeysFile
from harden_secrets.rotate.kinds.ssh.keypair import KeyPair
from harden_secrets.rotate.kinds.ssh.login import must_log_in
from harden_secrets.rotate.kinds.ssh.session import Session
from harden_secrets.rotate.kinds.ssh.site import Site
from harden_secrets.rotate.kinds.ssh.verdict import version_of

UTC_EXPIRY = (9, 1)  # of OpenSSH: expiry-time takes UTC, marked by a Z (its release notes)
EXPIRY = (7, 7)  # expiry-time is new there
_SECOND_FILE = ".ssh/authorized_keys2"  # which sshd reads as well, unless it is told otherwise


def examine(site: Site, key: KeyPair) -> list[str]:
    """What a person should know of the target. Raises HardenError for what is in the way. Changes nothing."""
    verdict = must_log_in(site.as_user(key, (key,)))
    with site.session(key, (key,)) as session:
        file = site.keys_file(session)
        _check_place(site, file, key, verdict.file)
        file.check()
        notes = _notes(site, session)
        for other in _other_files(site, verdict.file):
            _check_other(site, session, key, file.path, other)
    return notes


def _check_place(site: Site, file: KeysFile, key: KeyPair, accepted: str) -> None:
    content = file.read()
    if not authorizedkeys.is_in(content, key.blob):
        elsewhere = f", sshd has it from {accepted}" if accepted and accepted != file.path else ""
        raise HardenError(
            f"{site.name}: the key {key.fingerprint} is let in, but is not in {file.path}{elsewhere}",
            "say which file it is: `authorized_keys` at the target in the inventory; a key that AuthorizedKeysCommand "
            "or a certificate lets in has to be rotated where that has it from",
        )
    if authorizedkeys.is_authority(content, key.blob):
        hint = "take out its line with cert-authority: what it has signed would be let in after the rotation too"
        raise HardenError(f"{site.name}: {file.path} takes the key {key.fingerprint} as an authority as well", hint)


def _other_files(site: Site, accepted: str) -> list[str]:
    """Where the key could be too: what sshd itself has named, and what it usually reads as well."""
    usual = [] if site.target.authorized_keys else [_SECOND_FILE]
    return [*usual, *([accepted] if accepted else [])]


def _check_other(site: Site, session: Session, key: KeyPair, own: str, path: str) -> None:
    try:
        file = KeysFile(session, site.name, site.target.user, path)
        content = b"" if file.path == own else file.read()
    except HardenError:
        return  # there is none, as there should be none
    if authorizedkeys.is_in(content, key.blob):
        hint = "take it out of there: one file is kept up to date, and that would let the old key in for ever"
        raise HardenError(f"{site.name}: the key {key.fingerprint} is in {file.path} as well", hint)


def _notes(site: Site, session: Session) -> list[str]:
    notes = []
    log = watching.look(session, site.target.log, datetime.now(UTC))
    if log.logins is None and site.target.log != "none":
        notes.append(f"{site.name}: who still uses the old key will not be known: {log.why}")
    version = version_of(session.verdict.server)
    if version is None or version < EXPIRY:
        server = session.verdict.server or "its server"
        notes.append(f"{site.name}: the old key gets no end of its own: {server} has no expiry-time")
    return notes
