"""A login that was tried and refused for what it is, not for a network or a server that did not answer."""

from collections.abc import Callable

from harden.errors import HardenError


class RefusedError(HardenError):
    """The other side has looked at the key or password, and does not take it."""


def refusal(attempt: Callable[[], None]) -> RefusedError | None:
    """Why the attempt was refused; None where it was let in. Raises HardenError where neither is known."""
    try:
        attempt()
    except RefusedError as error:
        return error
    return None
