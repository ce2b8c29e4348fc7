# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Running ``harden … --json`` on the host of a module, and saying what it said.

Whatever a module of this collection knows, it has been told by that command: the policy, the kernel and the keys are
looked at there and nowhere else.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any, Mapping, NamedTuple, NoReturn, Sequence

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.process import get_bin_path

DONE = 0
ANSWER_IS_NO = 3
OFTEN_IN = ["/opt/harden/bin", "/usr/local/bin"]
TIME_LIMIT = 600

# What every module that runs the command takes, to be merged into its own options.
COMMAND_OPTIONS: dict[str, Any] = {
    "executable": {"type": "str", "default": "harden"},
    "state_dir": {"type": "path"},
}


class Answer(NamedTuple):
    """What the command answered: its exit status (0, or 3 for "the answer is no"), the document that it printed on
    stdout, and what it warned of on stderr without failing."""

    status: int
    document: Any
    warnings: list[str]

    @property
    def is_yes(self) -> bool:
        """Whether the exit status is 0."""
        return self.status == DONE


class RefusalError(Exception):
    """The command failed. ``messages`` and ``hints`` are its own, without their prefixes."""

    def __init__(self, messages: Sequence[str], hints: Sequence[str] = (), rc: int = 1) -> None:
        super().__init__("\n".join(messages))
        self.messages = list(messages)
        self.hints = list(hints)
        self.rc = rc

    def as_result(self) -> dict[str, Any]:
        """What a module hands to ``fail_json``: msg, hints, rc."""
        return {"msg": "\n".join(self.messages), "hints": self.hints, "rc": self.rc}


class Harden:
    """The command on this host.

    ``known_as`` are paths that a person has never seen, such as that of a file on its way to its place, and what to
    call them in what the command says on stderr.
    """

    def __init__(
        self,
        executable: str = "harden",
        state_dir: str | None = None,
        known_as: Mapping[str, str] | None = None,
        time_limit: float = TIME_LIMIT,
        folder: str | None = None,
    ) -> None:
        """``folder`` is where relative paths begin."""
        self.path = os.path.abspath(find_executable(executable))
        self._folder = folder
        self._state_dir = state_dir
        self._known_as = dict(known_as or {})
        self._time_limit = time_limit

    def ask(self, *arguments: str, named: Sequence[str] = ()) -> Answer:
        """What ``harden ARGUMENTS… --json -- NAMED…`` answers; what is ``named`` may begin with a dash.

        Raises RefusalError if it fails (any status but 0 and 3).
        """
        done = self._run(self._argv(arguments, named))
        spoken = Spoken(self.renamed(done.stderr.decode("utf-8", "replace")))
        if done.returncode not in (DONE, ANSWER_IS_NO):
            raise RefusalError(
                spoken.errors or spoken.other or [f"exit status {done.returncode}"], spoken.hints, done.returncode
            )
        try:
            document = json.loads(done.stdout)
        except ValueError:
            raise RefusalError([f"{self.path}: answers with something else than JSON"], [_OTHER_RELEASE]) from None
        return Answer(done.returncode, document, spoken.warnings)

    def version(self) -> str:
        """Its version, such as ``0.1.0``. Raises RefusalError if it does not run."""
        done = self._run([self.path, "--version"])
        words = done.stdout.decode("utf-8", "replace").split()
        if done.returncode != DONE or len(words) != 2:
            raise RefusalError([f"{self.path}: does not run here"], rc=done.returncode)
        return words[1]

    def _argv(self, arguments: Sequence[str], named: Sequence[str]) -> list[str]:
        state = ["--state", self._state_dir] if self._state_dir else []
        return [self.path, *arguments, "--json", *state, *(["--", *named] if named else [])]

    def _run(self, argv: list[str]) -> subprocess.CompletedProcess:
        environment = {**os.environ, "PYTHONUTF8": "1", "NO_COLOR": "1"}
        try:
            # Plugins on the controller use this, too, where there is no module to run a command by.
            return subprocess.run(  # pylint: disable=ansible-bad-function
                argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._time_limit,
                env=environment,
                cwd=self._folder,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RefusalError([f"{self.path} has not finished in {self._time_limit:.0f} s"]) from None
        except OSError as error:
            raise RefusalError([f"{self.path}: cannot be run: {error.strerror}"]) from None

    def renamed(self, text: str) -> str:
        """The text with paths as a person knows them."""
        for hidden, shown in self._known_as.items():
            text = text.replace(hidden, shown)
        return text


class Spoken:
    """What the command said on stderr, by kind."""

    def __init__(self, stderr: str) -> None:
        self.errors: list[str] = []
        self.hints: list[str] = []
        self.warnings: list[str] = []
        self.other: list[str] = []
        kinds = {"error: ": self.errors, "hint: ": self.hints, "warning: ": self.warnings}
        for line in stderr.splitlines():
            text = line[len("harden: ") :] if line.startswith("harden: ") else line
            for prefix, said in kinds.items():
                if text.startswith(prefix):
                    said.append(text[len(prefix) :])
                    break
            else:
                if text.strip():
                    self.other.append(text)


def find_executable(name: str) -> str:
    """The path of the command: ``name`` itself if it is a path, else where the roles install it, else from PATH.

    Raises RefusalError where there is none.
    """
    try:
        return str(get_bin_path(name, opt_dirs=OFTEN_IN))
    except ValueError:
        where = "" if os.sep in name else f" in {', '.join(OFTEN_IN)} or on PATH"
        raise RefusalError([f"{name}: no such program on this host{where}"], [_NOT_INSTALLED]) from None


def fail(module: AnsibleModule, refusal: RefusalError, **more: Any) -> NoReturn:
    """Ends the module with what the command said: ``msg``, ``hints``, ``rc``, and what the module has to add."""
    module.fail_json(**{**refusal.as_result(), **more})
    raise AssertionError("fail_json came back")


def warn(module: AnsibleModule, answer: Answer) -> None:
    """Hands the command's warnings on as warnings of the task."""
    for warning in answer.warnings:
        module.warn(warning)


_NOT_INSTALLED = "the roles gateway and rotator install it (harden_package); or say where it is: executable"
_OTHER_RELEASE = "the collection and the installed harden may be of different releases"
