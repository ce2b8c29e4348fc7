"""A file with something planted in it, and what an examination has to say of that."""

import base64
import textwrap
from dataclasses import dataclass, replace

from harden_secrets.finding import ObjectField


@dataclass(frozen=True)
class Seed:
    """A value on its way into a file: its bytes, wrapped in ``encodings``, outermost first."""

    content: bytes
    encodings: tuple[str, ...] = ()

    def wrapped(self, encoding: str, content: bytes) -> "Seed":
        """The same within one wrapping more."""
        return Seed(content, (encoding, *self.encodings))

    @property
    def in_base64(self) -> "Seed":
        """In standard base64, in one line."""
        return self.wrapped("base64", base64.b64encode(self.content))

    @property
    def as_text(self) -> "Seed":
        """Itself if it is text, else in base64."""
        is_text = self.content.isascii() and b"\0" not in self.content
        return self if is_text else self.in_base64

    @property
    def text(self) -> str:
        """The text that goes into a file."""
        return self.content.decode("ascii")

    @property
    def one_line(self) -> "Seed":
        """As text without line breaks."""
        seed = self.as_text
        return seed if b"\n" not in seed.content.strip() else seed.in_base64


@dataclass(frozen=True)
class Planted:
    """A file, and where the value has to be seen in it."""

    file: str
    content: bytes
    line: int
    encodings: tuple[str, ...]
    object: ObjectField | None = None
    also: tuple[ObjectField, ...] = ()  # further fields that hold it


def planted(file: str, template: str, text: str, seed: Seed, where: tuple[str, str, str, str] | None = None) -> Planted:
    """The template with ``text`` in the place of ``@@``; the value begins in the line of that."""
    line = template[: template.index("@@")].count("\n") + 1
    content = template.replace("@@", text).encode()
    return Planted(file, content, line, seed.encodings, ObjectField(*where) if where else None)


def block(text: str, spaces: int) -> str:
    """Text for a template whose ``@@`` stands after ``spaces`` in its line: the further lines are indented alike."""
    return textwrap.indent(text.strip("\n"), " " * spaces).lstrip(" ")


def crlf(one: Planted) -> Planted:
    """The same with the line ends of Windows."""
    return replace(one, content=one.content.replace(b"\n", b"\r\n"))
