"""What is remembered of the server between commands."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from harden.errors import HardenError
from harden_secrets.durable import write_file
from harden_secrets.vault.server.configuration import HOST
from harden_secrets.vault.server.place import Place

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Record:
    """``ready`` once the first start was finished: from then on there may be values in the storage.

    ``seal`` is the mark of the seal's key (:mod:`harden_secrets.vault.server.seal`); empty while that is not known.
    """

    port: int
    cluster_port: int
    ready: bool = False
    seal: str = ""
    format: int = FORMAT

    @property
    def address(self) -> str:
        """The server's URL."""
        return f"https://{HOST}:{self.port}"


def load(place: Place) -> Record | None:
    """The record, or None where no server was ever begun. Raises HardenError where it cannot be read."""
    try:
        data = place.record.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HardenError(f"{place.record}: {error.strerror}", "the local Vault belongs to root: use sudo") from None
    try:
        return _parsed(json.loads(data))
    except (ValueError, KeyError, TypeError):
        hint = f"restore it from a backup together with all of {place.folder}; the secrets are in its data folder"
        raise HardenError(f"{place.record}: is damaged", hint) from None


def _parsed(values: dict[str, Any]) -> Record:
    if values["format"] != FORMAT:
        raise ValueError("of another harden")
    return Record(int(values["port"]), int(values["cluster_port"]), bool(values["ready"]), str(values.get("seal", "")))


def save(place: Place, record: Record) -> None:
    """Keep it, on the disk when this returns."""
    write_file(place.record, json.dumps(asdict(record)).encode() + b"\n")
