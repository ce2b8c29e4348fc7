"""Writes what became of each task on each host to $HARDEN_TEST_RECORD, a JSON document a line."""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.parsing.ajson import AnsibleJSONEncoder
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: record
type: notification
short_description: Writes what became of each task to a file
description: For tests.
"""


class CallbackModule(CallbackBase):
    """Beside what is printed for people."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = True

    def _record(self, outcome: str, told: Any) -> None:
        # Up to 2.18 these are attributes with an underscore.
        host, task, result = (getattr(told, name, None) or getattr(told, f"_{name}") for name in NAMES)
        line = {"outcome": outcome, "host": host.name, "task": task.get_name(), "action": task.action, "result": result}
        with open(os.environ["HARDEN_TEST_RECORD"], "a") as file:
            file.write(json.dumps(line, cls=AnsibleJSONEncoder) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._record("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._record("ignored" if ignore_errors else "failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._record("unreachable", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._record("skipped", result)


NAMES = ("host", "task", "result")
