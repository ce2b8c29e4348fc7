"""What brings a new version to those who use it, and sees that it has arrived. The adapter is in ``rotate/delivery/``.

The rules of :mod:`harden_secrets.rotate.rotator` hold here too: every method may be called again.
"""

from collections.abc import Sequence
from typing import Protocol

from harden_secrets.rotate.rotator import Fields


class Deliverer(Protocol):
    """The deliveries of one secret."""

    @property
    def deliveries(self) -> Sequence[str]:
        """Their names for people, which stay the same: ``secret openclaw/openclaw-ssh``, ``file /etc/app/key``."""
        ...

    def check(self) -> None:
        """Raises HardenError for all that can be known to be in the way before anything is made. Changes nothing."""
        ...

    def deliver(self, delivery: str, new: Fields, old: Fields) -> str:
        """The new version is where the delivery brings it, and consumers that have to be restarted are.

        Waits for operators and rollouts. Where a rollout fails HardenError is raised; where the old key is still good,
        what was delivered is put back as far as that is possible, so that consumers go on with it.
        """
        ...

    def confirm(self, delivery: str, new: Fields) -> str:
        """Every consumer of the delivery was seen to have the new version: how, and how many. Changes nothing."""
        ...
