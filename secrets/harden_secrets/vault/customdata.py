"""Changing some keys of a path's custom metadata and leaving the others to whoever set them."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote as url_quoted

import hvac

from harden_secrets.vault.metadata import changed
from harden_secrets.vault.port import CasMismatchError, VaultError
from harden_secrets.vault.trouble import Need

_ROUNDS = 5
_MERGE = {"Content-Type": "application/merge-patch+json"}  # RFC 7396: null removes a key

Ask = Callable[[Callable[[hvac.Client], Any], Need], Any]
Place = tuple[str, str, str]
"""The mount, the path, and how messages name the two."""


def annotate(
    ask: Ask,
    known: Callable[[str], Mapping[str, Any] | None],
    place: Place,
    changes: Mapping[str, str | None],
    cas: int | None,
) -> None:
    """Make the changes; ``known`` reads the metadata as the server has it. Raises CasMismatchError and VaultError.

    OpenBao counts versions of the metadata: where somebody changed other keys after we had read them, we read again.
    """
    mount, path, where = place
    for _ in range(_ROUNDS):
        data = known(path)
        current = int(data["current_version"]) if data else 0
        if cas is not None and cas != current:
            hint = "somebody else wrote in between: look at what is there, then run the command again"
            raise CasMismatchError(f"{where}: has version {current}, not {cas}", hint)
        custom = dict(data.get("custom_metadata") or {}) if data else {}
        wanted = changed(custom, changes, where)
        if wanted == custom:
            return
        try:
            _send(ask, f"{mount}/metadata/{path}", data, changes, wanted)
        except CasMismatchError:
            continue
        return
    raise VaultError(f"{where}: its metadata is being changed by somebody else all the time", "try again later")


def _send(
    ask: Ask, path: str, data: Mapping[str, Any] | None, changes: Mapping[str, str | None], wanted: Mapping[str, str]
) -> None:
    url = f"/v1/{url_quoted(path)}"
    guard = {"metadata_cas": data["current_metadata_version"]} if data and "current_metadata_version" in data else {}
    if data is None:  # a patch wants something to be there; and there are no other keys to lose
        ask(lambda vault: vault.adapter.post(url, json={"custom_metadata": dict(wanted)}), Need("create", path))
        return
    body = {"custom_metadata": dict(changes), **guard}
    ask(lambda vault: vault.adapter.request("patch", url, headers=dict(_MERGE), json=body), Need("patch", path))
