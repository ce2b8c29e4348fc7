"""The main scene goes on: keys that a migration has brought into custody are rotated by a CronJob, in real pods."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from bao.devserver import DevServer
from cluster.workload import Cluster

from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.scene import LOGIN
from tests.harden_secrets.scene_estate import estate
from tests.harden_secrets.scene_jobs import Jobs
from tests.harden_secrets.scene_repository import CLEAR
from tests.harden_secrets.scene_rotation import EXPOSED, GIT_CRYPT, SSH, Rotation, rotation
from tests.harden_secrets.scene_search import (
    files_below,
    git_objects,
    traces_of_git_crypt,
    traces_of_ssh,
    watching_processes,
)

OVERLAP = 10  # seconds
WHO = re.compile(r"is held by run rotate \S+, process \d+ on (\S+) since")


@pytest.fixture
def in_custody(cluster: Cluster, bao: DevServer, vault: KeyValue, tmp_path: Path) -> Iterator[Rotation]:
    """The scene after its migration, with the keys in a Vault of the tests."""
    access = {"VAULT_ADDR": bao.address, "VAULT_TOKEN": bao.root_token, "VAULT_CACERT": str(bao.ca)}
    with (
        estate(cluster, tmp_path, f"{{address: '{bao.address}', mount: {vault.mount}}}", **access) as made,
        rotation(made, bao, vault.mount) as scene,
    ):
        yield scene


@pytest.mark.timeout(600)  # the longest of all: it waits for a full minute, an overlap, and a lock to run out
def test_a_cron_job_rotates_what_was_migrated(in_custody: Rotation, harden_image: str) -> None:
    """Cut off in the middle, run twice at once, fired by its schedule: new keys are used, and the old ones refused.

    Whoever logs in can do so all the time, and no value stands where none may.
    """
    scene, jobs = in_custody, Jobs(in_custody.cluster, in_custody.namespace)
    old = scene.stored(SSH, "private_key"), scene.stored(GIT_CRYPT, "key")
    assert scene.logs_in(old[0]).status == 0
    assert scene.unlocks(old[1]).stdout == CLEAR
    with watching_processes() as processes:
        scene.schedule(harden_image, every=OVERLAP + 1, overlap=OVERLAP)
        jobs.cut_off("git-crypt-key: install")
        left = twice_at_once(jobs)
        scene.schedule(harden_image, every=30 * 86400, overlap=OVERLAP)
        assert scene.logs_in(scene.stored(SSH, "private_key")).status == 0
        jobs.fire()
        jobs.finish()
    new = scene.stored(SSH, "private_key"), scene.stored(GIT_CRYPT, "key")
    check_ssh(scene, old[0], new[0])
    check_git_crypt(scene, old[1], new[1])
    assert (scene.version(SSH), scene.version(GIT_CRYPT)) == (2, 2)
    assert re.search(
        rf"^to be rotated by itself, each:\n  ssh-private-key .* {EXPOSED}:1 .* {SSH}, field", jobs.said, re.MULTILINE
    )
    assert re.search(r"^  credentials: 1 content; today on main; from [0-9a-f]+$", jobs.said, re.MULTILINE)

    found = {
        "processes": b"\n".join(processes.seen),
        "logs": jobs.said.encode(),
        "files that stay": left,
        "objects of git": git_objects(scene.repository),
        "files of the repository": files_below(scene.folder),
        "audit log of the cluster": scene.cluster.server.audit_log.read_bytes(),
    }
    traces = [
        *traces_of_ssh(old[0]),
        *traces_of_ssh(new[0]),
        *traces_of_git_crypt(old[1]),
        *traces_of_git_crypt(new[1]),
    ]
    assert [name for name, text in found.items() if any(trace in text for trace in [*traces, CLEAR])] == []
    assert all(found.values())
    assert b"rotate\0--due" in found["processes"]


def twice_at_once(jobs: Jobs) -> bytes:
    """Two Jobs of the same moment: of each secret one of them takes care, and the other says who. What both leave."""
    for name in ("one", "two"):
        jobs.start(name, beside=True)
    left = b"".join(jobs.left(name) for name in ("one", "two"))
    ended = {name: jobs.ended(name) for name in ("one", "two")}
    assert all(one.well for one in ended.values()), jobs.said
    named = {name: WHO.findall(one.said) for name, one in ended.items()}
    assert {host.rpartition("-")[0] for host in named["one"]} <= {"two", "cut"}
    assert {host.rpartition("-")[0] for host in named["two"]} <= {"one", "cut"}
    assert named["one"] or named["two"], jobs.said
    return left


def check_ssh(scene: Rotation, old: bytes, new: bytes) -> None:
    """Only the new key is let in; the pod that has it logs in, and the one that tried all the time always could."""
    refused = scene.logs_in(old)
    assert (refused.status, b"Permission denied" in refused.stderr) == (255, True)
    assert scene.logs_in(new).status == 0
    places = scene.estate.places
    assert scene.cluster.run(places.ssh, scene.estate.pod(places.ssh, "bastion"), *LOGIN).stdout == b"welcome\n"
    lines = scene.probed()
    assert [line for line in lines if not line.startswith("in ")] == []
    assert len(lines) > 30
    assert len(scene.keys_of_probe()) == 2  # it used the old one, and then the new one


def check_git_crypt(scene: Rotation, old: bytes, new: bytes) -> None:
    """Only the new key unlocks; it is where the old one was for whoever mounts it or asks for it."""
    assert scene.unlocks(old).status != 0
    assert scene.unlocks(new).stdout == CLEAR
    assert scene.unlocks_again().stdout == CLEAR
    assert scene.estate.script_prints() == new
