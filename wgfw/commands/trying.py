"""``harden wg confirm`` and ``restore``: rules on trial, and the last confirmed ones."""

from dataclasses import replace
from typing import Any

from harden.errors import HardenError
from harden.output import Output
from harden.progress import progress
from wgfw.commands.ending import take_back
from wgfw.commands.gateway import Gateway, stored_policy
from wgfw.commands.revocation import end_denied_connections
from wgfw.compiler import compile_policy
from wgfw.kernel.attempt import Window
from wgfw.kernel.plan import Plan
from wgfw.kernel.reconcile import Reconciler
from wgfw.kernel.record import Record
from wgfw.kernel.sessions import Session, connections, this_session
from wgfw.kernel.trial import Ending, Trial, after
from wgfw.kernel.watchdog import arm
from wgfw.peers.links import links, local_addresses
from wgfw.policy.model import Policy
from wgfw.policy.snapshot import to_json

_FRESH = "open another connection to this host (for ssh: `-o ControlPath=none`) and confirm there"


def waiting(trial: Trial | None) -> dict[str, Any] | None:
    """What waits to be confirmed, for a document."""
    return None if trial is None else {"seconds": trial.seconds, "until": trial.until}


def window(gateway: Gateway, seconds: int) -> Window:
    """A trial of that many seconds on this gateway."""
    state = gateway.state_directory()
    return Window(seconds, lambda trial: arm(trial, state, gateway.netns), gateway.moment, connections)


def confirm_trial(gateway: Gateway, output: Output, *, force: bool, dry_run: bool) -> int:
    """Keeps the rules that are on trial."""
    state = gateway.state_directory()
    with state.lock():
        trial = state.trials.open()
        if trial is not None and trial.over(gateway.moment()):
            if not dry_run:
                take_back(gateway, state, "expired", output)
            return _confirmed_before(Ending("expired", trial.applied, trial.until, trial.seconds), output)
        if trial is None:
            return _confirmed_before(state.trials.ending(), output)
        refuse_unfinished(trial)
        if not force:
            refuse_old(trial, this_session())
        moment = gateway.moment()
        at = None if dry_run else after(moment.wall, 0)
        if not dry_run:
            state.trials.end("confirmed", moment)
    if output.as_json:
        output.document({"changed": not dry_run, "applied": trial.applied, "confirmed": at})
    else:
        kept = f"the rules that were applied at {trial.applied}"
        output.line(f"{kept} would be kept (dry run)" if dry_run else f"kept: {kept}")
    return 0


def refuse_unfinished(trial: Trial) -> None:
    """Raises HardenError if the rules may not be what was to be tried: nobody can want to keep those."""
    if trial.connections is None:
        raise HardenError(
            "the apply was cut off before it was done: nobody can tell which rules are in force, and which connections "
            "are older",
            f"the rules before come back at {trial.until}, or at once: `harden wg rollback`; then apply again",
        )


def refuse_old(trial: Trial, session: Session) -> None:
    """Raises HardenError unless the session shows that a new connection works, or needs none."""
    if not session.remote:
        return
    if not session.carriers:
        raise HardenError(
            "this session came by a connection that is not to be found any more (tmux, screen?): "
            "that does not prove that a new one works",
            (_FRESH, "`--force` confirms all the same"),
        )
    if session.carriers & set(trial.connections or ()):
        raise HardenError(
            "this session's connection is older than the rules: that it goes on does not prove that a new one works",
            (_FRESH, "`--force` confirms all the same"),
        )


def restore_confirmed(gateway: Gateway, output: Output, *, dry_run: bool) -> int:
    """Puts the last confirmed rules in force, unless others are on trial."""
    state = gateway.state_directory()
    with state.lock():
        trial = state.trials.open()
        if trial is not None and not trial.over(gateway.moment()):
            if output.as_json:
                output.document({"changed": False, "in_sync": True, "confirm": waiting(trial)})
            else:
                output.line(f"rules are on trial until {trial.until}: nothing was changed")
            return 0
        settled, record = False, state.current() if trial is None else state.trials.base()
        if trial is not None and not dry_run:
            output.warning(
                f"the rules that were applied at {trial.applied} were not confirmed: the ones before are back"
            )
            settled = take_back(gateway, state, "expired", output)
            record = state.current()
        changed = _restore(gateway, record, output, dry_run=dry_run)
    return _say_restored(changed=changed or settled, output=output, dry_run=dry_run)


