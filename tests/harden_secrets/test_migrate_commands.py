"""The commands migrate, resume, rollback, runs and log verify, with servers in memory."""

import json
import resource
import shutil
from pathlib import Path

import pytest

from harden.errors import HardenError
from harden_secrets.cluster.holder import Holder
from harden_secrets.cluster.port import ObjectName, RefusedError
from harden_secrets.commands.migrating import migrate, resume, rollback
from harden_secrets.commands.runs import list_runs, verify_log
from harden_secrets.commands.workplace import Workplace
from harden_secrets.migrate.folder import run_ids
from harden_secrets.vault.port import VaultSealedError
from tests.harden_secrets.cutting import Cutter
from tests.harden_secrets.fake_cluster import Killed
from tests.harden_secrets.here import Here, Printed, here, written
from tests.harden_secrets.mixed import keys, main_scene
from tests.harden_secrets.simple_scene import NAME
from tests.harden_secrets.stage import Stage

LEASE = ObjectName("coordination.k8s.io/v1", "Lease", "default", "harden-migrate")


@pytest.fixture
def stage() -> Stage:
    return Stage(main_scene())


def do_migrate(place: Here, plan: Path) -> str:
    printed = Printed()
    assert migrate(plan, place, "default", printed.output, dry_run=False) == 0
    return printed.answer


def do_resume(place: Here, run: str | None = None) -> str:
    printed = Printed()
    assert resume(run, place, "default", printed.output, dry_run=False) == 0
    return printed.answer


def do_rollback(place: Here, run: str | None = None) -> str:
    printed = Printed()
    assert rollback(run, place, "default", printed.output, dry_run=False) == 0
    return printed.answer


def states(place: Here) -> list[str]:
    printed = Printed()
    printed.output.__dict__["as_json"] = True
    list_runs(place, printed.output)
    return [run["state"] for run in json.loads(printed.answer)["runs"]]


def only(place: Here) -> str:
    (run,) = run_ids(place.folder)
    return run


def state_files(place: Here) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in place.folder.rglob("*") if path.is_file()}


def cut(stage: Stage, place: Here, plan: Path, number: int) -> None:
    cutter = Cutter(stage)
    cutter.cut(number, Killed(), after=True)
    with pytest.raises(Killed):
        do_migrate(place, plan)
    cutter.live()
    stage.cluster.drop(LEASE)  # of a process that is no more; it would be followed, as other tests show


def test_a_plan_is_carried_out_once(stage: Stage, tmp_path: Path) -> None:
    """The second time says so, changes nothing, and is no failure."""
    place, (plan, _) = here(stage, tmp_path), written(stage, tmp_path)
    do_migrate(place, plan)
    assert states(place) == ["done"]
    after = stage.bare()
    assert "carried out already" in do_migrate(place, plan)
    assert stage.bare() == after
    assert stage.wrong == []


def test_a_dry_run_lists_the_steps_and_changes_nothing(stage: Stage, tmp_path: Path) -> None:
    """Neither in the world nor in the state folder."""
    place, (plan, _) = here(stage, tmp_path), written(stage, tmp_path)
    printed = Printed()
    assert migrate(plan, place, "default", printed.output, dry_run=True) == 0
    assert "store git-crypt-key in Vault at secret/shared/git-crypt-key" in printed.answer
    assert not stage.cluster.writes
    assert not stage.vault.calls
    assert not (tmp_path / "state").exists()


def test_a_dry_run_without_a_fingerprint_key_makes_none(stage: Stage, tmp_path: Path) -> None:
    """The plan was made elsewhere: that is said, and no state folder appears."""
    plan, _ = written(stage, tmp_path)
    with pytest.raises(HardenError, match="made under another fingerprint key"):
        migrate(plan, Workplace(tmp_path / "state"), "default", Printed().output, dry_run=True)
    assert not (tmp_path / "state").exists()


def test_a_dry_run_of_a_plan_that_was_carried_out(stage: Stage, tmp_path: Path) -> None:
    """Says what the command would say."""
    place, (plan, _) = here(stage, tmp_path), written(stage, tmp_path)
    do_migrate(place, plan)
    printed = Printed()
    assert migrate(plan, place, "default", printed.output, dry_run=True) == 0
    assert "carried out already" in printed.answer


def test_a_world_that_changed_is_refused(stage: Stage, tmp_path: Path) -> None:
    """Everything that is not as the plan saw it is named; no run begins."""
    place, (plan, _) = here(stage, tmp_path), written(stage, tmp_path)
    runner = stage.cluster.peek(ObjectName("apps/v1", "Deployment", "agent", "runner"))
    assert runner is not None
    runner["metadata"]["labels"] = {"new": "label"}
    stage.cluster.put(runner)
    stage.cluster.drop(ObjectName("v1", "ConfigMap", "openclaw", NAME))
    with pytest.raises(HardenError) as caught:
        do_migrate(place, plan)
    text = str(caught.value)
    assert "deployment agent/runner was changed since the plan was made" in text
    assert "configmap openclaw/git-crypt-key is gone since the plan was made" in text
    assert run_ids(place.folder) == []
    assert stage.cluster.peek(LEASE) is None


