"""The folder with the units of a host: what is there, and the one place that writes."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harden.errors import HardenError
from harden.filesystem import FileSystem
from harden.install.plan import FOLDER, Plan, Step, There
from harden.install.unit import Unit
from harden_secrets.durable import remove_file, write_file


def look(files: FileSystem, names: Iterable[str]) -> There:
    """What there is of units of these names. Raises HardenError."""
    folder = files.outer(FOLDER)
    wanted = tuple(names)
    with _explained(folder):
        units = {name: Unit(name, _text(folder / name)) for name in wanted if os.path.lexists(folder / name)}
        links = {name: frozenset(_linking(folder, name)) for name in wanted}
    return There(units, links)


def carry_out(files: FileSystem, plan: Plan) -> None:
    """Have it so. Raises HardenError; what is done by then stays, and the same plan made anew does the rest."""
    folder = files.outer(FOLDER)
    for step in plan:
        with _explained(folder / step.name):
            _carry_out(files, folder, step)


def _carry_out(files: FileSystem, folder: Path, step: Step) -> None:
    for name in step.unlink:
        (folder / name / step.name).unlink(missing_ok=True)
        with suppress(OSError):  # it holds links of others
            (folder / name).rmdir()
    if step.after is None:
        remove_file(folder / step.name)
    elif step.after != step.before:
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / step.name, step.after.encode(), 0o644)
    for name in step.link:
        (folder / name).mkdir(exist_ok=True)
        (folder / name / step.name).symlink_to(f"../{step.name}")
    for file in step.clear:
        files.outer(file).unlink(missing_ok=True)


def _text(path: Path) -> str:
    """What a unit says; nothing for a link, which is never ours: it masks a unit, or is somebody's."""
    return "" if path.is_symlink() else path.read_text(encoding="utf-8", errors="surrogateescape")


def _linking(folder: Path, name: str) -> Iterator[str]:
    for kind in ("wants", "requires"):
        for where in folder.glob(f"*.{kind}"):
            if (where / name).is_symlink():  # also one that leads nowhere, as glob would not show it
                yield where.name


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise HardenError(f"{where}: {error.strerror}", "run it as root; for an image, --root DIR") from error
