"""What was shown, as an SVG."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI

from harden.errors import HardenError

# A picture must not fetch fonts when somebody looks at it.
_FONT_FACES = re.compile(r"@font-face \{\{.*?\}\}", re.DOTALL)


@contextmanager
def picture(console: Console, path: Path | None) -> Iterator[None]:
    """Write what the console showed to this file at the end, whatever the end was; nothing where there is no file."""
    try:
        yield
    finally:
        if path:
            write_svg(console, path)


def write_svg(console: Console, path: Path) -> None:
    """Write everything that this recording console printed. Raises HardenError when the file cannot be written."""
    code_format = _FONT_FACES.sub("", CONSOLE_SVG_FORMAT).replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")
    try:
        path.write_text(console.export_svg(title="./demo", theme=MONOKAI, code_format=code_format))
    except OSError as e:
        raise HardenError(f"cannot write {path}: {e.strerror}") from e