def settle_trial(gateway: Gateway, output: Output) -> bool:
    """Before an apply: ends a trial whose time is over. True if the machine was started since, in which case the
    confirmed rules have been put in force, and nobody has asked for those of the trial again."""
    state = gateway.state_directory()
    if state.trials.open() is None:
        return False
    with state.lock():
        trial, moment = state.trials.open(), gateway.moment()
        if trial is None or not trial.over(moment):
            return False
        output.warning(f"the rules that were applied at {trial.applied} were not confirmed: the ones before are back")
        take_back(gateway, state, "expired", output)
        restarted = trial.incarnation != moment.incarnation
        if restarted and state.current() is not None:
            _restore(gateway, state.current(), output, dry_run=False)
    return restarted


def _restore(gateway: Gateway, record: Record | None, output: Output, *, dry_run: bool) -> bool:
    if record is None:
        raise HardenError(
            "no rules were ever confirmed here: there is nothing to put in force",
            "`harden wg apply` writes the policy's rules",
        )
    policy = stored_policy(record.policy, output)
    backend = gateway.backend if record.empty or gateway.backend != "auto" else record.backend
    with replace(gateway, backend=backend).opened() as opening:  # type: ignore[arg-type]
        reconciler = opening.reconciler()
        plan = _restoring(reconciler, record, policy, gateway.netns)
        if dry_run or plan.in_sync:
            changed = not plan.in_sync
        else:
            with progress(output, "writing the rules"):
                outcome = reconciler.carry_out(plan)
            changed = outcome.changed
            for note in (*plan.notes, *outcome.notes):
                output.note(note)
    for line in plan.describe():
        output.detail(line)
    if policy is not None and not dry_run:
        end_denied_connections(policy, gateway.netns)
    return changed


def _restoring(reconciler: Reconciler, record: Record, policy: Policy | None, netns: str | None) -> Plan:
    """The rules as they were written; but made anew where the gateway's own addresses have changed and all is up."""
    plan = reconciler.plan_record("restore", record)
    if policy is None or not set(policy.interfaces) <= {link.name for link in links(netns)}:
        return plan
    own = local_addresses(netns)
    if own == policy.gateway:
        return plan
    readdressed = replace(policy, gateway=own)
    return reconciler.plan(compile_policy(readdressed), lambda: to_json(readdressed), "restore")


def _say_restored(*, changed: bool, output: Output, dry_run: bool) -> int:
    if output.as_json:
        output.document({"changed": changed and not dry_run, "in_sync": not changed, "confirm": None})
    elif not changed:
        output.line("the confirmed rules are in force: nothing to change")
    else:
        output.line(
            "the confirmed rules would be put in force (dry run)" if dry_run else "the confirmed rules are in force"
        )
    return 0


def _confirmed_before(ending: Ending | None, output: Output) -> int:
    if ending is None:
        raise HardenError("nothing waits to be confirmed", "`harden wg apply --confirm SECONDS` begins a trial")
    if ending.how != "confirmed":
        words = {
            "expired": f"were not confirmed within {ending.seconds} seconds: the rules before have been in force since",
            "given up": "were given up by a rollback at",
            "removed": "were removed at",
        }
        raise HardenError(
            f"too late: the rules that were applied at {ending.applied} {words[ending.how]} {ending.at}",
            "`harden wg apply --confirm SECONDS` tries them again",
        )
    if output.as_json:
        output.document({"changed": False, "applied": ending.applied, "confirmed": ending.at})
    else:
        output.line(f"confirmed already at {ending.at}: nothing to do")
    return 0
