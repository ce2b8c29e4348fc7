# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Making the rules of a gateway where Ansible runs."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from ansible_collections.harden.toolkit.plugins.module_utils.command import Answer, Harden, RefusalError

OWN = ".harden-policy.yaml"  # what a snapshot calls its policy: always the same, or each run would bring another one


class Rendered(NamedTuple):
    """What goes to a gateway. Nothing in it is secret."""

    script: str
    keeper: str
    snapshot: str
    warnings: list[str]
    clients: int

    @property
    def interfaces(self) -> list[str]:
        """Those that the policy is for."""
        return list(json.loads(self.snapshot.split("\n")[1])["interfaces"])


class Workshop:
    """The command on this machine, and a policy for it. ``peers`` are options ``[INTERFACE=]FILE``."""

    def __init__(self, harden: Harden, policy: str, peers: Sequence[str]) -> None:
        self._harden = harden
        self._place = ["--policy", policy, *(word for option in peers for word in ("--peers", option))]

    def rendered(self) -> Rendered:
        """Raises RefusalError where there is anything wrong with the policy, a failing test included."""
        check = self._harden.ask("wg", "check", *self._place).document
        failed = [self._harden.renamed(_said(test)) for test in check["tests"] if not test["passed"]]
        if failed:
            raise RefusalError(failed, ["nothing was changed; correct the policy or its tests"])
        script, snapshot, keeper = (self._render(form) for form in ("script", "policy", "keeper"))
        texts = (answer.document["text"] for answer in (script, keeper, snapshot))
        return Rendered(
            *(next(iter(text.values())) for text in texts), warnings=script.warnings, clients=check["clients"]
        )

    def changes(self, before: str) -> list[dict[str, Any]]:
        """What the policy changes where the one of the snapshot is in force, as ``plan --json`` has it."""
        with own_file(before) as path:
            document = self._harden.ask("wg", "plan", *self._place, "--against", path).document
        return list(document["changes"])

    def _render(self, form: str) -> Answer:
        where = self._place if form != "keeper" else []
        return self._harden.ask("wg", "render", *where, "--format", form)


@contextmanager
def own_file(text: str, name: str = OWN) -> Iterator[str]:
    """The path of a file of that name that nobody else can read, for as long as the block takes."""
    folder = tempfile.mkdtemp(prefix="harden")
    try:
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        yield path
    finally:
        shutil.rmtree(folder)


def controller_command(name: str) -> str:
    """The path of the command: ``name`` itself if it is a path, else beside this Python, else from PATH. Raises
    RefusalError where there is none."""
    beside = os.path.dirname(sys.executable)
    found = name if os.sep in name else shutil.which(name, path=beside) or shutil.which(name)
    if found is None:
        raise RefusalError(
            [f"{name}: no such program on the controller, neither in {beside} nor on PATH"],
            ["install harden there, or say where it is: controller_executable"],
        )
    return found


def _said(test: dict[str, Any]) -> str:
    question = f"{test['from']} to {test['to']} {test['service']}"
    return f"{test['file']}:{test['line']}: test failed: {question} is {test['got']}, expected {test['expect']}"
