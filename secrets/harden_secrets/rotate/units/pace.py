"""How often `rotate --due` has to run. Pure."""

from datetime import timedelta

from harden_secrets.inventory.model import Inventory
from harden_secrets.rotate.schedule.openings import shortest

_MINUTES = (15, 10, 5, 2, 1)
_SPREAD = 3  # the part of the time between two runs by which a run may come later, so that hosts do not come together


def pace(inventory: Inventory) -> timedelta:
    """The time between two runs, 15 minutes at most: short enough that one comes into the shortest window.

    What is due is not counted on: overlaps end at any time, and what failed is tried again.
    """
    lengths = [shortest(entry.rotate) for entry in inventory.secrets.values() if entry.rotate is not None]
    least = min(lengths, default=timedelta(days=1))
    fitting = (timedelta(minutes=one) for one in _MINUTES if timedelta(minutes=one) * (1 + 1 / _SPREAD) <= least)
    return next(fitting, timedelta(minutes=_MINUTES[-1]))


def delay(between: timedelta) -> timedelta:
    """By how much a run may come later."""
    return between / _SPREAD
