"""A login that was tried and refused for what it is, not for a network or a server that did not answer."""

from harden.errors import HardenError


class RefusedError(HardenError):
    """The other side has looked at the key or password, and does not take it."""
