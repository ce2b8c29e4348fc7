"""The rotation of an SSH key: :class:`~harden_secrets.rotate.rotator.Rotator` for ``ssh-key``.

The new key stands beside the old one in ``authorized_keys`` until that is taken out. While the file is changed, a
session that was open before is held, by which it is put back should the new key not get in.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from harden.errors import HardenError
from harden_secrets.rotate.kinds.ssh import authorizedkeys, signins, watching
from harden_secrets.rotate.kinds.ssh.editing import Edit, KeysFile
from harden_secrets.rotate.kinds.ssh.examining import EXPIRY, UTC_EXPIRY, examine
from harden_secrets.rotate.kinds.ssh.keypair import KeyPair, comment_of, pair_of, renewed
from harden_secrets.rotate.kinds.ssh.login import must_log_in, try_login
from harden_secrets.rotate.kinds.ssh.session import DeclinedError, Session
from harden_secrets.rotate.kinds.ssh.site import Site, Way
from harden_secrets.rotate.kinds.ssh.verdict import Answer, version_of
from harden_secrets.rotate.rotator import Fields, Pair, Report

_AT_ONCE = 16
_LONG_AGO = timedelta(days=365)  # how old a session may be that is still open


class SshRotator:
    """Of one secret; ``sites`` are its targets. Made by :func:`harden_secrets.rotate.kinds.ssh.ssh_rotator`."""

    def __init__(self, name: str, sites: Sequence[Site]) -> None:
        self._name = name
        self._sites = {site.name: site for site in sites}
        self._ours: set[tuple[str, str]] = set()  # where sessions of ours with the old key came from

    @property
    def targets(self) -> Sequence[str]:
        """``user@host`` each, with the port where it is not 22."""
        return tuple(self._sites)

    @property
    def keeps_old(self) -> bool:
        """Both are in the file until the old one is retired."""
        return True

    def check(self, old: Fields) -> Report:
        """Logs in to every target, looks for the key in its file, and whether that could be changed."""
        key = pair_of(old)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers = list(pool.map(lambda site: _examined(site, key), self._sites.values()))
        errors = [answer for answer in answers if isinstance(answer, HardenError)]
        if errors:
            hints = dict.fromkeys(hint for error in errors for hint in error.hints)
            raise HardenError([line for error in errors for line in error.messages], hints)
        notes = [line for answer in answers if not isinstance(answer, HardenError) for line in answer]
        if key.kind != "ssh-ed25519":
            notes.insert(0, f"the old key is of type {key.kind}, the new one will be of ssh-ed25519")
        return Report(tuple(notes))

    def generate(self, old: Fields) -> Fields:
        """An Ed25519 key in the field that the old one is in, and its public half where there is that field."""
        return renewed(old, comment_of(old, self._name))

    def install(self, target: str, pair: Pair) -> str:
        """The new key beside the old one, with its options, and seen to log in."""
        site, old, new, way = self._of(target, pair)
        comment = comment_of(pair.new, f"{self._name}@{pair.began:%Y-%m-%d}")

        def edit(content: bytes) -> bytes:
            if not authorizedkeys.is_in(content, old.blob):
                hint = "put it back, or give the rotation up: harden secrets rotate --abandon"
                raise HardenError(f"{site.name}: the old key {old.fingerprint} is not in {file.path} any more", hint)
            return authorizedkeys.with_beside(content, old.blob, new.blob, comment)

        with site.session(old, way) as session:
            self._ours.add(session.source)
            file = site.keys_file(session)
            changed = _change_safely(
                file, edit, _taking_out(new, keep=old), lambda: must_log_in(site.as_user(new, way))
            )
        return f"{'put' if changed else 'was'} beside the old key in {file.path}, and logged in"

    def prove(self, target: str, pair: Pair) -> str:
        """A fresh login with the new key only; and a command, unless a key of its own edits the file."""
        site, _, new, way = self._of(target, pair)
        access = site.as_user(new, way)
        if try_login(access).answer is Answer.REFUSED:
            # Who had read the file before our change and wrote it after has taken the key out again.
            self.install(target, pair)
        server = must_log_in(access).server
        if site.target.login_key:
            return f"{new.fingerprint} logged in to {server}"
        with site.session(new, way):  # after the switch nobody but the new key gets in to go on
            return f"{new.fingerprint} logged in to {server} and ran a command"

    def cut_over(self, target: str, pair: Pair) -> str:
        """Nothing: the keys stand beside one another."""
        return "both keys are good"

    def limit(self, target: str, pair: Pair, until: datetime) -> str:
        """``expiry-time`` on the old key, in the target's clock; what can be known of its use is said too."""
        site, old, new, way = self._of(target, pair)
        with site.session(new, way) as session:
            log = watching.look(session, site.target.log, until)
            unseen = "" if log.logins is not None else f"; who uses it is not known: {log.why}"
            moment = _expiry(session, until)
            if moment is None:
                return ""
            site.keys_file(session).change(lambda content: authorizedkeys.with_expiry(content, old.blob, moment))
        return f"the old key ends at {until:%Y-%m-%d %H:%M:%S} UTC at the latest{unseen}"

    def still_used(self, target: str, pair: Pair, since: datetime) -> str:
        """Who has logged in with the old key, by sshd's log; empty too where that cannot be read.

        A login of ours counts as well if another run made it after ``since``: when a target was added that late.
        """
        site, old, new, way = self._of(target, pair)
        with site.session(new, way) as session:
            begin = since + watching.ahead(session)
            log = watching.look(session, site.target.log, begin)
        found = signins.of_key(log.logins or [], old.fingerprint, begin, frozenset(self._ours))
        return signins.words([one for one in found if one.user == site.target.user])

    def retire(self, target: str, pair: Pair) -> str:
        """The old key is taken out, and sessions that were opened with it are ended."""
        site, old, new, way = self._of(target, pair)

        def edit(content: bytes) -> bytes:
            try:
                return authorizedkeys.without(content, old.blob, keep=new.blob)
            except authorizedkeys.LastKeyError:
                message = f"{site.name}: the new key {new.fingerprint} is not in {file.path} any more"
                raise HardenError(
                    message, "the old one was left there; put the new one back, then run it again"
                ) from None

        with site.session(new, way) as session:
            must_log_in(site.as_user(new, way))
            file = site.keys_file(session)
            changed = _change_safely(
                file,
                edit,
                lambda content: authorizedkeys.with_beside(content, new.blob, old.blob, b""),
                lambda: must_log_in(site.as_user(new, way)),
            )
            # Only now: until then one more could be opened.
            seen = watching.open_sessions(session, site.target.user)
            log = watching.look(session, site.target.log, pair.began - _LONG_AGO)
            ended = watching.end_sessions(session, site.target.user, log, old.fingerprint, seen)
        return f"{'taken out of' if changed else 'was not in'} {file.path}; {ended}"

    def prove_refused(self, target: str, pair: Pair) -> str:
        """The old key is tried, and refused by a host that lets the new one in.

        Where it is let in again, by a program that had read the file before and wrote it after, it is retired again.
        """
        site, old, new, way = self._of(target, pair)
        must_log_in(site.as_user(new, way))
        access = site.as_user(old, way)
        verdict, again = try_login(access), ""
        if verdict.answer is Answer.LET_IN:
            again = f"; it had come back: {self.retire(target, pair)}"
            verdict = try_login(access)
        if verdict.answer is Answer.REFUSED:
            return f"{old.fingerprint} is refused by {verdict.server}, which lets the new one in{again}"
        if verdict.answer is Answer.LET_IN:
            elsewhere = f"; sshd has it from {verdict.file}" if verdict.file else ""
            hint = "take it out of there too: another file of AuthorizedKeysFile, AuthorizedKeysCommand, a certificate?"
            raise HardenError(f"{access.where}: the old key {old.fingerprint} is still let in{elsewhere}", hint)
        raise access.failure(verdict)

    def withdraw(self, target: str, pair: Pair) -> str:
        """The new key is taken out again, after the old one was seen to work."""
        site, old, new, way = self._of(target, pair)
        edit = _taking_out(new, keep=old)
        with site.session(old, way) as session:
            self._ours.add(session.source)
            must_log_in(site.as_user(old, way))
            file = site.keys_file(session)
            changed = file.change(edit) is not None
            if authorizedkeys.is_in(file.read(), new.blob):
                message = (
                    f"{site.name}: the old key {old.fingerprint} is not in {file.path}: the new one was left there"
                )
                raise HardenError(message, "put the old one back, then run it again")
        return f"the new key {'was taken out of' if changed else 'is not in'} {file.path}; the old one logged in"

    def report(self, pair: Pair) -> Report:
        """Which key has taken the place of which, for those who have written down a fingerprint."""
        old, new = pair_of(pair.old).fingerprint, pair_of(pair.new).fingerprint
        return Report((f"{new} has taken the place of {old}",), {"old": old, "new": new})

    def _of(self, target: str, pair: Pair) -> tuple[Site, KeyPair, KeyPair, Way]:
        old, new = pair_of(pair.old), pair_of(pair.new)
        # On a host on the way the old one is not used where the new one will do: it is to be left alone there too.
        return self._sites[target], old, new, (new, old)


