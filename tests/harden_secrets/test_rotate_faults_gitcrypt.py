"""`harden secrets rotate` of a git-crypt key while its repository, the remote one, or who guards that says no."""

import os
import subprocess
from collections.abc import Callable

import pytest

from tests.harden_secrets.gitcrypt_scene import Estate, estate

__all__ = ["estate"]

pytestmark = pytest.mark.kernel
Begun = tuple[Callable[[], object], Callable[[], object]]


class Troubles:
    """What happens to the clone, and to the repository that it pushes to; each is a pair: it begins, and is over."""

    def __init__(self, estate: Estate) -> None:
        self._lab, self._host, self._forge = estate.lab, estate.host, estate.forge
        self._hooks, self._away = estate.forge / "hooks", estate.forge.with_name("away")
        self._hooks.mkdir(exist_ok=True)
        self.read_only = (self._remount, lambda: None)  # in the namespace of a process that is gone then
        self.of_another_user = (lambda: self._belong(1234), lambda: self._belong(0))
        self.away = (lambda: self._forge.rename(self._away), lambda: self._away.rename(self._forge))
        self.hook = self._refusing("pre-receive", "echo not on Sundays >&2; exit 1")
        self.protected = self._refusing("update", 'test "$1" != refs/heads/live')

    def _remount(self) -> None:
        inside = ("nsenter", f"--mount=/proc/{self._host.halted_process}/ns/mnt")
        subprocess.run([*inside, "mount", "-o", "remount,ro,bind", str(self._lab.path)], check=True)

    def _belong(self, user: int) -> None:
        for path in (self._lab.path, *self._lab.path.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)

    def _refusing(self, name: str, script: str) -> Begun:
        hook = self._hooks / name

        def begin() -> None:
            hook.write_text(f"#!/bin/sh\n{script}\n")
            hook.chmod(0o755)

        return begin, hook.unlink


def test_a_repository_in_trouble_at_each_phase(estate: Estate) -> None:
    """Each time what is wrong and what to do is said, by the run and by status; one key that Vault has opens all
    branches; when it is over the rotation goes on. A branch that moved meanwhile is taken along.
    """
    troubles = Troubles(estate)
    away = (troubles.away, "git fetch failed", "the remote, or the way to log in there")
    for phase, (begin, end), *says in (
        ("install", troubles.read_only, "Read-only file system", "mount it so that it can be written"),
        ("install", troubles.of_another_user, "belongs to another user", "or run as its owner"),
        ("prove", *away),
        ("cut-over", troubles.hook, "not on Sundays", "no branch was moved", "allow the user this push"),
        ("cut-over", troubles.protected, "hook declined to update refs/heads/live", "no branch was moved"),
        ("retire", *away),
        ("refuse", *away),
    ):
        assert estate.host.harden("rotate", "infra", at=phase, do=begin) == 1, estate.host.said[-1]
        said = estate.host.said[-1]
        assert estate.host.harden("status") == 3
        assert f"at {phase} at origin" in estate.host.said[-1]
        for words in says:
            assert words in said
            assert words in estate.host.said[-1]
        end()
        if phase == "prove":  # it was proved for another commit
            late = estate.lab.commit({"late.secret": b"in between\n"})
            estate.lab.git("push", "--quiet", "origin", "master")
        estate.check()
    estate.host.finish("rotate", "infra", times=1)
    assert estate.host.harden("status") == 0
    assert estate.lab.tip("master~1", at=estate.forge) == late
    estate.check_end()
