"""One field of a document."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harden_secrets.finding import ObjectField

_NOBODY: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Field:
    """A value and what is known of it.

    ``start``, ``end``, ``exact``, ``lined``, ``encodings``, ``quiet`` and ``borrowed`` are those of
    :class:`~harden_secrets.documents.tree.Scalar`; ``encodings`` also has what the place demands (``base64`` for
    ``data`` of a Secret), outermost first, and ``value`` is still wrapped in them. ``name`` is what it is called
    there, ``siblings`` the names and texts beside it, ``pointer`` the JSON pointer from the top of the document and
    ``document`` the number of that in its stream.
    """

    value: bytes
    start: int
    end: int
    exact: bool = False
    lined: bool = False
    name: str = ""
    pointer: str = ""
    document: int = 0
    encodings: tuple[str, ...] = ()
    quiet: bool = False
    borrowed: str = ""
    siblings: Mapping[str, str] = field(default_factory=lambda: _NOBODY, repr=False)
    image: str = ""
    secret_type: str = ""
    object: ObjectField | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A text taken apart.

    ``syntax`` is what a value inside would have to be freed from if the text itself is a value (``yaml``, ``json``),
    empty where fields are plain parts of the text. ``missed`` says why there may be more than these fields, if so.
    """

    syntax: str
    fields: list[Field]
    missed: str = ""
