"""``harden vault up``, ``status``, ``down``: the server brought to where it should be, whatever it was left in.

The first start may be cut off anywhere. Nothing can be in the storage before the record says ``ready``: nobody has
been told of the server and its only login lies in our own folder. So what such a start left behind is thrown away and
made anew. Afterwards nothing is ever thrown away.
"""

import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from harden.errors import HardenError
from harden.lock import locked
from harden_secrets.durable import write_file
from harden_secrets.statefolder import make_folder
from harden_secrets.vault.server import binary, health, keys, ports, process, record, seal, systemd
from harden_secrets.vault.server.configuration import first_text, server_text
from harden_secrets.vault.server.place import Place
from harden_secrets.vault.server.record import Record

START_SECONDS = 90.0
_LOCK_SECONDS = 120.0
_ELSEWHERE = "name another folder with --state or HARDEN_STATE, or use sudo"
BUSY = "another command is starting or stopping the local Vault"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What ``up`` or ``down`` did, in words for people; nothing where there was nothing to do."""

    record: Record | None
    done: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """How things stand. ``health`` is None where no server answers; ``lost`` is why it would not start again."""

    record: Record | None
    pid: int | None
    health: health.Health | None
    certificate_ends: datetime | None
    lost: HardenError | None = None

    @property
    def good(self) -> bool:
        """Whether the local Vault can be used."""
        return self.record is not None and self.record.ready and self.health is not None and self.health.good


def up(place: Place, port: int | None = None, *, dry_run: bool = False) -> Outcome:
    """Make the server run and be ready. ``port`` is for the first time. Raises HardenError with what to do."""
    program = binary.find()
    if dry_run:
        return _intended(place)
    make_folder(place.folder, hint=_ELSEWHERE)
    try:
        with locked(place.lock, BUSY, _LOCK_SECONDS):
            known = record.load(place)
            if known is None or not known.ready:
                return _begin(place, program, known, port)
            return _bring_up(place, program, known)
    except OSError as error:
        where = error.filename or place.folder
        raise HardenError(f"{where}: {error.strerror}", "`harden vault up` again does what is missing") from error


def down(place: Place, *, dry_run: bool = False) -> Outcome:
    """Stop the server; its data stays."""
    known = record.load(place)
    if known is None or process.running(place) is None:
        return Outcome(known)
    if not dry_run:
        with locked(place.lock, BUSY, _LOCK_SECONDS):
            process.stop(place)
    return Outcome(known, ("stopped",))


def status(place: Place) -> Status:
    """Look, and change nothing."""
    known = record.load(place)
    said = health.ask(place, known.address) if known is not None and place.ca.exists() else None
    return Status(known, process.running(place), said, keys.certificate_ends(place), _lost(place, known))


def renew_when_due(place: Place) -> None:
    """Renew the certificate of a server that runs for years; for whoever uses it, and may write to its folder."""
    now = datetime.now(UTC)
    try:
        if not keys.certificates_are_due(place, now):
            return
        with locked(place.lock, BUSY, _LOCK_SECONDS):
            if keys.renew_certificates(place, now):
                process.reload(place)
    except OSError:
        return  # somebody else's folder: they will


def _intended(place: Place) -> Outcome:
    known = record.load(place)
    if known is None or not known.ready:
        return Outcome(known, ("would make a new Vault and start it",))
    _check_files(place, known)
    return Outcome(known) if status(place).good else Outcome(known, ("would start it",))


def _begin(place: Place, program: Path, known: Record | None, port: int | None) -> Outcome:
    """The first start, or a first start anew."""
    if known is None and place.data.exists():
        hint = f"restore {place.record.name} from a backup, or move {place.data} away if it is of no use"
        raise HardenError(f"{place.data}: there is data, but no {place.record}", hint)
    process.stop(place)
    if place.data.exists():
        shutil.rmtree(place.data)
    if port is not None and not ports.is_free(port):
        raise HardenError(f"port {port} is taken on this host", "name another with --port, or leave it out")
    if known is None or port not in (None, known.port) or not ports.is_free(known.port):
        known = Record(*ports.choose(port))
    # First the record: data without one is somebody's.
    record.save(place, known)
    keys.make_credentials(place)
    seal.check(place, "")
    keys.renew_certificates(place, datetime.now(UTC))
    place.data.mkdir(mode=0o700)
    role_id = place.role_id.read_text()
    write_file(place.configuration, first_text(place, known.port, known.cluster_port, role_id).encode())
    _start(place, program, known)
    known = replace(known, ready=True, seal=seal.mark(place))
    record.save(place, known)
    write_file(place.configuration, server_text(place, known.port, known.cluster_port).encode())
    return Outcome(known, ("made a new Vault", "started"))


def _bring_up(place: Place, program: Path, known: Record) -> Outcome:
    _check_files(place, known)
    done: list[str] = []
    if keys.renew_certificates(place, datetime.now(UTC)):
        done.append("renewed its certificate")
        process.reload(place)
    wanted = server_text(place, known.port, known.cluster_port).encode()
    if not place.configuration.exists() or place.configuration.read_bytes() != wanted:
        write_file(place.configuration, wanted)
    said = health.ask(place, known.address)
    if said is None or not said.good:
        if process.running(place) is not None and said is not None and said.sealed:
            process.stop(place)  # it unseals itself only when it starts
        _start(place, program, known)
        done.append("started")
        if not known.seal:  # it opened the data, so it is the right one
            known = replace(known, seal=seal.mark(place))
            record.save(place, known)
    return Outcome(known, tuple(done))


def _check_files(place: Place, known: Record) -> None:
    lost = [str(path) for path in keys.missing(place)]
    if lost:
        raise HardenError([f"{path}: is gone" for path in lost], f"restore it from a backup of {place.folder}")
    seal.check(place, known.seal)


def _lost(place: Place, known: Record | None) -> HardenError | None:
    if known is not None and known.ready:
        try:
            _check_files(place, known)
        except HardenError as error:
            return error
    return None


def _start(place: Place, program: Path, known: Record) -> None:
    """Start it unless it runs, and wait until it lets us in."""
    if process.running(place) is None:
        if not ports.is_free(known.port):
            hint = f"stop what listens on {known.address}; the local Vault keeps the port that it once got"
            raise HardenError(f"port {known.port} is taken by another program", hint)
        if not systemd.start(place):
            process.start(program, place)
    ready = health.wait(
        lambda: health.lets_us_in(place, known.address), lambda: process.running(place) is not None, START_SECONDS
    )
    if not ready:
        last = process.last_words(place)
        message = f"the local Vault does not come up{f': {last}' if last else ''}"
        raise HardenError(message, (f"its log is {place.log}", "`harden vault up` again does what is missing"))
