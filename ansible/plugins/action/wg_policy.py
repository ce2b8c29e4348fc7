# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Puts a policy in force on a gateway, and keeps it by a new connection. The module of this name says what it takes."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure, AnsibleError
from ansible_collections.harden.toolkit.plugins.module_utils.access import OPENED, access_lines, rule_lines
from ansible_collections.harden.toolkit.plugins.module_utils.command import Harden, RefusalError
from ansible_collections.harden.toolkit.plugins.module_utils.policyoptions import POLICY_OPTIONS
from ansible_collections.harden.toolkit.plugins.module_utils.textdiff import prepared
from ansible_collections.harden.toolkit.plugins.plugin_utils.confirmation import Confirmation, lost
from ansible_collections.harden.toolkit.plugins.plugin_utils.patience import within
from ansible_collections.harden.toolkit.plugins.plugin_utils.policytext import policy_text
from ansible_collections.harden.toolkit.plugins.plugin_utils.rendering import Workshop, controller_command, own_file

from ansible.plugins.action import ActionBase

APPLYING = 600.0  # seconds that an apply may take, as the module has it
SHARED = ("dest", "netns", "executable", "state_dir", "render_on")  # what wg_confirm takes, too
FIRST = "what the policy does not allow, no client can reach any more: these are the first rules of this gateway"
_KEY = re.compile(r"^\s*(PrivateKey|PresharedKey)\s*=", re.IGNORECASE | re.MULTILINE)
_UNREACHED = re.compile(
    r"ssh: (connect to host|Could not resolve hostname) |Host key verification failed|: Permission denied \(|"
    r"kex_exchange_identification|banner exchange|Too many authentication failures"
)
HINT = "if this controller comes through the VPN, its client needs `{to: gateway, services: [ssh]}`"


