"""Which of the two backends to use on a host. Pure: it is decided on what each of them holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from harden.errors import HardenError
from wgfw.kernel.reading import KernelFamily

Backend = Literal["nft", "legacy"]
BACKENDS: tuple[Backend, Backend] = ("nft", "legacy")
Holdings = Mapping[Backend, Sequence[KernelFamily]]


@dataclass(frozen=True, slots=True)
class Choice:
    """The backend, and what the person should know about it."""

    backend: Backend
    notes: tuple[str, ...] = ()


def choose(holdings: Holdings, preferred: Backend | None) -> Choice:
    """The backend that holds the host's rules already; ``holdings`` has those that work here.

    ``preferred`` is what plain ``iptables`` means on this host: it decides where others have rules in both.
    Raises HardenError where rules of ours are in both, since nobody can tell which are meant.
    """
    if not holdings:
        raise HardenError("neither backend of iptables works here", "install it: `apt-get install iptables`")
    ours: list[Backend] = [backend for backend, seen in holdings.items() if any(f.holds_ours for f in seen)]
    foreign = {backend: sum(family.foreign_rules for family in seen) for backend, seen in holdings.items()}
    others: list[Backend] = [backend for backend in holdings if foreign[backend]]
    if len(ours) > 1:
        raise HardenError(
            "rules of harden are in both backends, nft and legacy, and the kernel applies both",
            "take out those that are not meant: `harden wg remove --backend legacy` or `… --backend nft`",
        )
    if ours:
        strangers = [other for other in others if other != ours[0]]
        notes = (f"others' rules are in the {strangers[0]} backend too, ours in {ours[0]}",) if strangers else ()
        return Choice(ours[0], notes)
    if len(others) == 1:
        return Choice(others[0])
    if others:
        backend: Backend = preferred if preferred and preferred in others else max(others, key=foreign.__getitem__)
        return Choice(backend, (f"this host has rules in both backends; ours go to {backend}",))
    return Choice("nft" if "nft" in holdings else next(iter(holdings)))


def confirm(backend: Backend, holdings: Holdings) -> Choice:
    """The backend that was asked for, with a note where rules of ours are in the other one."""
    elsewhere = [name for name, seen in holdings.items() if name != backend and any(f.holds_ours for f in seen)]
    return Choice(
        backend,
        tuple(
            f"rules of harden are in the {name} backend too, and the kernel applies both: "
            f"`harden wg remove --backend {name}`"
            for name in elsewhere
        ),
    )
