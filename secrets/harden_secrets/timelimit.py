"""An end in time for a program that one talks to."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def limited(process: "subprocess.Popen[bytes]", seconds: float) -> Iterator[None]:
    """Ends a program that has not done its work within the block in time; whoever reads from it then meets the end."""
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
