"""Key material as a type of its own, so that it cannot slip into a message, a log or a comparison that leaks time."""

import hmac
from typing import Never


class Confidential:
    """Bytes that must not be shown. ``reveal()`` is the only way to them, and easy to find in the code."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    def reveal(self) -> bytes:
        """The bytes themselves."""
        return self._value

    def __eq__(self, other: object) -> bool:
        """Whether the bytes are the same, in a time that does not depend on where they differ."""
        if not isinstance(other, Confidential):
            return NotImplemented
        return hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __len__(self) -> int:
        return len(self._value)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return "Confidential(…)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> Never:
        """Not to be pickled: what crosses a process boundary may end in a core file or a temporary file."""
        raise TypeError("confidential bytes are not serialised")
