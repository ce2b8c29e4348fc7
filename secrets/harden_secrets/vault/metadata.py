"""What a KV version 2 store says of a path, as values, and what it takes as custom metadata."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from harden.document.wording import quote
from harden_secrets.vault.port import Metadata, VaultError, VersionState

# builtin/logical/kv/path_metadata.go, in Vault and OpenBao alike
MOST_KEYS = 64
LONGEST_KEY = 128  # bytes
LONGEST_VALUE = 512  # bytes


def read_metadata(data: Mapping[str, Any], now: datetime) -> Metadata:
    """The metadata in an answer. ``now`` decides which versions with a time to live have been deleted by it."""
    versions = data.get("versions") or {}
    return Metadata(
        current=int(data["current_version"]),
        max_versions=int(data.get("max_versions") or 0),
        cas_required=bool(data.get("cas_required")),
        custom=dict(data.get("custom_metadata") or {}),
        versions=tuple(_version(int(number), versions[number], now) for number in sorted(versions, key=int)),
    )


def _version(number: int, data: Mapping[str, Any], now: datetime) -> VersionState:
    deletion = moment(data.get("deletion_time") or "")
    return VersionState(
        number=number,
        created=moment(data["created_time"]) or now,
        deleted=deletion is not None and deletion <= now,
        destroyed=bool(data.get("destroyed")),
    )


def moment(text: str) -> datetime | None:
    """An RFC 3339 time, in UTC; the zero time of Go and the empty text are none."""
    if not text or text.startswith("0001-"):
        return None
    return datetime.fromisoformat(text).astimezone(UTC)


def changed(custom: Mapping[str, str], changes: Mapping[str, str | None], where: str) -> dict[str, str]:
    """``custom`` with some keys set and those with None removed. Raises VaultError where the store would refuse it."""
    merged: dict[str, str | None] = {**custom, **changes}
    result = {key: value for key, value in merged.items() if value is not None}
    if len(result) > MOST_KEYS:
        raise VaultError(f"{where}: {len(result)} keys of custom metadata, where {MOST_KEYS} is the most")
    for key, value in changes.items():
        if not 0 < len(key.encode()) <= LONGEST_KEY:
            raise VaultError(f"{where}: a key of custom metadata has 1 to {LONGEST_KEY} bytes: {quote(key)}")
        if value is not None and not 0 < len(value.encode()) <= LONGEST_VALUE:
            raise VaultError(f"{where}: the metadata {quote(key)} must have 1 to {LONGEST_VALUE} bytes")
    return result
