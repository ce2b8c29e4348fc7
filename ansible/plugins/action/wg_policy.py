# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Puts a policy in force on a gateway, and keeps it by a new connection. The module of this name says what it takes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible_collections.harden.toolkit.plugins.module_utils.policyoptions import POLICY_OPTIONS
from ansible_collections.harden.toolkit.plugins.plugin_utils.confirmation import Confirmation, lost
from ansible_collections.harden.toolkit.plugins.plugin_utils.patience import within
from ansible_collections.harden.toolkit.plugins.plugin_utils.policytext import policy_text

from ansible.plugins.action import ActionBase

APPLYING = 600.0  # seconds that an apply may take, as the module has it
CONFIRMING = ("dest", "netns", "executable", "state_dir")  # what both modules take


class ActionModule(ActionBase):
    """One task that does everything: apply on trial, a new connection, confirm."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of the task."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        options = self.validate_argument_spec(POLICY_OPTIONS)[1]
        arguments = {**self._task.args, **self._policy(options)}
        began = self._apply(arguments, options["confirm"], task_vars)
        result.update(began)
        if began.get("failed") or not began.get("confirm") or self._task.check_mode:
            return result
        result.update(self._keep(began, arguments, task_vars))
        return result

    def _policy(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options of the module that carry the policy's text, wherever it comes from."""
        policy = options["policy"]
        if policy is None or options["state"] == "absent":
            return {}
        if isinstance(policy, Mapping):
            return {"policy": policy_text(policy), "remote_src": False}
        if not isinstance(policy, str):
            raise AnsibleActionFail("policy: neither a mapping nor a text nor a path")
        if "\n" in policy or options["remote_src"]:
            return {}
        return {"policy": self._read(policy)}

    def _read(self, name: str) -> str:
        try:
            real = self._loader.get_real_file(self._find_needle("files", name), decrypt=True)
            with open(real, "rb") as stream:
                text = stream.read().decode()
            self._loader.cleanup_tmp_file(real)
        except UnicodeDecodeError:
            raise AnsibleActionFail(f"{name}: is not UTF-8") from None
        except (AnsibleError, OSError) as error:
            raise AnsibleActionFail(f"policy: {error}") from error
        return text if "\n" in text else f"{text}\n"

    def _apply(self, arguments: dict[str, Any], seconds: int, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """What the module has done."""
        if not seconds or self._task.check_mode:
            return self._run_module("wg_policy", arguments, task_vars)
        try:
            with within(APPLYING + seconds):
                return self._run_module("wg_policy", arguments, task_vars)
        except AnsibleConnectionFailure as error:
            if not self._may_have_begun():
                raise
            # The new rules may have cut off the connection by which the answer was to come.
            answer = {"confirm": {"seconds": seconds, "until": None}, "changes": [], "access": []}
            return {"changed": True, **answer, "warnings": [f"the answer of the apply got lost: {error}"]}

    def _may_have_begun(self) -> bool:
        """Whether the gateway had been reached before the connection failed, as far as can be told."""
        return self._connection._shell.tmpdir is not None or bool(self._is_pipelining_enabled("new"))

    def _run_module(self, name: str, arguments: Mapping[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_name=f"harden.toolkit.{name}", module_args=dict(arguments), task_vars=task_vars
        )
        return result

    def _keep(
        self, began: Mapping[str, Any], arguments: Mapping[str, Any], task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        """What has become of the trial."""
        shared = {name: arguments[name] for name in CONFIRMING if name in arguments}
        if isinstance(arguments.get("policy"), str) and "\n" in arguments["policy"]:
            shared["checksum"] = hashlib.sha256(arguments["policy"].encode()).hexdigest()

        def attempt(last: bool) -> dict[str, Any]:
            return self._run_module("wg_confirm", {**shared, "last": last}, task_vars)

        deadline = time.monotonic() + began["confirm"]["seconds"]
        try:
            kept = Confirmation(self._connection, attempt, deadline).outcome()
        except AnsibleConnectionFailure as error:
            self._connection._shell.tmpdir = None  # nobody can clean up there
            return {**lost(error), "changed": True}
        if not kept.get("failed"):
            return {}
        return {
            "failed": True,
            "changed": False,
            "rolled_back": True,
            "msg": f"the new rules were not confirmed by a new connection ({kept['reason']}); {kept['msg']}",
            "hints": ["a client of the VPN needs `to: gateway` with ssh to come in that way", *kept.get("hints", [])],
        }
