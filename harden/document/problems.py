"""All that is wrong with a file, gathered so that a person hears it at once."""

from typing import NoReturn

from harden.errors import HardenError

MOST = 200


class Problems:
    """What was found wrong with one file; ``path`` is the path as the person gave it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._found: dict[tuple[int, str], None] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def crowded(self) -> bool:
        """Whether there are more than will be shown: then nobody needs costly suggestions any more."""
        return len(self._found) > MOST

    def add(self, line: int, message: str) -> None:
        """Remember a problem; the same one twice (an alias brings it back) is one."""
        self._found.setdefault((line, message))

    def stop(self, line: int, message: str) -> NoReturn:
        """Remember a problem after which reading on makes no sense, and raise all of them."""
        self.add(line, message)
        raise self.error()

    def raise_if_any(self) -> None:
        """Raise HardenError if there is a problem."""
        if self._found:
            raise self.error()

    def error(self) -> HardenError:
        """The problems by line, as complete messages; beyond 200 only their number."""
        ordered = sorted(self._found, key=lambda found: found[0])
        messages = [f"{self.path}:{line}: {message}" for line, message in ordered[:MOST]]
        if len(ordered) > MOST:
            messages.append(f"{self.path}: {len(ordered) - MOST} more problems")
        return HardenError(messages)
