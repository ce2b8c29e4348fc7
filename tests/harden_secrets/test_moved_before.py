"""A key that was moved before keeps its name and its place in Vault."""

from pathlib import Path

import pytest

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.migrate.folder import RunFolder
from harden_secrets.migrate.journal import Journal
from harden_secrets.migrate.performers.site import Site
from harden_secrets.migrate.performers.store import Store
from harden_secrets.migrate.standing import check_nothing_builds_on, moved_before
from harden_secrets.migrate.step import Kind, Step
from harden_secrets.plan import naming
from harden_secrets.plan.cluster import build
from harden_secrets.plan.world import Request
from tests.harden_secrets.fake_cluster import FakeCluster
from tests.harden_secrets.fake_vault import FakeVault
from tests.harden_secrets.keys import ssh, symmetric
from tests.harden_secrets.simple_scene import NAME, scene
from tests.harden_secrets.test_plan_cluster import PRINTS, world

STEP = Step("1", Kind.STORE, 0, 0, "store")


def run_of(plan: object, state: Path, *, finished: bool, name: str = "r1") -> None:
    folder = RunFolder(state, name)
    folder.create(plan)  # type: ignore[arg-type]
    if finished:
        finish(folder)


def finish(folder: RunFolder) -> None:
    """As at the end of a run, whose key has gone into Vault then."""
    Journal(folder.path, folder.id, folder.key(None)).finish()
    (folder.path / "key").unlink()


def test_what_is_left_of_a_key_goes_where_the_rest_went(tmp_path: Path) -> None:
    """By the fingerprint, whatever the object is called in which it is found."""
    plan = build(world(scene(symmetric.git_crypt(), ssh.openssh())), Request(), "p", "now")
    run_of(plan, tmp_path, finished=True)
    known = moved_before(tmp_path, "", "secret")
    secret = next(one for one in plan.secrets if one.name == NAME)
    assert naming.known([secret.fingerprint], known, ()) == (NAME, secret.vault_path)
    again = build(world(scene(symmetric.git_crypt(), ssh.openssh())), Request(known=known), "q", "now")
    assert {one.name for one in again.secrets} == {one.name for one in plan.secrets}, "other keys are others"


def test_a_run_that_is_not_finished_moved_nothing_yet(tmp_path: Path) -> None:
    """Nor does one into another Vault."""
    plan = build(world(scene(symmetric.git_crypt(), ssh.openssh())), Request(), "p", "now")
    run_of(plan, tmp_path, finished=False)
    assert moved_before(tmp_path, "", "secret") == {}
    finish(RunFolder(tmp_path, "r1"))
    assert moved_before(tmp_path, "", "secret")
    assert moved_before(tmp_path, "https://elsewhere", "secret") == {}


def site(plan: object, vault: FakeVault, cluster: FakeCluster) -> Site:
    return Site(plan, vault, PRINTS, lambda: 0.0, lambda _: None, cluster)  # type: ignore[arg-type]


def test_what_a_path_has_besides_stays_and_what_is_missing_is_added() -> None:
    """A second plan may know fewer entries than the first, or more."""
    cluster, vault = FakeCluster(), FakeVault()
    objects = scene(symmetric.git_crypt(), ssh.openssh())
    cluster.put(*objects)
    plan = build(world(objects), Request(), "p", "now")
    store = Store(site(plan, vault, cluster))
    path = plan.secrets[0].vault_path
    vault.write(path, {"other": Confidential(b"o")}, cas=0)
    store.perform(STEP, store.capture(STEP))
    stored = vault.read(path)
    assert stored is not None
    assert set(stored.fields) == {"other", "key"}
    assert store.perform(STEP, store.capture(STEP))["version"] == stored.version, "nothing more to write"


def test_other_bytes_under_the_same_name_are_never_written_over() -> None:
    """They are somebody else's."""
    cluster, vault = FakeCluster(), FakeVault()
    objects = scene(symmetric.git_crypt(), ssh.openssh())
    cluster.put(*objects)
    plan = build(world(objects), Request(), "p", "now")
    vault.write(plan.secrets[0].vault_path, {"key": Confidential(b"o")}, cas=0)
    store = Store(site(plan, vault, cluster))
    with pytest.raises(HardenError, match="something else is stored"):
        store.perform(STEP, store.capture(STEP))


@pytest.mark.parametrize("finished", [True, False])
def test_what_a_later_run_found_stored_stays(tmp_path: Path, finished: bool) -> None:
    """The earlier run is not undone before the later one is: that took copies away, and Vault has the only one left."""
    plan = build(world(scene(symmetric.git_crypt(), ssh.openssh())), Request(), "p", "now")
    run_of(plan, tmp_path, finished=True)
    run_of(plan, tmp_path, finished=finished, name="r2")
    with pytest.raises(HardenError) as caught:
        check_nothing_builds_on(RunFolder(tmp_path, "r1"), tmp_path)
    assert caught.value.hints == ("undo that one first: harden secrets rollback r2",)
    check_nothing_builds_on(RunFolder(tmp_path, "r2"), tmp_path)
    later = RunFolder(tmp_path, "r2")
    journal = Journal(later.path, later.id, Confidential(b"k" * 32) if finished else later.key(None))
    journal.turn_back()
    journal.finish()
    (later.path / "key").unlink(missing_ok=True)
    check_nothing_builds_on(RunFolder(tmp_path, "r1"), tmp_path)


def test_undone_an_addition_leaves_the_newest_version_as_it_was() -> None:
    """A deleted newest version would hide the one before from operators and from `deliver`; told twice, it is one."""
    cluster, vault = FakeCluster(), FakeVault()
    objects = scene(symmetric.git_crypt(), ssh.openssh())
    cluster.put(*objects)
    plan = build(world(objects), Request(), "p", "now")
    store, path = Store(site(plan, vault, cluster)), plan.secrets[0].vault_path
    vault.write(path, {"other": Confidential(b"o")}, cas=0)
    before = store.capture(STEP)
    store.perform(STEP, before)
    for _ in range(2):
        store.undo(STEP, before)
        now = vault.read(path)
        assert now is not None
        assert (now.version, dict(now.fields)) == (3, {"other": Confidential(b"o")})


def test_what_another_program_wrote_as_text_is_left_to_it() -> None:
    """It would find base64 where its text was."""
    cluster, vault = FakeCluster(), FakeVault()
    objects = scene(symmetric.git_crypt(), ssh.openssh())
    cluster.put(*objects)
    plan = build(world(objects), Request(), "p", "now")
    vault.put_foreign(plan.secrets[0].vault_path, {"other": "text"})
    store = Store(site(plan, vault, cluster))
    with pytest.raises(HardenError, match="something else is stored"):
        store.perform(STEP, store.capture(STEP))
