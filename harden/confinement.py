"""Services of systemd that are shut off from all that they do not need: the lines that say so. Pure.

They run as root, with none of its powers but those that are named. Homes are not there; what a service needs in one is
bound to its place.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from harden.state import DEFAULT_ROOT
from harden.systemdtext import bound, path

_HOMES = ("/root", "/home", "/run/user")  # systemd.exec(5), ProtectHome
_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108  the same, PrivateTmp


def files(state: str, shown: Iterable[str], written: Iterable[str]) -> Iterator[str]:
    """What a service sees and may write: harden's ``state``, files and folders to be ``shown``, others ``written``.

    What is not there is no obstacle.
    """
    kept = state == str(DEFAULT_ROOT)
    writes = [*written] if kept else [state, *written]
    hidden = _HOMES + _TEMPORARY
    reads = [one for one in shown if _is_below(one, hidden)]
    changed = [one for one in writes if _is_below(one, hidden)]
    yield "UMask=0077"
    if kept:
        yield f"StateDirectory={DEFAULT_ROOT.name}"
        yield "StateDirectoryMode=0700"
    yield "ProtectSystem=strict"
    yield from (f"ReadWritePaths=-{path(one)}" for one in dict.fromkeys(writes) if one not in changed)
    at_home = any(_is_below(one, _HOMES) for one in (*reads, *changed))
    yield f"ProtectHome={'tmpfs' if at_home else 'yes'}"
    yield from (f"BindReadOnlyPaths=-{bound(one)}" for one in dict.fromkeys(reads))
    yield from (f"BindPaths=-{bound(one)}" for one in dict.fromkeys(changed))
    yield "PrivateTmp=yes"
    yield "PrivateDevices=yes"
    yield "PrivateMounts=yes"


def rights(
    capabilities: Sequence[str], families: Sequence[str], calls: Sequence[str] = (), *, kernel_files: bool = False
) -> Iterator[str]:
    """What it may do: powers of root, families of addresses, groups of system calls beyond those of any service.

    ``kernel_files``: it reads what lies in /proc beside the processes.
    """
    yield f"CapabilityBoundingSet={' '.join(capabilities)}"
    yield "AmbientCapabilities="
    yield "NoNewPrivileges=yes"
    yield "LimitCORE=0"
    yield "MemorySwapMax=0"
    for name in ("Tunables", "Modules", "Logs"):
        yield f"ProtectKernel{name}=yes"
    yield "ProtectControlGroups=yes"
    yield "ProtectClock=yes"
    yield "ProtectHostname=yes"
    yield "ProtectProc=invisible"
    if not kernel_files:
        yield "ProcSubset=pid"
    yield "RestrictNamespaces=yes"
    yield "RestrictRealtime=yes"
    yield "RestrictSUIDSGID=yes"
    yield f"RestrictAddressFamilies={' '.join(families)}"
    yield "LockPersonality=yes"
    yield "MemoryDenyWriteExecute=yes"
    yield "KeyringMode=private"
    yield "SystemCallArchitectures=native"
    yield "SystemCallFilter=@system-service"
    yield "SystemCallFilter=~@privileged @resources"
    yield from (f"SystemCallFilter={group}" for group in calls)
    yield "SystemCallErrorNumber=EPERM"


def _is_below(name: str, folders: tuple[str, ...]) -> bool:
    return any(PurePosixPath(name).is_relative_to(folder) for folder in folders)