def test_a_status_that_changed_is_no_change(stage: Stage, tmp_path: Path) -> None:
    """What controllers note about an object is nobody's wish."""
    place, (plan, _) = here(stage, tmp_path), written(stage, tmp_path)
    runner = stage.cluster.peek(ObjectName("apps/v1", "Deployment", "agent", "runner"))
    assert runner is not None
    runner["status"] = runner["status"] | {"conditions": []}
    stage.cluster.put(runner)
    do_migrate(place, plan)
    assert states(place) == ["done"]


def test_resume_finishes_the_only_unfinished_run(stage: Stage, tmp_path: Path) -> None:
    """Without its name being given; its key is in Vault then and not on the disk."""
    place, (plan, _) = here(stage, tmp_path), written(stage, tmp_path)
    cut(stage, place, plan, 30)
    assert states(place) == ["unfinished"]
    with pytest.raises(HardenError, match="begun already"):
        do_migrate(place, plan)
    do_resume(place)
    assert states(place) == ["done"]
    run = only(place)
    assert not (place.folder / "runs" / run / "key").exists()
    assert stage.vault.read(f"harden/runs/{run}") is not None


def test_a_finished_run_can_still_be_undone(stage: Stage, tmp_path: Path) -> None:
    """With the key from Vault; afterwards the key is nowhere, and the run cannot be undone a second time."""
    before = stage.bare()
    place, (plan, _) = here(stage, tmp_path), written(stage, tmp_path)
    do_migrate(place, plan)
    run = only(place)
    do_rollback(place, run)
    assert stage.bare() == before
    assert states(place) == ["undone"]
    assert stage.vault.read(f"harden/runs/{run}") is None
    assert "nothing to do" in do_rollback(place, run)
    with pytest.raises(HardenError, match="is undone"):
        do_migrate(place, plan)


def test_a_rollback_that_is_cut_off_is_finished_by_resume(stage: Stage, tmp_path: Path) -> None:
    """In the direction in which it was going."""
    before = stage.bare()
    place, (plan, _) = here(stage, tmp_path), written(stage, tmp_path)
    do_migrate(place, plan)
    cutter = Cutter(stage)
    cutter.cut(20, Killed(), after=True)
    with pytest.raises(Killed):
        do_rollback(place, only(place))
    cutter.live()
    stage.cluster.drop(LEASE)
    assert states(place) == ["being undone"]
    do_resume(place)
    assert states(place) == ["undone"]
    assert stage.bare() == before


def test_dry_runs_of_resume_and_rollback_say_what_is_left(stage: Stage, tmp_path: Path) -> None:
    """And change nothing."""
    place, (plan, _) = here(stage, tmp_path), written(stage, tmp_path)
    cut(stage, place, plan, 25)
    now, kept = stage.bare(), state_files(place)
    forward, back = Printed(), Printed()
    resume(None, place, "default", forward.output, dry_run=True)
    rollback(None, place, "default", back.output, dry_run=True)
    assert "store git-crypt-key" not in forward.answer
    assert "remove the copy in cluster:configmap openclaw/git-crypt-key" in forward.answer
    assert back.answer.splitlines()[-1].startswith("undo: store git-crypt-key")
    assert (stage.bare(), state_files(place)) == (now, kept)


def test_who_has_the_lock_is_said(stage: Stage, tmp_path: Path) -> None:
    """Somebody on another host is at it."""
    place, (plan, _) = here(stage, tmp_path), written(stage, tmp_path)
    holder = Holder("elsewhere", "m", 4711, "other-run")
    spec = {"holderIdentity": str(holder), "leaseDurationSeconds": 60, "renewTime": "2999-01-01T00:00:00.000000Z"}
    metadata = {"name": LEASE.name, "namespace": LEASE.namespace}
    stage.cluster.put({"apiVersion": LEASE.api_version, "kind": "Lease", "metadata": metadata, "spec": spec})
    with pytest.raises(HardenError, match="held by run other-run, process 4711 on elsewhere"):
        do_migrate(place, plan)
    assert run_ids(place.folder) == []


@pytest.mark.parametrize(
    ("run", "words"),
    [("20260101T000000Z-abcdef", "there is no run"), ("../../etc", "there is no run"), (None, "no run is unfinished")],
)
def test_a_run_that_is_not_there(stage: Stage, tmp_path: Path, run: str | None, words: str) -> None:
    """Is an error that says how to find those that are."""
    with pytest.raises(HardenError, match=words):
        do_resume(here(stage, tmp_path), run)


