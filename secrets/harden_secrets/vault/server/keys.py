"""The files that the server needs before its first start, each made once, and the certificates, renewed in time."""

import contextlib
import secrets
import uuid
from datetime import datetime
from pathlib import Path

from harden_secrets.durable import write_file
from harden_secrets.vault.server import certificates, seal
from harden_secrets.vault.server.certificates import Identity
from harden_secrets.vault.server.place import Place


def make_credentials(place: Place) -> None:
    """The key of the seal, and who harden is to the server. What is there stays."""
    seal.make(place)
    _make_once(place.role_id, str(uuid.uuid4()).encode())
    _make_once(place.secret_id, secrets.token_urlsafe(32).encode())


def _make_once(path: Path, content: bytes) -> None:
    if not path.exists():
        write_file(path, content)


def missing(place: Place) -> list[Path]:
    """Which of the files that only a backup can bring back are not there."""
    wanted = (place.seal_key, place.role_id, place.secret_id, place.data)
    return [path for path in wanted if not path.exists()]


def renew_certificates(place: Place, now: datetime) -> bool:
    """Make what is missing, unreadable or due; whether the server has a new certificate."""
    authority = _readable(place.authority)
    fresh = authority is None or certificates.is_due(authority.certificate, now)
    if authority is None or fresh:
        authority = certificates.authority(now)
        write_file(place.authority, authority.pem)
    if fresh or not place.ca.exists() or place.ca.read_bytes() != authority.public:
        write_file(place.ca, authority.public, 0o644)
        fresh = True
    server = _readable(place.certificate)
    if not fresh and server is not None and not certificates.is_due(server.certificate, now):
        return False
    write_file(place.certificate, certificates.signed(authority, now).pem)
    return True


def certificates_are_due(place: Place, now: datetime) -> bool:
    """Whether :func:`renew_certificates` would do anything."""
    found = [_readable(path) for path in (place.authority, place.certificate)]
    return any(one is None or certificates.is_due(one.certificate, now) for one in found) or not place.ca.exists()


def certificate_ends(place: Place) -> datetime | None:
    """When the server's certificate runs out."""
    server = _readable(place.certificate)
    return None if server is None else server.certificate.not_valid_after_utc


def _readable(path: Path) -> Identity | None:
    with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
        return certificates.read(path.read_bytes())
    return None
