"""The program that makes the consumer of a file read it again."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence

from harden.errors import HardenError
from harden_secrets.cluster.redaction import without_values
from harden_secrets.confidential import Confidential

_LONGEST = 600  # characters of what it said
# Nothing else of our environment: a token for Vault may be in it.
_GIVEN = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")


def reload(
    command: Sequence[str], seconds: float, values: Sequence[Confidential], environment: Mapping[str, str]
) -> None:
    """Run it to its end. Raises HardenError with what it wrote to stderr, in which none of the values is shown.

    When the time is up it is killed, with all that it has begun.
    """
    # A file instead of a pipe: a service that it leaves behind would hold the pipe open for ever.
    said = os.memfd_create("stderr")
    try:
        process = _begun(command, said, {name: environment[name] for name in _GIVEN if name in environment})
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise _failure(command, f"did not end within {seconds:g} seconds", said, values) from None
        if status:
            how = f"ended with status {status}" if status > 0 else f"was killed by signal {-status}"
            raise _failure(command, how, said, values)
    finally:
        os.close(said)


def _begun(command: Sequence[str], said: int, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError as error:
        raise HardenError(
            f"{command[0]}: cannot be run: {error.strerror}", "see `reload` of the delivery in the inventory"
        ) from None


def _failure(command: Sequence[str], how: str, said: int, values: Sequence[Confidential]) -> HardenError:
    text = os.pread(said, 1 << 16, 0).decode(errors="replace")
    hidden = without_values(text, [value.reveal().decode(errors="replace") for value in values])
    words = " ".join(hidden.split())[:_LONGEST]
    return HardenError(f"{command[0]} {how}{f': {words}' if words else ''}", "run it by hand to see what it says")
