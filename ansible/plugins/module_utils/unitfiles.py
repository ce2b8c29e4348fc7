# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Units of systemd whose texts were made elsewhere, by ``harden install-units --root``."""

from __future__ import annotations

import os
from typing import Mapping, Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.harden.toolkit.plugins.module_utils.command import RefusalError
from ansible_collections.harden.toolkit.plugins.module_utils.staging import StagedFile

FOLDER = "/etc/systemd/system"
MARK = "# Made by `harden install-units`"


def changed_units(texts: Mapping[str, str]) -> dict[str, str]:
    """What is to be done to each: made, changed or unchanged. Raises RefusalError for one that is somebody else's."""
    return {name: _change(name, text) for name, text in sorted(texts.items())}


def install(module: AnsibleModule, texts: Mapping[str, str]) -> None:
    """They are there and enabled, and the timers among them run."""
    for name, text in texts.items():
        file = _file(name)
        file.write(text.encode())
        file.put_in_place(module)
    _systemctl(module, "daemon-reload")
    _systemctl(module, "enable", *texts, alive=False)
    _systemctl(module, "restart", *(name for name in texts if name.endswith(".timer")))


def remove(module: AnsibleModule, names: Sequence[str]) -> None:
    """They are gone, and nothing of them runs any more."""
    _systemctl(module, "disable", *names, alive=False)
    for name in names:
        _file(name).remove()
    # What interfaces require is stopped when they no longer do: systemd would stop them with it.
    _systemctl(module, "daemon-reload")
    _systemctl(module, "stop", *names)


def ours(names: Sequence[str]) -> list[str]:
    """Those that are there and bear the mark."""
    contents = {name: _file(name).content_in_place for name in names}
    return [name for name, content in contents.items() if content is not None and content.startswith(MARK.encode())]


def _change(name: str, text: str) -> str:
    if os.path.basename(name) != name or not text.startswith(MARK):
        raise RefusalError([f"{name}: is no unit of `harden install-units`"])
    there = _file(name).content_in_place
    if there is None:
        return "made"
    if not there.startswith(MARK.encode()):
        raise RefusalError([f"{FOLDER}/{name}: is not harden's"], ["remove it or rename it, whoever has made it"])
    return "unchanged" if there == text.encode() else "changed"


def _file(name: str) -> StagedFile:
    return StagedFile(os.path.join(FOLDER, name), 0o644)


def _systemctl(module: AnsibleModule, verb: str, *names: str, alive: bool = True) -> None:
    """``alive``: only where systemd runs."""
    systemctl = module.get_bin_path("systemctl")
    if systemctl is None or (alive and not os.path.isdir("/run/systemd/system")):
        return
    answer = module.run_command([systemctl, verb, *names], expand_user_and_vars=False)
    if answer[0]:
        raise RefusalError([f"systemctl {verb}: {answer[2].strip() or f'exit status {answer[0]}'}"])
