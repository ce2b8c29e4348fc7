"""What comes out of a wrapping."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes that were wrapped.

    ``encoding`` names the wrapping (``base64``, ``gzip``, ``tar``), ``name`` the member of an archive. ``start`` and
    ``end`` delimit what was undone in the bytes around it. ``missed`` says why this is not all, if so; ``bomb`` that
    it would be far more than could be expected.
    """

    encoding: str
    content: bytes
    start: int
    end: int
    name: str = ""
    missed: str = ""
    bomb: bool = False

    @property
    def label(self) -> str:
        """The wrapping as findings name it."""
        return f"{self.encoding}:{self.name}" if self.name else self.encoding