def test_of_several_unfinished_runs_one_has_to_be_named(stage: Stage, tmp_path: Path) -> None:
    """Both are listed."""
    place, (plan, _) = here(stage, tmp_path), written(stage, tmp_path)
    cut(stage, place, plan, 18)
    first = (place.folder / "runs" / only(place)).rename(place.folder / "runs" / "20260101T000000Z-abcdef")
    shutil.copytree(first, place.folder / "runs" / "20260102T000000Z-abcdef")
    with pytest.raises(HardenError, match="2 runs are unfinished: 20260101T000000Z-abcdef, 20260102T000000Z-abcdef"):
        do_resume(place)


def test_another_vault_or_cluster_or_key_is_refused(stage: Stage, tmp_path: Path) -> None:
    """What the plan was made for is named, and what this is."""
    place, (plan, _) = here(stage, tmp_path), written(stage, tmp_path)
    for field, value, words in (
        ("vault_address", "https://other:8200", "the plan is for https://other:8200"),
        ("context", "production", "the plan is for the cluster production, and this is fake"),
        ("key_id", "00000000", "made under another fingerprint key"),
    ):
        other = tmp_path / "other.json"
        other.write_text(json.dumps(json.loads(plan.read_text()) | {field: value}))
        with pytest.raises(HardenError, match=words):
            do_migrate(place, other)
    assert not stage.cluster.peek(ObjectName("v1", "Secret", "agent", NAME))


def test_the_audit_log_has_every_step_and_no_value(stage: Stage, tmp_path: Path) -> None:
    """It is whole, and a line that is taken out is missed."""
    place, (plan, made) = here(stage, tmp_path), written(stage, tmp_path)
    do_migrate(place, plan)
    log = place.audit().path
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert lines[0]["event"] == "run-begin"
    assert lines[-1]["event"] == "run-done"
    assert {line["fingerprint"] for line in lines[1:-1]} == {secret.fingerprint for secret in made.secrets}
    assert keys()[1].decode().splitlines()[1] not in log.read_text()
    assert verify_log(place.audit(), Printed().output) == 0
    log.write_text("\n".join(log.read_text().splitlines()[1:]) + "\n")
    assert verify_log(place.audit(), Printed().output) == 3


def test_no_value_is_said_or_kept(stage: Stage, tmp_path: Path) -> None:
    """Neither in what is printed nor in any file of the state folder, whether the run fails or not."""
    place, (plan, _) = here(stage, tmp_path), written(stage, tmp_path)
    stage.cluster.fail_before(9, RefusedError("admission webhook denied the request"))
    printed = Printed()
    with pytest.raises(HardenError) as caught:
        migrate(plan, place, "default", printed.output, dry_run=False)
    do_resume(place)
    kept = [path.read_bytes() for path in place.folder.rglob("*") if path.is_file()]
    said = (printed.answer + printed.said + str(caught.value) + repr(caught.value)).encode()
    for key in keys()[:2]:
        for piece in (key[40:60], key[-40:-20]):
            assert not any(piece in one for one in [*kept, said, plan.read_bytes()])


def test_a_vault_that_is_sealed_half_way(stage: Stage, tmp_path: Path) -> None:
    """Its error reaches the person, with the way on; resume goes on once it is unsealed."""
    place, (plan, _) = here(stage, tmp_path), written(stage, tmp_path)
    stage.vault.fail(6, error=VaultSealedError("it is sealed"))
    with pytest.raises(HardenError, match="it is sealed") as caught:
        do_migrate(place, plan)
    assert f"harden secrets resume {only(place)}" in " ".join(caught.value.hints)
    do_resume(place)
    assert states(place) == ["done"]


def test_an_audit_log_that_cannot_be_written_begins_nothing(stage: Stage, tmp_path: Path) -> None:
    """A folder stands where the log should be."""
    place, (plan, _) = here(stage, tmp_path), written(stage, tmp_path)
    (place.folder / "audit.log").mkdir(parents=True)
    with pytest.raises(HardenError, match="the audit log cannot be written"):
        do_migrate(place, plan)
    assert run_ids(place.folder) == []
    assert [call.name for call in stage.cluster.writes if call.name != LEASE] == []


def test_an_inventory_that_cannot_be_written_begins_nothing(stage: Stage, tmp_path: Path) -> None:
    """What is moved has to be entered there."""
    plan, _ = written(stage, tmp_path)
    (tmp_path / "file").write_text("")
    place = Here(tmp_path / "state", tmp_path / "file" / "secrets.yaml", stage=stage)
    with pytest.raises(HardenError, match="cannot be written, and what is moved has to be entered there"):
        do_migrate(place, plan)
    assert run_ids(place.folder) == []


def test_processes_that_hold_values_leave_no_core_file(tmp_path: Path) -> None:
    """The limit is zero as soon as there is a workplace."""
    here(Stage([]), tmp_path)
    assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
