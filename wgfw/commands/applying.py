"""``harden wg plan``, ``apply``, ``rollback`` and ``remove``."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING

from harden.errors import ANSWER_IS_NO, HardenError
from harden.output import Output
from harden.progress import progress
from wgfw.commands.changes import changes_document, say_changes
from wgfw.commands.ending import end_removed_trial, give_up_trial
from wgfw.commands.gateway import (
    READDRESSED,
    Gateway,
    Loaded,
    Prospect,
    load_policy,
    look_ahead,
    now,
    stored_policy,
)
from wgfw.commands.interfaces import doubtful_interfaces
from wgfw.commands.revocation import end_denied_connections
from wgfw.commands.trying import settle_trial, waiting, window
from wgfw.kernel.plan import Outcome, Plan
from wgfw.kernel.reconcile import Reconciler
from wgfw.policytests import run_tests

if TYPE_CHECKING:
    from wgfw.access import AccessChange

NOBODY = "nobody's access changes by policy; the kernel's rules differ from it:"


def plan_policy(path: str, gateway: Gateway, output: Output) -> int:
    """Says what an apply would change."""
    prospect, _ = _prospect(path, gateway, output)
    changes = [] if prospect.in_sync else list(_changes(prospect, output))
    if prospect.readdressed is not None:
        output.note(READDRESSED)
    if output.as_json:
        output.document(changes_document(changes, in_sync=prospect.in_sync))
    elif prospect.in_sync:
        output.line("in sync: nothing to change")
    else:
        say_changes(changes, output, NOBODY)
    return 0 if prospect.in_sync else ANSWER_IS_NO


def apply_policy(
    path: str, gateway: Gateway, output: Output, *, tests: bool, dry_run: bool, confirm: int | None = None
) -> int:
    """Makes the kernel match the policy; ``confirm`` is the time for which it is on trial, in seconds."""
    if not dry_run and settle_trial(gateway, output) and confirm is None:
        return _restored_instead(output)
    prospect, reconciler = _prospect(path, gateway, output)
    if tests:
        refuse_failing(prospect.loaded)
    changes: list[AccessChange | str] = []

    def find_changes() -> None:
        changes.extend(_changes(prospect, output))

    outcome = Outcome(changed=False)
    ended = 0
    if dry_run:
        find_changes()
    else:
        with progress(output, "writing the rules"):
            outcome = reconciler.apply(prospect.plan, find_changes, window(gateway, confirm) if confirm else None)
        ended = end_denied_connections(prospect.loaded.policy, gateway.netns)
    trial = outcome.trial or (None if dry_run else gateway.state_directory().trials.open())
    for note in outcome.notes:
        output.note(note)
    if output.as_json:
        document = changes_document(changes, in_sync=prospect.plan.in_sync)
        more = {"changed": outcome.changed, "ended_connections": ended, "confirm": waiting(trial)}
        output.document(document | more)
    elif prospect.plan.in_sync:
        output.line("in sync: nothing to change")
    else:
        say_changes(changes, output, NOBODY)
        output.line("nothing was changed (dry run)" if dry_run else "the kernel matches the policy now")
    if trial is not None and not output.as_json:
        output.line(
            f"on trial: the rules before come back at {trial.until}, unless you confirm by a new connection: "
            "`harden wg confirm`"
        )
    if ended and not output.as_json:
        output.line(f"ended {ended} open connection{'' if ended == 1 else 's'} that the policy does not allow")
    return 0


def go_back(gateway: Gateway, output: Output, *, dry_run: bool) -> int:
    """Restores the rules before the last apply; while some are on trial, those before them."""
    if give_up_trial(gateway, output, dry_run=dry_run):
        return _say_given_up(output, dry_run=dry_run)
    with gateway.opened() as opening:
        reconciler = opening.reconciler()
        plan = reconciler.plan_rollback()
        restored = stored_policy(plan.policy, output)
        changed = _carry_out(plan, reconciler.apply, output, "the rules before are back", dry_run=dry_run)
    if changed and restored is not None:
        end_denied_connections(restored, gateway.netns)
    return 0


def take_out(gateway: Gateway, output: Output, *, dry_run: bool) -> int:
    """Removes every rule of ours."""
    state = gateway.state_directory()
    locked = not dry_run and state.folder.is_dir()
    with state.lock() if locked else nullcontext():  # from the removal to the end of a trial: nothing may come back
        with gateway.opened() as opening:
            reconciler = opening.reconciler()
            carry_out = reconciler.carry_out if locked else reconciler.apply
            _carry_out(reconciler.plan_removal(), carry_out, output, "no rule of harden is left", dry_run=dry_run)
        if locked:
            end_removed_trial(gateway, state, output)
    return 0


def refuse_failing(loaded: Loaded) -> None:
    """Raises HardenError if a test of the policy fails."""
    if not loaded.policy.tests:
        return
    outcomes = run_tests(loaded.explainer(now()), loaded.policy.tests)
    failed = [outcome.message for outcome in outcomes if not outcome.passed]
    if failed:
        raise HardenError(failed, "nothing was changed; correct the policy or its tests, or say --no-tests")


def _restored_instead(output: Output) -> int:
    """After a restart the policy that nobody confirmed is not applied, though it may be all that the file says."""
    output.warning(
        "the last confirmed rules are in force; to try the policy again: `harden wg apply --confirm SECONDS`"
    )
    if output.as_json:
        output.document({"in_sync": False, "changes": [], "changed": True, "ended_connections": 0, "confirm": None})
    else:
        output.line("the last confirmed rules are in force")
    return 0


def _say_given_up(output: Output, *, dry_run: bool) -> int:
    if output.as_json:
        output.document({"changed": not dry_run, "in_sync": False, "changes": []})
    elif dry_run:
        output.line("the rules on trial would be given up (dry run)")
    else:
        output.line("the rules on trial are given up; the rules before are back")
    return 0


def _prospect(path: str, gateway: Gateway, output: Output) -> tuple[Prospect, Reconciler]:
    with gateway.opened() as opening:
        loaded: Loaded = load_policy(path, gateway.netns, on_gateway=True, peers=gateway.peers)
        for warning in (*loaded.policy.warnings, *doubtful_interfaces(loaded.policy.interfaces, gateway.netns)):
            output.warning(warning)
        reconciler = opening.reconciler()
        prospect = look_ahead(loaded, reconciler, output)
    for note in prospect.plan.notes:
        output.note(note)
    return prospect, reconciler


def _changes(prospect: Prospect, output: Output) -> Iterator["AccessChange | str"]:
    """What changes for whom, and then what has to be repaired or adjusted in the kernel."""
    if prospect.plan.in_sync:
        return
    from wgfw.access import diff_access  # noqa: PLC0415  is imported while the kernel works

    loaded, current = prospect.loaded, prospect.plan.current
    before = stored_policy(current.policy if current else "", output)
    yield from diff_access(before, loaded.policy, now(), loaded.document.networks)
    yield from prospect.plan.describe()


def _carry_out(plan: Plan, how: Callable[[Plan], Outcome], output: Output, done: str, *, dry_run: bool) -> bool:
    """Carries out a plan that needs no policy, and says so; whether anything was changed."""
    lines = list(plan.describe())
    changed = False
    # rules that somebody else took out are still remembered, and would come back by `restore`
    forgets = plan.empties and plan.current is not None and not plan.current.empty
    if not dry_run and (forgets or not plan.in_sync):
        with progress(output, "writing the rules"):
            outcome = how(plan)
        changed = outcome.changed
        for note in outcome.notes:
            output.note(note)
    if output.as_json:
        output.document({"changed": changed, "in_sync": plan.in_sync, "changes": lines})
        return changed
    for line in lines:
        output.detail(line)
    if plan.in_sync:
        output.line("nothing to do")
    else:
        output.line(f"{len(lines)} changes, none made (dry run)" if dry_run else done)
    return changed
