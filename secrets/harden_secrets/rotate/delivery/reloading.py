"""The program that makes the consumer of a file read it again.

Unlike a program of the kind ``command`` it may leave a service behind, which is not waited for and lives on.
"""

import os
import signal
import subprocess
from collections.abc import Sequence

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.environment import environment
from harden_secrets.rotate.masking import shown_lines
from harden_secrets.rotate.memoryfile import memory

_MOST_REMARKS = 1 << 16


def reload(command: Sequence[str], seconds: float, values: Sequence[Confidential]) -> None:
    """Run it to its end. Raises HardenError with what it wrote to stderr, in which none of the values is shown.

    When the time is up it is killed, with all that it has begun.
    """
    # A file instead of a pipe: a service that it leaves behind would hold the pipe open for ever.
    with memory() as said:
        process = _begun(command, said)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise _failure(command, f"did not end within {seconds:g} seconds", said, values) from None
        if status:
            how = f"ended with status {status}" if status > 0 else f"was killed by signal {-status}"
            raise _failure(command, how, said, values)


def _begun(command: Sequence[str], said: int) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=environment(),
            start_new_session=True,
        )
    except OSError as error:
        raise HardenError(
            f"{command[0]}: cannot be run: {error.strerror}", "see `reload` of the delivery in the inventory"
        ) from None


def _failure(command: Sequence[str], how: str, said: int, values: Sequence[Confidential]) -> HardenError:
    words = " ".join(shown_lines(os.pread(said, _MOST_REMARKS, 0), values))
    return HardenError(f"{command[0]} {how}{f': {words}' if words else ''}", "run it by hand to see what it says")
