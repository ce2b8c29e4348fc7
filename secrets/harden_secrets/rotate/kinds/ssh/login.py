"""A fresh login with one key, and nothing else: what it takes to say that a key works, or is refused."""

import subprocess
import time

from harden_secrets.rotate.kinds.ssh.access import Access
from harden_secrets.rotate.kinds.ssh.speech import Speech, speech
from harden_secrets.rotate.kinds.ssh.verdict import Answer, Verdict

_SECONDS = 40
_STEP = 0.02
_DONE = "Authenticated to "
_PLACE = "debug1: Remote: "  # what sshd then says of where it has found the key
_AFTERWARDS = 0.3


def try_login(access: Access) -> Verdict:
    """How the host answers to the key. No command is run there, so that one which the key is bound to is not either.

    The connection is closed as soon as it has been answered.
    """
    with speech() as said:
        with access.started(["-N"], said) as process:
            in_time = _wait(process, said)
            process.terminate()  # ssh then says goodbye
        verdict = access.verdict(said)
    if verdict.answer is Answer.FAILED and not in_time:
        return Verdict(Answer.FAILED, f"no answer in {_SECONDS} seconds, given up", server=verdict.server)
    return verdict


def must_log_in(access: Access) -> Verdict:
    """The same, for a key that has to work. Raises HardenError if it does not."""
    verdict = try_login(access)
    if verdict.answer is not Answer.LET_IN:
        raise access.failure(verdict)
    return verdict


def _wait(process: "subprocess.Popen[bytes]", said: Speech) -> bool:
    """Until ssh has ended or is let in; whether that was in time."""
    end = time.monotonic() + _SECONDS
    entered = False
    while time.monotonic() < end:
        lines = said.log.splitlines()
        if process.poll() is not None or any(line.startswith(_PLACE) for line in lines):
            return True
        if not entered and any(line.startswith(_DONE) for line in lines):
            entered, end = True, time.monotonic() + _AFTERWARDS
        time.sleep(_STEP)
    return entered
