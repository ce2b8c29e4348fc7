# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The shell program of ``harden wg render --format keeper``, on a gateway that has nothing else of harden's.

It answers as harden does, so it is asked as harden is.
"""

from __future__ import annotations

import os
from typing import Mapping, Sequence

from ansible_collections.harden.toolkit.plugins.module_utils.command import TIME_LIMIT, Harden, RefusalError
from ansible_collections.harden.toolkit.plugins.module_utils.staging import StagedFile

KEEPER = "/usr/local/lib/harden/keeper"  # where its units look for it
STATE = "/var/lib/harden"
SNAPSHOT = "wg-policy.json"


class Keeper(Harden):
    """The program at ``path``. Its verbs are ``apply SCRIPT``, ``confirm``, ``remove``, ``status`` …"""

    def __init__(
        self,
        path: str,
        state_dir: str | None = None,
        known_as: Mapping[str, str] | None = None,
        time_limit: float = TIME_LIMIT,
    ) -> None:
        if not os.path.exists(path):
            raise RefusalError([f"{path}: no such file"], ["wg_policy with render_on: controller brings it"])
        super().__init__("/bin/sh", state_dir, known_as, time_limit)
        self._program = path

    def _argv(self, arguments: Sequence[str], named: Sequence[str]) -> list[str]:
        shell, *rest = super()._argv(arguments, named)
        return [shell, self._program, *rest]


def snapshot_file(state_dir: str | None) -> StagedFile:
    """What the rules that were confirmed last mean, for who compares the next ones with them."""
    return StagedFile(os.path.join(state_dir or os.environ.get("HARDEN_STATE") or STATE, SNAPSHOT), 0o600, 0o700)
