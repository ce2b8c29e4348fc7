"""A word to the person who waits: shown only on a terminal, and only once something takes long."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from harden.output import Output, is_terminal
from harden.printable import printable

DELAY_SECONDS = 2.0
_CLEAR_LINE = "\r\x1b[2K"


@contextmanager
def progress(output: Output, text: str, delay: float = DELAY_SECONDS) -> Iterator[None]:
    """Shows ``text`` on stderr while the block runs, if it runs longer than ``delay`` seconds, and wipes it after."""
    stream = output.stderr
    if output.verbosity < 0 or not is_terminal(stream):
        yield
        return
    shown = threading.Event()
    timer = threading.Timer(delay, _show, (stream, text, shown))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        if shown.is_set():
            stream.write(_CLEAR_LINE)
            stream.flush()


def _show(stream: TextIO, text: str, shown: threading.Event) -> None:
    shown.set()
    stream.write(f"{_CLEAR_LINE}harden: {printable(text)} …")
    stream.flush()
