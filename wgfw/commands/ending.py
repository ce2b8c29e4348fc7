"""How a trial ends without being confirmed: by its watchdog, ``harden wg expire``, by a rollback, by a removal."""

import time
from dataclasses import replace

from harden.errors import HardenError, UsageError
from harden.output import Output
from wgfw.commands.gateway import Gateway, stored_policy
from wgfw.commands.revocation import end_denied_connections
from wgfw.kernel.record import Record
from wgfw.kernel.state import StateDirectory
from wgfw.kernel.trial import Ended

_LOOK_EVERY = 1.0  # seconds between two looks of the watchdog whether the trial is still open


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


def give_up_trial(gateway: Gateway, output: Output, *, dry_run: bool) -> bool:
    """Ends a trial that is open with the rules before it; whether there was one."""
    state = gateway.state_directory()
    if state.trials.open() is None:
        return False
    if not dry_run:
        with state.lock():
            if state.trials.open() is None:
                return False
            take_back(gateway, state, "given up", output)
    return True


def end_removed_trial(gateway: Gateway, state: StateDirectory, output: Output) -> None:
    """After a removal nothing comes back any more. The caller holds the lock."""
    try:
        state.trials.end("removed", gateway.moment())
    except HardenError as error:  # it cannot be read
        state.trials.discard()
        output.warning("; ".join(error.messages))


def take_back(gateway: Gateway, state: StateDirectory, how: Ended, output: Output) -> bool:
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


def _expire(gateway: Gateway, state: StateDirectory, trial_id: str, output: Output) -> None:
    with state.lock():
        trial = state.trials.open()
        if trial is not None and trial.id == trial_id and trial.over(gateway.moment()):
            take_back(gateway, state, "expired", output)


def _put_in_force(gateway: Gateway, record: Record, output: Output) -> bool:
    with gateway.opened() as opening:
        reconciler = opening.reconciler()
        outcome = reconciler.carry_out(reconciler.plan_record("return", record))
    for note in outcome.notes:
        output.note(note)
    return outcome.changed