class ActionModule(ActionBase):
    """One task that does everything: apply on trial, a new connection, confirm."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of the task."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._variables = task_vars
        options = self.validate_argument_spec(POLICY_OPTIONS)[1]
        began, waiting = (self._by_script if options["render_on"] == "controller" else self._by_harden)(options)
        result.update(began)
        if began.get("failed") or not began.get("confirm") or self._task.check_mode:
            return result
        result.update(self._keep(began["confirm"]["seconds"], waiting))
        if result.get("failed"):
            result.pop("diff", None)  # nothing of it has stayed
        return result

    def _by_harden(self, options: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
        """What harden on the gateway has done; the text of what waits there, if it is known here."""
        text = self._text(options) if options["state"] == "present" and not options["remote_src"] else None
        arguments = self._task.args if text is None else {**self._task.args, "policy": text, "remote_src": False}
        return self._begin("wg_policy", arguments, options["confirm"]), text

    def _by_script(self, options: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
        """The same for rules that are made here. Nothing but them, and what they mean, leaves this machine."""
        given = {"state_dir": options["state_dir"], "state": options["state"]}
        if options["state"] == "absent":
            return _told_of_removal(self._begin("wg_script", given, 0)), None
        _refuse_unfit(options)
        name = options["policy"] if isinstance(options["policy"], str) and "\n" not in options["policy"] else "policy"
        try:
            with own_file(self._text(options) or "") as path:
                folder, own = os.path.split(path)
                command = controller_command(options["controller_executable"])
                harden = Harden(command, known_as={path: name, own: name}, folder=folder)
                workshop = Workshop(harden, own, [self._found(option) for option in options["peers"]])
                rendered = workshop.rendered()
                given.update(script=rendered.script, keeper=rendered.keeper, snapshot=rendered.snapshot)
                began = self._begin("wg_script", {**given, "confirm": options["confirm"]}, options["confirm"])
                told = _told(began, workshop, name)
        except RefusalError as refusal:
            return {"failed": True, **refusal.as_result()}, None
        warnings = [*began.get("warnings", []), *rendered.warnings, *told.pop("warnings")]
        told.update(interfaces=rendered.interfaces, clients=rendered.clients)
        return {**began, **told, **({"warnings": warnings} if warnings else {})}, rendered.snapshot

    def _text(self, options: Mapping[str, Any]) -> str | None:
        """The policy's text, wherever it comes from; None if nobody has given one."""
        policy = options["policy"]
        if policy is None:
            return None
        if isinstance(policy, Mapping):
            return policy_text(policy)
        if not isinstance(policy, str):
            raise AnsibleActionFail("policy: neither a mapping nor a text nor a path")
        text = policy if "\n" in policy else self._read(policy)
        if _KEY.search(text):  # before it goes to a gateway, and with -vvv to the screen
            raise AnsibleActionFail("policy: is a file for wg-quick with keys in it; name that with peers")
        return text if "\n" in text else f"{text}\n"

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
        return text

    def _found(self, option: str) -> str:
        """``[INTERFACE=]FILE`` with the file's place on this machine."""
        interface, equals, path = option.rpartition("=")
        return (
            f"{interface}{equals}{path if os.path.isabs(path) else os.path.abspath(self._find_needle('files', path))}"
        )

    def _begin(self, module: str, arguments: Mapping[str, Any], seconds: int) -> dict[str, Any]:
        """What the module has done."""
        if not seconds or self._task.check_mode:
            return self._run_module(module, arguments)
        try:
            with within(APPLYING + seconds):
                return self._run_module(module, arguments)
        except AnsibleConnectionFailure as error:
            if not self._may_have_begun(str(error)):
                raise
            # The new rules may have cut off the connection by which the answer was to come.
            answer = {"confirm": {"seconds": seconds, "until": None}, "changes": [], "access": []}
            return {"changed": True, **answer, "warnings": [f"the answer of the apply got lost: {error}"]}

    def _may_have_begun(self, error: str) -> bool:
        """Whether the gateway had been reached before the connection failed, as far as can be told."""
        if self._connection._shell.tmpdir is not None:
            return True
        if not self._is_pipelining_enabled("new"):
            return False
        # All is one command then, and ssh says so if it got nowhere; unless that was its second attempt.
        return _UNREACHED.search(error) is None or bool(self._connection.get_options().get("reconnection_retries"))

    def _keep(self, seconds: int, waiting: str | None) -> dict[str, Any]:
        """What has become of the trial of ``waiting``."""
        shared = {name: self._task.args[name] for name in SHARED if name in self._task.args}
        if waiting is not None:
            shared["checksum"] = hashlib.sha256(waiting.encode()).hexdigest()

        if self._task.args.get("render_on", "gateway") == "gateway":
            shared["gather"] = ["version", "units", "status"]  # it costs less here than by a task of its own

        def attempt(last: bool) -> dict[str, Any]:
            return self._run_module("wg_confirm", {**shared, "last": last})

        try:
            kept = Confirmation(self._connection, attempt, time.monotonic() + seconds).outcome()
        except AnsibleConnectionFailure as error:
            self._connection._shell.tmpdir = None  # nobody can clean up there
            return {**lost(error), "changed": True}
        if not kept.get("failed"):
            return {"ansible_facts": kept["ansible_facts"]} if "ansible_facts" in kept else {}
        return {
            "failed": True,
            "changed": False,
            "rolled_back": True,
            "msg": f"the new rules were not confirmed by a new connection ({kept['reason']}); {kept['msg']}",
            "hints": [HINT, *kept.get("hints", [])],
        }

    def _run_module(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_name=f"harden.toolkit.{name}", module_args=dict(arguments), task_vars=self._variables
        )
        return result


def _told(began: dict[str, Any], workshop: Workshop, name: str) -> dict[str, Any]:
    """What the change means, by comparison with what the gateway has kept of the one before."""
    changes: list[dict[str, Any]] = []
    access, warnings = [], []
    before = began.pop("snapshot", "")
    if before is None:
        access.append(FIRST)
    elif before:
        try:
            changes = workshop.changes(before)
        except RefusalError as refusal:  # of another release, say: no reason to stop
            warnings.append(f"what changes for whom cannot be told: {refusal}")
    access += access_lines(changes)
    diff = prepared(access, rule_lines(changes), name, None, None)
    return {"changes": changes, "access": access, "diff": diff, "warnings": warnings}


def _told_of_removal(began: dict[str, Any]) -> dict[str, Any]:
    began.pop("snapshot", None)
    access = [] if began.get("in_sync", True) else [OPENED]
    diff = {"diff": prepared(access, [], "policy", None, None)} if access else {}
    return {"changes": [], "access": access, **diff, **began}


def _refuse_unfit(options: Mapping[str, Any]) -> None:
    """Raises AnsibleActionFail for what makes no sense where the rules are made on the controller."""
    if options["remote_src"] or options["policy"] is None:
        raise AnsibleActionFail("render_on: controller needs a policy, and needs it on the controller")
    if not options["peers"]:
        raise AnsibleActionFail("render_on: controller needs peers: the gateway's wg-quick file on the controller")
    if options["netns"] or options["backend"] != "auto":
        raise AnsibleActionFail("netns, backend: not with render_on: controller; the script takes those that it finds")
