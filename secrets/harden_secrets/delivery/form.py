"""What a consumer sees of a field in Vault."""

import base64

from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import Form


def in_form(value: Confidential, form: Form) -> Confidential:
    """The bytes that are delivered: those of the field, or their base64 text (RFC 4648, one line, no newline)."""
    return value if form == "raw" else Confidential(base64.b64encode(value.reveal()))
