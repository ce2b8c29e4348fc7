"""Files with a value taken out or a reference exchanged, and every other byte as it was. Pure."""

from harden_secrets.rewrite.rewriting import Edit, exchanged, rewritten

__all__ = ["Edit", "exchanged", "rewritten"]
