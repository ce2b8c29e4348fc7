"""The units of a WireGuard gateway: rules before the interface comes up, what was changed in them put right. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harden.confinement import files, rights
from harden.install.unit import Unit, timer, writing
from harden.systemdtext import path, setting, word

SERVICE, REPAIR, REPAIR_TIMER = "harden-wg.service", "harden-wg-repair.service", "harden-wg-repair.timer"
METRICS, METRICS_TIMER = "harden-wg-metrics.service", "harden-wg-metrics.timer"
KEEPER = "/usr/local/lib/harden/keeper"

_MADE = "`harden install-units`; what is to be otherwise goes into a drop-in: systemctl edit"
_LOCK = "/run/xtables.lock"  # of iptables: whoever does not share it changes rules at the same time
# They write rules when they start, some after they have thrown away all that are there. Those of Debian and Ubuntu that
# come before network-pre.target as we do; others (shorewall) wait for the network, and waiting for them were a circle.
_FIREWALLS = ("nftables.service", "netfilter-persistent.service", "ufw.service", "firewalld.service", "ferm.service")


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where things are on it, all absolute. ``command`` is harden with the arguments that all its calls begin with.

    ``installed``: folders that it lies in; ``state``: the root of harden's state; ``applied``: the file that is there
    once rules have been applied; ``interfaces``: what must not come up without rules; ``legacy``: its rules are in the
    legacy tables, whose modules only modprobe(8) loads; ``shown``: files that it reads; ``variables``: to be set.
    """

    command: tuple[str, ...]
    installed: tuple[str, ...]
    state: str
    applied: str
    interfaces: tuple[str, ...] = ()
    legacy: bool = False
    shown: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()


def gateway_units(gateway: Gateway) -> Sequence[Unit]:
    """Those of ``wg``."""
    names = (SERVICE, REPAIR, REPAIR_TIMER)
    return _units(gateway, names, (*gateway.command, "wg", "restore"))


def keeper_units(gateway: Gateway) -> Sequence[Unit]:
    """The same for a gateway without harden, where a shell program keeps a rendered script in force."""
    names = tuple(name.replace("harden-wg", "harden-wg-keeper") for name in (SERVICE, REPAIR, REPAIR_TIMER))
    return _units(gateway, names, ("/bin/sh", KEEPER, "restore"))


def metrics_units(gateway: Gateway, file: str, *, others: bool) -> Sequence[Unit]:
    """What writes the state of the gateway to ``file``. ``others``: its folder belongs to another user than root."""
    command = (*gateway.command, "wg", "status", "--quiet", "--format", "prometheus", "--output", file)
    folder = file.rpartition("/")[0]
    lines = (
        f"# Made by {_MADE} {METRICS}",
        "[Unit]",
        "Description=Metrics of the WireGuard gateway",
        f"After={SERVICE}",
        f"ConditionPathExists={path(gateway.applied)}",
        "",
        "[Service]",
        "Type=oneshot",
        f"ExecStart={_line(command)}",
        "SuccessExitStatus=3",  # not in sync: that is in the metrics
        *_confined(gateway, (folder,), others=others),
    )
    text = writing("".join(f"{line}\n" for line in lines), path(file))
    often = timer(f"{_MADE} {METRICS_TIMER}", "Metrics of the WireGuard gateway", "10", "*:*", 10)
    return Unit(METRICS, text), Unit(METRICS_TIMER, often)


def _units(gateway: Gateway, names: Sequence[str], command: Sequence[str]) -> Sequence[Unit]:
    boot, repair, often = names
    return (
        Unit(boot, "".join(f"{line}\n" for line in _boot(gateway, boot, command))),
        Unit(repair, "".join(f"{line}\n" for line in _repair(gateway, names, command))),
        Unit(
            often,
            timer(f"{_MADE} {often}", "Put right what was changed in the rules of the gateway", "1min", "*:0/5", 30),
        ),
    )


def _boot(gateway: Gateway, name: str, command: Sequence[str]) -> Iterator[str]:
    """Early, so that no interface is up before it; what fails here keeps the interfaces down that require it."""
    tunnels = [f"wg-quick@{interface}.service" for interface in gateway.interfaces]
    modules = ["modprobe@ip_tables.service", "modprobe@ip6_tables.service"] if gateway.legacy else []
    yield f"# Made by {_MADE} {name}"
    yield "[Unit]"
    yield "Description=Confirmed rules of the WireGuard gateway, before its interfaces come up"
    yield "DefaultDependencies=no"
    yield f"Wants={' '.join(('network-pre.target', *modules))}"
    yield f"Before={' '.join(('network-pre.target', *tunnels, 'shutdown.target'))}"
    early = ("local-fs.target", "systemd-modules-load.service", "systemd-sysctl.service")
    yield f"After={' '.join((*early, *modules, *_FIREWALLS))}"
    yield f"ReloadPropagatedFrom={' '.join(_FIREWALLS)}"
    yield "Conflicts=shutdown.target"
    yield f"RequiresMountsFor={path(gateway.state)} {path(_program(command))}"
    yield ""
    yield "[Service]"
    yield "Type=oneshot"
    yield "RemainAfterExit=yes"
    yield f"ExecStart={_line(command)}"
    yield f"ExecReload={_line(command)}"  # a restart would take the interfaces down
    yield from _confined(gateway)
    yield ""
    yield "[Install]"
    yield "WantedBy=multi-user.target"
    yield from (f"RequiredBy={tunnel}" for tunnel in tunnels)


def _repair(gateway: Gateway, names: Sequence[str], command: Sequence[str]) -> Iterator[str]:
    boot, repair, _ = names
    yield f"# Made by {_MADE} {repair}"
    yield "[Unit]"
    yield "Description=Put right what was changed in the rules of the gateway"
    yield f"After={boot}"
    yield f"ConditionPathExists={path(gateway.applied)}"
    yield ""
    yield "[Service]"
    yield "Type=oneshot"
    yield f"ExecStart={_line(command)}"
    yield from _confined(gateway)


def _confined(gateway: Gateway, written: Sequence[str] = (), *, others: bool = False) -> Iterator[str]:
    """iptables needs raw sockets for the legacy tables, netlink for the others, and its lock for both."""
    yield f"ExecStartPre=+/usr/bin/touch {_LOCK}"
    yield "TimeoutStartSec=120"
    for name, value in (("HARDEN_STATE", gateway.state), *gateway.variables):
        yield f"Environment={setting(name, value)}"
    yield from files(gateway.state, (*gateway.installed, *gateway.shown), (_LOCK, *written))
    powers = ("CAP_NET_ADMIN", "CAP_NET_RAW", *(("CAP_DAC_OVERRIDE",) if others else ()))
    yield from rights(powers, ("AF_NETLINK", "AF_INET", "AF_INET6", "AF_UNIX"), kernel_files=True)


def _line(command: Sequence[str]) -> str:
    return " ".join(map(word, command))


def _program(command: Sequence[str]) -> str:
    """The file that has to be there: the command itself, or what a shell reads."""
    return command[1] if command[0] == "/bin/sh" else command[0]
