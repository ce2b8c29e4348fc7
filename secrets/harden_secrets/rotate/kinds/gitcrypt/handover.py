"""The script that takes people's clones from one key to the next. Pure.

The script is the same for all rotations but for a few values: ids in hexadecimal, names of keys, which are letters,
digits, ``-`` and ``_``, and names of branches in octal. So there is nothing in it that a name could have written.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

from harden_secrets.rotate.kinds.gitcrypt.keyfile import KEY_NAME

_DATA = re.compile(r"(?<=# data: begin\n).*(?=# data: end\n)", re.DOTALL)
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_ROTATION = re.compile(r"[0-9a-f]{1,64}")


@dataclass(frozen=True, slots=True)
class HandOver:
    """What the script has to know.

    ``rotation`` is the rotation's id; ``roots`` are commits without parents, by which the repository is known again;
    ``old_name`` and ``new_name`` are the folders of the keys (``KeyFile.folder``: ``default`` for the default key);
    ``branches`` has for each branch the commit that brought the new key; ``probes`` are blobs that the new key
    encrypted, of each branch one: a clone may have some branches only. Raises ValueError for what is none of these.
    """

    rotation: str
    roots: tuple[str, ...]
    old_name: str
    new_name: str
    branches: Mapping[str, str]
    probes: tuple[str, ...]

    def __post_init__(self) -> None:
        ids = (*self.roots, *self.branches.values(), *self.probes)
        if not self.probes or not all(_ID.fullmatch(one) for one in ids) or not _ROTATION.fullmatch(self.rotation):
            raise ValueError("what should be an id is none")
        if not all(KEY_NAME.fullmatch(name) for name in (self.old_name, self.new_name)):
            raise ValueError("what should be the name of a key is none")


def handover_script(facts: HandOver) -> str:
    """The script, for ``sh``: POSIX, to be run in a clone with the file of the new key."""
    template = files(__package__).joinpath("handover.sh").read_text("utf-8")
    return _DATA.sub(lambda _: "".join(f"{line}\n" for line in _data(facts)), template)


def _data(facts: HandOver) -> Iterator[str]:
    yield f"rotation={facts.rotation}"
    yield f"roots='{' '.join(facts.roots)}'"
    yield f"old_name={facts.old_name}"
    yield f"new_name={facts.new_name}"
    yield f"probes='{' '.join(facts.probes)}'"
    yield "branches() {"
    yield "    cat <<'DATA'"
    yield from (f"{_octal(name)} {commit}" for name, commit in sorted(facts.branches.items()))
    yield "DATA"
    yield "}"


def _octal(name: str) -> str:
    """As ``printf '%b'`` of POSIX reads it."""
    return "".join(f"\\0{byte:03o}" for byte in name.encode("utf-8", "surrogateescape"))
