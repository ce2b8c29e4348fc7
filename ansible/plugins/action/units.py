# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Installs units, which harden makes on the host, or here where the host has none. The module says what it takes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible_collections.harden.toolkit.plugins.module_utils.command import Harden, RefusalError
from ansible_collections.harden.toolkit.plugins.module_utils.unitoptions import UNIT_OPTIONS
from ansible_collections.harden.toolkit.plugins.plugin_utils.rendering import controller_command

from ansible.plugins.action import ActionBase

FOLDER = "etc/systemd/system"


class ActionModule(ActionBase):
    """Either the module of this name, or unit_files with what is made here."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of the task."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        options = self.validate_argument_spec(UNIT_OPTIONS)[1]
        name, arguments = "units", dict(self._task.args)
        if options["render_on"] == "controller":
            if options["state"] == "absent":
                options["interfaces"] = ["wg0"]  # only the names of the units matter
            if options["names"] != ["keeper"] or not options["interfaces"]:
                raise AnsibleActionFail("render_on: controller is for names: [keeper], and needs interfaces")
            try:
                name, arguments = "unit_files", {"units": made(options), "state": options["state"]}
            except RefusalError as refusal:
                return {**result, "failed": True, **refusal.as_result()}
        answer = self._execute_module(module_name=f"harden.toolkit.{name}", module_args=arguments, task_vars=task_vars)
        result.update(answer)
        return result


def made(options: Mapping[str, Any]) -> dict[str, str]:
    """The texts of the units, by their names."""
    root = tempfile.mkdtemp(prefix="harden")
    try:
        harden = Harden(controller_command(options["controller_executable"]), options["state_dir"])
        interfaces = [word for name in options["interfaces"] for word in ("--interface", name)]
        harden.ask("install-units", "keeper", "--root", root, *interfaces)
        folder = os.path.join(root, FOLDER)
        files = [entry for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
        return {entry.name: _text(entry.path) for entry in files}
    finally:
        shutil.rmtree(root)


def _text(path: str) -> str:
    with open(path, encoding="utf-8") as stream:
        return stream.read()
