"""The units of a host, put together from its policy and its inventory."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from harden.errors import HardenError
from harden.install.gateway import Gateway, gateway_units, keeper_units, metrics_units
from harden.install.host import Host
from harden.install.unit import Unit, timer, writing
from harden.output import Output
from harden.systemdtext import path
from harden_secrets.commands.scheduling import Site, survey, warn_of_token
from harden_secrets.commands.workplace import Workplace
from harden_secrets.rotate.units import systemd
from harden_secrets.rotate.units.demands import status_demands
from harden_secrets.rotate.units.pace import pace
from harden_secrets.vault.settings import CA
from wgfw.kernel.programs import preferred_backend
from wgfw.kernel.state import StateDirectory
from wgfw.policy.loader import load

_INSTANCE = re.compile(r"[A-Za-z0-9:_.-]+")  # what systemd.unit(5) lets stand in a name unescaped, as wg-quick needs it
_MADE = "`harden install-units`"
_METRICS, _METRICS_TIMER = "harden-rotate-metrics.service", "harden-rotate-metrics.timer"


def assemble(sets: Iterable[str], host: Host, output: Output) -> Sequence[Unit]:
    """The units of these sets. Raises HardenError for a policy or an inventory that cannot be read."""
    wanted = tuple(sets)
    if {"rotate", "metrics"} & set(wanted) and host.has(host.inventory):
        warn_of_token(output)
    return tuple(unit for name in wanted for unit in _SETS[name](host, output))


def _wg(host: Host, output: Output) -> Sequence[Unit]:
    applied = StateDirectory(Path(host.state), None).folder / "current"
    if not host.has(str(applied)):
        output.warning("no rules have been applied yet: until then no interface comes up by wg-quick@.service")
    return gateway_units(replace(_gateway(host, str(applied)), interfaces=tuple(_interfaces(host, output))))


def _keeper(host: Host, output: Output) -> Sequence[Unit]:
    gateway = Gateway((), (), host.state, f"{host.state}/wg-keeper/confirmed", tuple(_interfaces(host, output)))
    return keeper_units(gateway)


def _rotate(host: Host, output: Output) -> Sequence[Unit]:
    place = _workplace(host)
    if not any(entry.rotate is not None for entry in place.inventory.secrets.values()):
        output.warning(f"{host.inventory}: no secret in it has a rotate, so that there is nothing for a timer to do")
        return ()
    found, needs = survey(place.inventory, place, output, _site(host))
    return tuple(Unit(name, text) for name, text in systemd.units(found, needs, pace(place.inventory)).items())


def _metrics(host: Host, output: Output) -> Iterator[Unit]:
    if not host.has(host.textfiles):
        hint = "apt-get install prometheus-node-exporter; or name its --collector.textfile.directory with --textfiles"
        raise HardenError(f"{host.textfiles}: no such folder", hint)
    others = host.files.outer(host.textfiles).stat().st_uid != 0
    if host.has(host.policy):
        applied = StateDirectory(Path(host.state), None).folder / "current"
        gateway = _gateway(host, str(applied))
        read = (host.policy, *_peers(host))
        gateway = replace(gateway, shown=read, variables=(("HARDEN_POLICY", host.policy),))
        yield from metrics_units(gateway, f"{host.textfiles}/harden-wg.prom", others=others)
    if host.has(host.inventory):
        yield from _secrets_metrics(host, output, others=others)


def _secrets_metrics(host: Host, output: Output, *, others: bool) -> Iterator[Unit]:
    file = f"{host.textfiles}/harden-secrets.prom"
    place = _workplace(host)
    found, _ = survey(place.inventory, place, replace(output, verbosity=-1), _site(host))
    needs = status_demands(place.inventory)
    authority = [value for name, value in found.environment.items() if name == CA]
    needs = replace(needs, reads=(*needs.reads, *authority), writes=(host.textfiles,))
    arguments = ("secrets", "status", "--quiet", "--format", "prometheus", "--output", file)
    job = systemd.Job(f"{_MADE} from the inventory", "Metrics of the secrets", arguments, calm=3)
    yield Unit(_METRICS, writing(systemd.service(replace(found, others=others), needs, job), path(file)))
    yield Unit(_METRICS_TIMER, timer(_MADE, "Metrics of the secrets", "20", "*:0/5", 60))


_SETS = {"wg": _wg, "keeper": _keeper, "rotate": _rotate, "metrics": _metrics}


def _gateway(host: Host, applied: str) -> Gateway:
    return Gateway((host.command,), host.installed, host.state, applied, legacy=_is_legacy(host))


def _is_legacy(host: Host) -> bool:
    """Whether the rules are, or will be, in the legacy tables."""
    current = StateDirectory(host.files.outer(host.state), None).current()
    if current is not None and current.backend:
        return current.backend == "legacy"
    return host.files.is_here and preferred_backend() == "legacy"


def _interfaces(host: Host, output: Output) -> Iterator[str]:
    """Those that wg-quick@.service may bring up."""
    for name in host.interfaces or load(str(host.files.outer(host.policy))).interfaces:
        if _INSTANCE.fullmatch(name):
            yield name
        else:
            output.warning(
                f"{name} can be no instance of wg-quick@.service: see to it that it comes up after the rules"
            )


def _peers(host: Host) -> Iterator[str]:
    """The files with the peers."""
    for interface in load(str(host.files.outer(host.policy))).interfaces.values():
        if interface.peers != "kernel":
            yield os.path.join(os.path.dirname(host.policy), interface.peers)


def _workplace(host: Host) -> Workplace:
    return Workplace(host.files.outer(host.state), host.files.outer(host.inventory))


def _site(host: Host) -> Site:
    return Site(host.command, host.installed, host.files)
