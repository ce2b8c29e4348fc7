"""``harden secrets migrate``, ``resume`` and ``rollback``."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harden.errors import HardenError
from harden.lock import locked
from harden.output import Output
from harden_secrets.audit import AuditLog
from harden_secrets.cluster import lease
from harden_secrets.cluster.holder import this_process
from harden_secrets.cluster.port import Cluster
from harden_secrets.commands.workplace import Workplace
from harden_secrets.inventory.model import SecretKind
from harden_secrets.migrate.event import Event
from harden_secrets.migrate.folder import RunFolder, new_id, run_folder, run_ids
from harden_secrets.migrate.journal import Journal
from harden_secrets.migrate.performers import performers
from harden_secrets.migrate.performers.site import Site
from harden_secrets.migrate.run import Run
from harden_secrets.migrate.standing import check_nothing_builds_on, standing
from harden_secrets.migrate.step import Step, steps
from harden_secrets.migrate.unchanged import check_unchanged, check_writable
from harden_secrets.plan import file
from harden_secrets.plan.values import Plan, PlannedSecret
from harden_secrets.statefolder import make_folder
from harden_secrets.vault.port import Vault

LEASE = "harden-migrate"
_DONE = {Event.BEGIN: "…", Event.DONE: "done", Event.FAILED: "failed", Event.UNDONE: "undone"}


def migrate(path: Path, place: Workplace, lock_namespace: str, output: Output, *, dry_run: bool) -> int:
    """Carries out a plan, as a run of its own; one that was carried out already is nothing to do."""
    plan = file.read(str(path))
    fingerprints = place.known_fingerprints()
    if fingerprints is None or plan.key_id != fingerprints.key_id:
        raise HardenError(
            f"{path}: was made under another fingerprint key, so nothing in it can be checked",
            "use the state folder with which it was made (--state), or make the plan anew",
        )
    if dry_run:
        return _intended(plan, place, output)
    with _hands_on(plan, place, lock_namespace, output) as hands:
        if (earlier := _run_of(plan, place)) is not None:
            return _again(earlier, output)
        check_unchanged(plan, hands.cluster, fingerprints)
        check_writable(place.inventory_path)
        folder = RunFolder(place.folder, new_id(datetime.now(UTC)))
        place.audit().append("run-begin", {"run": folder.id, "plan": plan.id})
        folder.create(plan)
        with folder.lock():
            return hands.forward(folder)


def _intended(plan: Plan, place: Workplace, output: Output) -> int:
    if (earlier := _run_of(plan, place)) is not None:
        return _again(earlier, output)
    for step in steps(plan):
        output.line(f"{step.id}: {step.words}")
    return 0


def _run_of(plan: Plan, place: Workplace) -> RunFolder | None:
    folders = (RunFolder(place.folder, run_id) for run_id in run_ids(place.folder))
    return next((folder for folder in folders if folder.plan.id == plan.id), None)


def _again(folder: RunFolder, output: Output) -> int:
    """A plan has one run: done, it stays done; undone, it needs a new plan; unfinished, a person decides."""
    state = standing(folder)
    if state == "done":
        output.line(f"this plan was carried out already, by run {folder.id}: nothing to do")
        return 0
    if state in ("undone", "being undone"):
        raise HardenError(f"run {folder.id} of this plan is {state}", "make a new plan: harden secrets plan")
    raise HardenError(
        f"this plan was begun already, by run {folder.id}, and not finished",
        f"go on with: harden secrets resume {folder.id}; or undo it: harden secrets rollback {folder.id}",
    )


def resume(run_id: str | None, place: Workplace, lock_namespace: str, output: Output, *, dry_run: bool) -> int:
    """Finishes a run in the direction in which it was going."""
    folder = run_folder(place.folder, run_id or _unfinished(place))
    if dry_run:
        return _say(folder, output, back=standing(folder) == "being undone")
    with folder.lock(), _hands_on(folder.plan, place, lock_namespace, output) as hands:
        stands = standing(folder)
        if stands == "done":
            output.line(f"run {folder.id} is done: nothing to do")
            return 0
        return hands.forward(folder) if stands == "unfinished" else hands.back(folder)


def rollback(run_id: str | None, place: Workplace, lock_namespace: str, output: Output, *, dry_run: bool) -> int:
    """Undoes what a run did, last first."""
    folder = run_folder(place.folder, run_id or _unfinished(place))
    if dry_run:
        return _say(folder, output, back=True)
    with folder.lock(), _hands_on(folder.plan, place, lock_namespace, output) as hands:
        return hands.back(folder)


def _say(folder: RunFolder, output: Output, *, back: bool) -> int:
    """What would be performed, or undone."""
    journal = Journal(folder.path, folder.id, None)
    made = steps(folder.plan)
    for step in reversed(made) if back else made:
        state = journal.state(step.id)
        if back and state is not None and state.event is not Event.UNDONE:
            output.line(f"undo: {step.words}")
        elif not back and (state is None or state.event is not Event.DONE):
            output.line(step.words)
    return 0


@dataclass(frozen=True, slots=True)
class _Hands:
    """Whoever holds the locks: with what a run is carried out, or undone. ``confirm`` raises when a lock is lost."""

    place: Workplace
    vault: Vault
    cluster: Cluster | None
    confirm: Callable[[], None]
    output: Output

    def forward(self, folder: RunFolder) -> int:
        """Performs what is not done yet."""
        plan = folder.plan
        try:
            self._run(folder, plan, self._journal(folder)).forward()
            self.place.audit().append("run-done", {"run": folder.id, "plan": plan.id})
            folder.hand_over(self.vault)
        except HardenError as error:
            hint = f"this is run {folder.id}: go on with harden secrets resume {folder.id}, or undo it with rollback"
            raise HardenError(error.messages, [*error.hints, hint]) from error
        _tell_what_is_left(plan, self.output)
        return 0

    def back(self, folder: RunFolder) -> int:
        """Undoes what was begun."""
        if standing(folder) == "undone":
            folder.forget(self.vault)
            self.output.line(f"run {folder.id} is undone: nothing to do")
            return 0
        check_nothing_builds_on(folder, self.place.folder)
        folder.take_back(self.vault)
        plan = folder.plan
        self._run(folder, plan, self._journal(folder)).back()
        self.place.audit().append("run-undone", {"run": folder.id, "plan": plan.id})
        folder.forget(self.vault)
        self.output.line(f"run {folder.id} is undone")
        return 0

    def _journal(self, folder: RunFolder) -> Journal:
        return Journal(folder.path, folder.id, folder.key(self.vault))

    def _run(self, folder: RunFolder, plan: Plan, journal: Journal) -> Run:
        place = self.place
        site = Site(
            plan, self.vault, place.fingerprints(), time.monotonic, time.sleep, self.cluster, place.inventory_path
        )
        listener = _Listener(plan, folder.id, place.audit(), self.confirm, self.output)
        return Run(steps(plan), journal, performers(site), listener)


class _Listener:
    """Tells the person and the audit log of each step, and stops when the lock is lost."""

    def __init__(self, plan: Plan, run: str, audit: AuditLog, confirm: Callable[[], None], output: Output) -> None:
        self._plan, self._run, self._audit, self._confirm, self._output = plan, run, audit, confirm, output

    def __call__(self, step: Step, event: Event, facts: Mapping[str, Any]) -> None:
        self._confirm()
        if event is Event.BEGIN:
            self._output.detail(step.words)
            return
        secret = self._plan.secrets[step.secret]
        who = {"run": self._run, "step": step.id, "secret": secret.name, "fingerprint": secret.fingerprint}
        self._audit.append(f"step-{event}", who | {"words": step.words} | dict(facts))
        self._output.note(f"{step.words}: {_DONE[event]}")


def _tell_what_is_left(plan: Plan, output: Output) -> None:
    for secret in plan.secrets:
        output.line(f"{secret.name}: in Vault at {plan.vault_mount}/{secret.vault_path}")
        for copy in secret.copies:
            if copy.removal == "leave":
                output.line(f"  still in {copy.source}: {copy.reason}")
        for patch in secret.source_patches:
            output.line(f"  to do at {patch.file}:{patch.line}: {patch.words}")
        if secret.cannot_scrub:
            output.line(f"  make a new one as well, {_how(secret)}; the plan says where the old one remains")


def _how(secret: PlannedSecret) -> str:
    if secret.kind in (SecretKind.OPAQUE, SecretKind.WIREGUARD):
        return "where it was issued"
    return f"by `harden secrets rotate {secret.name}` once the inventory says where its other half is"


@contextlib.contextmanager
def _hands_on(plan: Plan, place: Workplace, lock_namespace: str, output: Output) -> Iterator[_Hands]:
    """Nobody else changes anything meanwhile: a lock on this host, and for a cluster a Lease that all hosts see."""
    make_folder(place.folder)
    with locked(place.folder / "migrate.lock", "another harden changes something from this host", 2):
        vault = place.vault(output)
        _check_vault(plan, vault)
        if plan.mode == "files":
            yield _Hands(place, vault, None, lambda: None, output)
            return
        cluster = place.cluster(output)
        if plan.context != cluster.context:
            raise HardenError(
                f"the plan is for the cluster {plan.context}, and this is {cluster.context}",
                "choose the right one with --context or KUBECONFIG",
            )
        with lease.lock(cluster, lock_namespace, LEASE, this_process(plan.id)) as held:
            yield _Hands(place, vault, cluster, held.confirm, output)


def _check_vault(plan: Plan, vault: Vault) -> None:
    if (plan.vault_address, plan.vault_mount) != (vault.address, vault.mount):
        raise HardenError(
            f"the plan is for {plan.vault_address} (mount {plan.vault_mount}), and this is {vault.address} "
            f"(mount {vault.mount})",
            "choose the right Vault with the inventory or VAULT_ADDR, or make the plan anew",
        )


def _unfinished(place: Workplace) -> str:
    open_states = ("unfinished", "being undone")
    runs = [one for one in run_ids(place.folder) if standing(RunFolder(place.folder, one)) in open_states]
    if len(runs) == 1:
        return runs[0]
    if not runs:
        raise HardenError("no run is unfinished", "harden secrets runs lists them all; name the one that you mean")
    raise HardenError(f"{len(runs)} runs are unfinished: {', '.join(runs)}", "name the one that you mean")