def _examined(site: Site, key: KeyPair) -> list[str] | HardenError:
    try:
        return examine(site, key)
    except HardenError as error:
        return error


def _taking_out(new: KeyPair, keep: KeyPair) -> Edit:
    def edit(content: bytes) -> bytes:
        try:
            return authorizedkeys.without(content, new.blob, keep=keep.blob)
        except authorizedkeys.LastKeyError:
            return content

    return edit


def _change_safely(file: KeysFile, edit: Edit, undo: Edit, prove: Callable[[], object]) -> bool:
    """Make the change; where what is to be proved then fails, put the file back. Whether anything was changed."""
    before = file.change(edit)
    try:
        prove()
    except HardenError as error:
        if before is None:
            raise
        try:
            file.put_back(edit(before), before, undo)
        except HardenError as worse:
            raise HardenError([*error.messages, *worse.messages], [*error.hints, *worse.hints]) from None
        raise HardenError([*error.messages, f"{file.path} was put back as it was"], error.hints) from None
    return before is not None


def _expiry(session: Session, until: datetime) -> bytes | None:
    """The time as the server reads it; None where it knows no ``expiry-time``, and would refuse the key for it."""
    version = version_of(session.verdict.server)
    if version is None or version < EXPIRY:
        return None
    there = until + watching.ahead(session)
    if version >= UTC_EXPIRY:
        return f"{there:%Y%m%d%H%M%S}Z".encode()
    try:
        return session.ask("wall", str(int(there.timestamp()))).rest.encode()
    except DeclinedError as refusal:
        raise HardenError(f"the target's `date` cannot tell the time of the old key's end: {refusal}") from None
