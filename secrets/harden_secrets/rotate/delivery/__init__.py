"""Delivery after a switch: Secrets and files brought up to date, consumers restarted where they must be, all proved.

``entrydeliverer`` is what a rotation holds. ``incluster`` does what is the same for every Secret, with ``direct`` or
``operated`` for how it comes there; ``onhost`` is for files. ``views`` says what a pod sees of a Secret, ``restarting``
exchanges the pods that cannot see a change, ``proving`` asks them all.
"""

from harden_secrets.rotate.delivery.entrydeliverer import EntryDeliverer
from harden_secrets.rotate.delivery.patience import Patience

__all__ = ["EntryDeliverer", "Patience"]
