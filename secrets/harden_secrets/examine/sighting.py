"""What an examination of one blob yields."""

from dataclasses import dataclass

from harden_secrets.confidential import Confidential
from harden_secrets.finding import ObjectField
from harden_secrets.material import Detection


@dataclass(frozen=True, slots=True)
class Sighting:
    """Key material in a blob.

    ``line`` counts from 1 and is where the value begins in the file, 0 where there are no lines (an object of a live
    cluster). ``start`` and ``end`` delimit the outermost value there: the field or the run of text that holds the
    key, wrapped or not. ``encodings`` says what wraps the key inside that, outermost first; where the file has the
    manifest of ``object`` as it is, inside that field as the API gives it (``base64`` for ``data`` of a Secret). An
    object whose manifest is itself wrapped is named as well, and ``encodings`` then has the way to its field. A
    wrapping that has members names the one: ``tar:etc/key``, ``zip:a.pem``, ``json:/data/key``,
    ``yaml:/users/0/user/token`` (a JSON pointer, after the number of the document in its stream where that is not
    the first). The syntax of the file itself is no wrapping. ``value`` is the key's own bytes as they stand in the
    innermost layer.
    """

    detection: Detection
    line: int
    object: ObjectField | None
    encodings: tuple[str, ...]
    start: int
    end: int
    value: Confidential


@dataclass(frozen=True, slots=True)
class Unexamined:
    """Something was not looked into, or not to its end. ``reason`` is for people and holds no value."""

    reason: str
    line: int
    object: ObjectField | None
    encodings: tuple[str, ...]
    bomb: bool = False  # it would have come to far more than it is


@dataclass(frozen=True, slots=True)
class Reference:
    """The blob takes a value from another file: ``filebase64("git-crypt.key")``.

    ``path`` is what is written there, relative to the file's folder where it is relative, ``${path.module}``,
    ``${path.root}`` and ``${path.cwd}`` at its front left out; never a path with other variables in it.
    ``how`` is what reads it (``filebase64``, ``file``, ``secretGenerator``).
    """

    path: str
    how: str
    line: int
    object: ObjectField | None


Observation = Sighting | Unexamined | Reference
