"""Many regular expressions as one Hyperscan database, searched for in one go."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from harden.errors import HardenError

Content = bytes | bytearray | memoryview


class Pattern(NamedTuple):
    """A regular expression, and the number by which its matches are told."""

    expression: bytes
    number: int
    ignore_case: bool = False


class Remembered(Protocol):
    """Somewhere to keep what took long to compile. Both may forget and fail in silence: it is a matter of speed."""

    def get(self, name: str) -> bytes | None: ...

    def put(self, name: str, content: bytes) -> None: ...


class PatternSet:
    """Patterns ready for use. Raises HardenError where Hyperscan has no build for the machine.

    ``patterns`` makes them, which is left out where there is something remembered under the ``name``: that must differ
    wherever the patterns do.
    """

    def __init__(
        self, patterns: Callable[[], Iterable[Pattern]], name: str = "", remembered: Remembered | None = None
    ) -> None:
        hyperscan = _hyperscan()
        name = f"{name}-{hyperscan.__version__}"
        database = _loaded(hyperscan, remembered.get(name)) if remembered else None
        if database is None:
            database = _compiled(hyperscan, sorted(set(patterns())))
            if remembered:
                remembered.put(name, hyperscan.dumpb(database))
        self._database = database

    def numbers_in(self, content: Content) -> set[int]:
        """The numbers of the patterns that match somewhere in the bytes."""
        seen: set[int] = set()

        def note(number: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            seen.add(number)

        self._database.scan(content, match_event_handler=note)
        return seen


def _compiled(hyperscan: Any, patterns: Sequence[Pattern]) -> Any:
    once = hyperscan.HS_FLAG_SINGLEMATCH  # one match of a pattern is enough
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[pattern.expression for pattern in patterns],
        ids=[pattern.number for pattern in patterns],
        flags=[once | (hyperscan.HS_FLAG_CASELESS if pattern.ignore_case else 0) for pattern in patterns],
    )
    return database


def _loaded(hyperscan: Any, content: bytes | None) -> Any:
    """A database from its bytes; None if these are damaged or of another kind of processor."""
    if content is None:
        return None
    try:
        database = hyperscan.loadb(content, hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
        database.scan(b"-", match_event_handler=lambda *_: None)
    except hyperscan.HyperscanError:
        return None
    return database


def _hyperscan() -> Any:
    try:
        import hyperscan  # noqa: PLC0415 - the message below, not a traceback, where the package has no build
    except ImportError as error:
        raise HardenError(
            f"the package hyperscan cannot be loaded: {error}",
            "it has builds for Linux and macOS on x86-64 and ARM; `pip install hyperscan` says what is missing here",
        ) from error
    return hyperscan
