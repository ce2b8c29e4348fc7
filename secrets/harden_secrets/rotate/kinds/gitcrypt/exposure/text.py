"""An exposure for people: what to rotate first, then everything that was encrypted. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence

from harden_secrets.rotate.kinds.gitcrypt.exposure.values import Duty, ExposedFile, Exposure, Kept, by_path

_SHORT = 12  # digits of a commit's id, which git takes as well
_SHOWN = 3  # places or commits on a line; documents have all


def exposure_lines(exposure: Exposure, most: int | None = None) -> Iterator[str]:
    """The lines. No value is among them. ``most``: how many of a list are shown; without it, all."""
    if not exposure.files:
        yield f"{exposure.repository}: nothing there was encrypted under this {exposure.key}"
    else:
        yield _summary(exposure)
        for heading, lines in (_duties(exposure), _unrecognised(exposure), _everything(exposure)):
            if lines:
                yield heading
                yield from (f"  {line}" for line in lines[:most])
                if len(lines[:most]) < len(lines):
                    yield f"  and {len(lines) - len(lines[:most])} more"
    if exposure.wrapped_for:
        yield f"people for whom it was wrapped with GnuPG at some time: {', '.join(exposure.wrapped_for)}"
    if exposure.others:
        yield f"under other keys: {_count(exposure.others, 'content', 'contents')}"
    yield from (f"not known: {words}" for words in exposure.incomplete)


def holdings(files: Sequence[ExposedFile]) -> str:
    """What files hold, in a few words: ``ssh-private-key, api-token (3)``; each key counts once."""
    keys = {held.fingerprint: held.material for file in files for held in file.seen.held}
    counted = Counter(keys.values())
    return ", ".join(kind if number == 1 else f"{kind} ({number})" for kind, number in sorted(counted.items()))


def _summary(exposure: Exposure) -> str:
    files = exposure.files
    commits = {one.commit for file in files for one in file.standings if one.commit}
    contents = _count(len(files), "content", "contents")
    paths = _count(len(by_path(files)), "file", "files")
    return (
        f"{exposure.repository}: {contents} of {paths}, brought in by {_count(len(commits), 'commit', 'commits')}, "
        f"can be read by whoever has this {exposure.key}; a new key takes none of that back"
    )


def _duties(exposure: Exposure) -> tuple[str, list[str]]:
    return "to be rotated by itself, each:", [_duty(one, compared=exposure.compared) for one in exposure.duties]


def _duty(duty: Duty, *, compared: bool) -> str:
    about = f"{duty.material} ({duty.description})" if duty.description else duty.material
    return f"{about}  {_some(duty.places)}  {_known(duty, compared=compared)}"


def _known(duty: Duty, *, compared: bool) -> str:
    """What the inventory says of it."""
    today = "" if duty.stands else "; no branch has it today"
    if duty.kept:
        return f"{', '.join(map(_kept, duty.kept))}{today}"
    return f"{'not in the inventory' if compared else 'not compared with the inventory'}{today}"


def _kept(one: Kept) -> str:
    state = "in use" if one.current else "an earlier version, replaced since"
    return f"{one.secret}, field {one.field}: {state}"


def _unrecognised(exposure: Exposure) -> tuple[str, list[str]]:
    paths = list(by_path(exposure.unrecognised))
    return f"in {_count(len(paths), 'file', 'files')} nothing was recognised; judge by yourself what they hold:", paths


def _everything(exposure: Exposure) -> tuple[str, list[str]]:
    paths = by_path(exposure.files)
    lines = [f"{path}: {'; '.join(_about(path, files))}" for path, files in paths.items()]
    return "everything that was encrypted under it:", lines


def _about(path: str, files: Sequence[ExposedFile]) -> Iterator[str]:
    yield _count(len(files), "content", "contents")
    if holds := holdings(files):
        yield f"holds {holds}"
    refs = sorted({ref for file in files for ref in file.refs})
    yield f"today on {_some(refs)}" if refs else "no branch has it today"
    commits = [one.commit for file in files for one in file.standings if one.path == path and one.commit]
    yield f"from {_some([one[:_SHORT] for one in dict.fromkeys(commits)])}" if commits else "in no commit"


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
