"""``harden wg confirm``, ``restore`` and the watchdog's own ``expire``: rules on trial, and the last confirmed ones."""

import time
from dataclasses import replace
from typing import Any

from harden.errors import HardenError, UsageError
from harden.output import Output
from harden.progress import progress
from wgfw.commands.gateway import Gateway, stored_policy
from wgfw.commands.revocation import end_denied_connections
from wgfw.compiler import compile_policy
from wgfw.kernel.attempt import Window
from wgfw.kernel.plan import Plan
from wgfw.kernel.reconcile import Reconciler
from wgfw.kernel.record import Record
from wgfw.kernel.sessions import Session, connections, this_session
from wgfw.kernel.state import StateDirectory
from wgfw.kernel.trial import Ended, Ending, Trial, after
from wgfw.kernel.watchdog import arm
from wgfw.peers.links import links, local_addresses
from wgfw.policy.model import Policy
from wgfw.policy.snapshot import to_json

_LOOK_EVERY = 1.0  # seconds between two looks of the watchdog whether the trial is still open
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
                _back(gateway, state, "expired", output)
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
        if trial is not None and not dry_run:
            output.warning(
                f"the rules that were applied at {trial.applied} were not confirmed: the ones before are back"
            )
            settled = _back(gateway, state, "expired", output)
        else:
            settled = False
        changed = _restore(gateway, state, output, dry_run=dry_run)
    return _say_restored(changed=changed or settled, output=output, dry_run=dry_run)


def expire(gateway: Gateway, trial_id: str, output: Output) -> int:
    """Waits for the end of a trial, and puts the confirmed rules back if nobody has confirmed."""
    state = gateway.state_directory()
    said = False
    while True:
        try:
            left = _time_left(gateway, state, trial_id)
            if left is None:
                return 0
            if not said:
                state.armed(trial_id).touch(mode=0o600)
                said = True
            if left > 0:
                time.sleep(min(left, _LOOK_EVERY))
            else:
                _expire(gateway, state, trial_id, output)
        except UsageError:  # the namespace is gone, and its rules with it
            return 0
        except (HardenError, OSError) as error:
            output.error(error if isinstance(error, HardenError) else HardenError(str(error)))
            time.sleep(_LOOK_EVERY)


def _time_left(gateway: Gateway, state: StateDirectory, trial_id: str) -> float | None:
    """How many seconds the trial has left; None if it is open no more."""
    trial = state.trials.open()
    if trial is None or trial.id != trial_id:
        if not state.folder.is_dir():
            return None
        with state.lock():  # one that replaces it may yet fail, and then it is open again
            trial = state.trials.open()
    if trial is None or trial.id != trial_id:
        return None
    return trial.deadline - gateway.moment().since_boot


def give_up_trial(gateway: Gateway, output: Output, *, dry_run: bool) -> bool:
    """Ends a trial that is open with the rules before it; whether there was one."""
    state = gateway.state_directory()
    if state.trials.open() is None:
        return False
    if not dry_run:
        with state.lock():
            if state.trials.open() is None:
                return False
            _back(gateway, state, "given up", output)
    return True


def end_removed_trial(gateway: Gateway, state: StateDirectory, output: Output) -> None:
    """After a removal nothing comes back any more. The caller holds the lock."""
    try:
        state.trials.end("removed", gateway.moment())
    except HardenError as error:  # it cannot be read
        state.trials.discard()
        output.warning("; ".join(error.messages))


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
        _back(gateway, state, "expired", output)
        restarted = trial.incarnation != moment.incarnation
        if restarted and state.current() is not None:
            _restore(gateway, state, output, dry_run=False)
    return restarted


def _expire(gateway: Gateway, state: StateDirectory, trial_id: str, output: Output) -> None:
    with state.lock():
        trial = state.trials.open()
        if trial is not None and trial.id == trial_id and trial.over(gateway.moment()):
            _back(gateway, state, "expired", output)


def _back(gateway: Gateway, state: StateDirectory, how: Ended, output: Output) -> bool:
    """Ends the trial with the rules before it; whether the kernel changed. The caller holds the lock."""
    trial, base = state.trials.open(), state.trials.base()
    assert trial is not None
    if base is None:
        raise HardenError(
            "what was in force before the trial is not to be found", "`harden wg apply` writes the policy's rules"
        )
    changed = _put_in_force(replace(gateway, backend=trial.backend), base, output)  # type: ignore[arg-type]
    state.trials.end(how, gateway.moment())
    restored = stored_policy(base.policy, output)
    if restored is not None:
        end_denied_connections(restored, gateway.netns)
    return changed


def _put_in_force(gateway: Gateway, record: Record, output: Output) -> bool:
    with gateway.opened() as opening:
        reconciler = opening.reconciler()
        outcome = reconciler.carry_out(reconciler.plan_record("rollback", record))
    for note in outcome.notes:
        output.note(note)
    return outcome.changed


def _restore(gateway: Gateway, state: StateDirectory, output: Output, *, dry_run: bool) -> bool:
    record = state.current()
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
