"""``harden install-units``."""

from collections.abc import Mapping, Sequence

from harden.filesystem import FileSystem
from harden.install import systemctl
from harden.install.assembly import assemble
from harden.install.host import Host, chosen
from harden.install.plan import Plan, Step, plan_installation, plan_removal
from harden.install.unit import SETS, names_of
from harden.install.unitfolder import carry_out, look
from harden.output import Output

_WORDS = {"made": "made", "changed": "changed", "enabled": "enabled", "removed": "removed", "unchanged": "up to date"}


def install(asked: tuple[str, ...], host: Host, output: Output, *, dry_run: bool) -> int:
    """Has the units of these sets there and enabled; without names, of those that the host has a use for."""
    sets = chosen(asked, host)
    for name, why in sets.items():
        output.note(f"{name}: {why}")
    names = names_of(sets)
    plan = plan_installation(assemble(sets, host, output), names, look(host.files, names))
    started: Sequence[str] = ()
    if not dry_run:
        carry_out(host.files, plan)
        started = _take_in(host.files, plan, output)
    _report(plan, started, output, dry_run=dry_run)
    return 0


def remove(asked: tuple[str, ...], files: FileSystem, output: Output, *, dry_run: bool) -> int:
    """Takes away what :func:`install` brought, whatever is running; without names, all of it."""
    names = names_of(asked or SETS)
    there = look(files, names)
    plan = plan_removal(names, there)
    for name, unit in there.units.items():
        if not unit.is_ours:
            output.warning(f"{name} is not harden's: it stays")
    if not dry_run and plan:
        _let_go(files, plan)
    _report(plan, (), output, dry_run=dry_run)
    return 0


def _take_in(files: FileSystem, plan: Plan, output: Output) -> Sequence[str]:
    """Has the systemd that runs here heed what was written; the timers that were started for it."""
    if not files.is_here:
        return ()
    if not systemctl.is_running():
        output.note("systemd does not run here: they start when it does")
        return ()
    names = [step.name for step in plan if step.after is not None]
    gone = [step.name for step in plan if step.after is None]
    before = systemctl.states([*names, *gone])
    if any(step.change != "unchanged" for step in plan) or any(state.stale for state in before.values()):
        systemctl.read_again()
    systemctl.stop(name for name in gone if before[name].active)
    timers = [name for name in names if name.endswith(".timer")]
    changed = {step.name for step in plan if step.change == "changed"}
    systemctl.restart(name for name in timers if before[name].active and (name in changed or before[name].stale))
    idle = [name for name in timers if not before[name].active]
    systemctl.start(idle)
    return idle


def _let_go(files: FileSystem, plan: Plan) -> None:
    """The timers first, so that nothing is started any more. What interfaces require is stopped when they no longer
    do: systemd would stop them with it."""
    live = files.is_here and systemctl.is_running()
    names = [step.name for step in plan]
    active = [name for name, state in systemctl.states(names).items() if state.active] if live else []
    systemctl.stop(name for name in active if name.endswith(".timer"))
    if live:
        systemctl.stop(name for name in active if _is_done_soon(name, names))
    carry_out(files, plan)
    if live:
        systemctl.read_again()
        left = [name for name, state in systemctl.states(names).items() if state.active]
        systemctl.stop(left)


def _is_done_soon(name: str, names: Sequence[str]) -> bool:
    """Whether a service only runs when its timer says so."""
    return name.endswith(".service") and f"{name.removesuffix('.service')}.timer" in names


def _report(plan: Plan, started: Sequence[str], output: Output, *, dry_run: bool) -> None:
    if output.as_json:
        output.document(_document(plan, started, dry_run=dry_run))
        return
    if not plan:
        output.line("nothing to do")
    for step in plan:
        if dry_run:
            for line in step.diff():
                output.line(line)
        output.line(
            f"{step.name}: {'would be ' if dry_run and step.change != 'unchanged' else ''}{_said(step, started)}"
        )


def _said(step: Step, started: Sequence[str]) -> str:
    change = _WORDS[step.change]
    if step.name not in started:
        return change
    return "started" if step.change == "unchanged" else f"{change} and started"


def _document(plan: Plan, started: Sequence[str], *, dry_run: bool) -> Mapping[str, object]:
    units = [
        {"name": step.name, "change": "started" if step.change == "unchanged" and step.name in started else step.change}
        for step in plan
    ]
    document: dict[str, object] = {"changed": any(unit["change"] != "unchanged" for unit in units), "units": units}
    if dry_run:
        document["diff"] = [line for step in plan for line in step.diff()]
    return document
