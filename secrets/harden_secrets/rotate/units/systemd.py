"""A service of systemd that runs `rotate --due` shut off from all that it does not need, and its timer. Pure.

It runs as root, because only root can give a file to its owner, write in anybody's repository and have the state that
a person with sudo has made; but without the powers of root that the inventory does not call for. Homes are not there:
what lies right in root's (the token of Vault, git's settings) comes as a credential, what else the inventory names in
one is bound to its place. What cannot be known from the inventory is for a drop-in (``systemctl edit``).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from harden.confinement import files, rights
from harden.systemdtext import path, setting, word
from harden_secrets.inventory.spans import duration_text
from harden_secrets.rotate.units.demands import Demands
from harden_secrets.rotate.units.pace import delay

SERVICE, TIMER = "harden-rotate.service", "harden-rotate.timer"
HOME = "/root"
_LONGEST_RUN = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Job:
    """What a service is for: ``made_by`` tells who made the unit, ``arguments`` are those of harden.

    ``calm``: an exit status beyond 0 that is no failure.
    """

    made_by: str
    description: str
    arguments: tuple[str, ...]
    calm: int = 0


ROTATION = Job(
    "`harden secrets schedule` from the inventory: make it anew where that changes what it names.",
    "Rotate the secrets that are due",
    ("secrets", "rotate", "--due"),
)


@dataclass(frozen=True, slots=True)
class Host:
    """Where things are on the host, all absolute.

    ``program``: the command with its first arguments; ``installed``: folders that it lies in; ``state``: the root of
    harden's state; ``environment``: variables to be set, none of them secret; ``others``: whether a folder in which
    files change belongs to another user than root.
    """

    program: tuple[str, ...]
    installed: tuple[str, ...]
    inventory: str
    state: str
    environment: Mapping[str, str]
    others: bool = False


def units(host: Host, needs: Demands, between: timedelta) -> Mapping[str, str]:
    """The files by name."""
    return {SERVICE: service(host, needs), TIMER: timer(between)}


def timer(between: timedelta) -> str:
    """Every so often by the clock, also what was missed while the host was down; hosts do not come together."""
    minutes = int(between.total_seconds()) // 60
    return f"""# Made by `harden secrets schedule`.
[Unit]
Description=Rotate the secrets that are due

[Timer]
OnCalendar=*:0/{minutes}
RandomizedDelaySec={int(delay(between).total_seconds())}
AccuracySec=1
Persistent=true

[Install]
WantedBy=timers.target
"""


def service(host: Host, needs: Demands, job: Job = ROTATION) -> str:
    """The service."""
    return "".join(f"{line}\n" for line in _service(host, needs, job))


def _service(host: Host, needs: Demands, job: Job) -> Iterator[str]:
    yield f"# Made by {job.made_by}"
    yield "[Unit]"
    yield f"Description={job.description}"
    yield "Wants=network-online.target"
    yield "After=network-online.target harden-vault.service"
    yield ""
    yield "[Service]"
    yield "Type=oneshot"
    yield f"ExecStart={' '.join(map(word, (*host.program, *job.arguments)))}"
    if job.calm:
        yield f"SuccessExitStatus={job.calm}"
    yield f"TimeoutStartSec={duration_text(_LONGEST_RUN)}"
    yield "TimeoutStopSec=90"
    given = {"HARDEN_INVENTORY": host.inventory, "HARDEN_STATE": host.state, **host.environment}
    for name, value in given.items():
        yield f"Environment={setting(name, value)}"
    yield from _home(needs)
    yield from _files(host, needs)
    yield from _rights(needs, others=host.others)


def _home(needs: Demands) -> Iterator[str]:
    """The home folder that harden and git see: one with the credentials in it, where that is all that they need."""
    names = _credentials(needs)
    for name in names:
        yield f"LoadCredential={path(name)}:{path(f'{HOME}/{name}')}"
    yield f"Environment=HOME={'%d' if names else HOME}"


def _credentials(needs: Demands) -> tuple[str, ...]:
    at_home = [one.removeprefix("~/") for one in needs.reads if one.startswith("~/")]
    return () if any("/" in one for one in at_home) else tuple(at_home)


def _files(host: Host, needs: Demands) -> Iterator[str]:
    """What it sees and may write."""
    names = _credentials(needs)
    reads = [
        HOME + one[1:] if one.startswith("~/") else one for one in needs.reads if one.removeprefix("~/") not in names
    ]
    yield from files(host.state, (host.inventory, *host.installed, *reads), needs.writes)


def _rights(needs: Demands, *, others: bool) -> Iterator[str]:
    """What it may do."""
    capabilities = ["CAP_CHOWN"] if needs.owners else []
    capabilities += ["CAP_DAC_OVERRIDE", "CAP_FOWNER"] if others else []
    families = ["AF_INET", "AF_INET6", *(["AF_UNIX"] if needs.programs or needs.owners else [])]
    yield from rights(capabilities, families, ["@chown"] if needs.owners else [])
