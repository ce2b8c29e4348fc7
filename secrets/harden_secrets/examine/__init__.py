"""One blob to what was seen in it: documents, unwrapping and detection together, within a budget. Pure."""

from harden_secrets.examine.blob import examine, examine_object
from harden_secrets.examine.sighting import Observation, Reference, Sighting, Unexamined

__all__ = ["Observation", "Reference", "Sighting", "Unexamined", "examine", "examine_object"]
