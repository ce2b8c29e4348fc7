"""Files as fields: what is written where, under which name, beside what, in which Kubernetes object. Pure.

Everything here takes any bytes and raises nothing for them: what cannot be taken apart is text.
"""

from harden_secrets.documents.field import Field, Taken
from harden_secrets.documents.reading import SIGNATURES, take_apart

__all__ = ["SIGNATURES", "Field", "Taken", "take_apart"]
