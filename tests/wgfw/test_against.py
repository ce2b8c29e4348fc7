"""``harden wg render --format policy`` and ``plan --against``: what a policy changes, without a kernel."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.wgfw.command_line import HARDEN, OTHER_POLICY, POLICY, WG_CONF, Done
from wgfw.policy.snapshot import from_json

# Root without its rights may read its own files and ask no kernel for rules.
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wg0.conf").write_text(WG_CONF)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "before").write_text(wg(tmp_path, "render", "--format", "policy").stdout)
    return tmp_path


def wg(folder: Path, *arguments: str) -> Done:
    done = subprocess.run(
        [*HARDEN, "wg", *arguments, "--policy", "policy.yaml"],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def test_the_snapshot_is_the_policy_and_its_peers(folder: Path) -> None:
    """With their addresses, whoever reads it; no key but the public ones."""
    text = (folder / "before").read_text()
    assert [client.name for client in from_json(text).clients] == ["anca", "laptop"]
    assert "aGFyZGVuIGxhYiBwcml2YXRlIGtleSAwMDAwMDAwMDA=" not in text
    document = wg(folder, "render", "--format", "policy", "--json").json
    assert document["text"] == {"policy": text}
    assert document["digest"] == wg(folder, "render", "--json").json["digest"]


def test_one_family_of_it_makes_no_sense(folder: Path) -> None:
    """A wrong command line, not a snapshot with half of the addresses."""
    done = wg(folder, "render", "--format", "policy", "--family", "4")
    assert (done.status, done.stdout) == (2, "")


def test_nothing_changes_against_itself(folder: Path) -> None:
    """Exit 0."""
    done = wg(folder, "plan", "--against", "before")
    assert (done.status, done.stdout, done.stderr) == (0, "in sync: nothing to change\n", "")
    assert wg(folder, "plan", "--against", "before", "--json").json == {"in_sync": True, "changes": []}


def test_it_says_who_gains_and_who_loses_what(folder: Path) -> None:
    """As `plan` does, with exit 3; the rules with -v, or in the document."""
    (folder / "policy.yaml").write_text(OTHER_POLICY)
    done = wg(folder, "plan", "--against", "before")
    assert done.status == 3
    assert done.stdout.splitlines() == [
        "anca loses nas tcp/22",
        "laptop loses internet any",
    ]
    assert "rule set" in wg(folder, "plan", "--against", "before", "-v").stdout
    document = wg(folder, "plan", "--against", "before", "--json").json
    assert document["in_sync"] is False
    assert [change["change"] for change in document["changes"]] == ["loses", "loses", "rules"]


def test_peers_that_come_are_changes(folder: Path) -> None:
    """The snapshot holds the peers of its moment."""
    more = WG_CONF + "\n[Peer]\nPublicKey = aGFyZGVuIGxhYiBwdWJsaWMga2V5IDAwMDAwMDAwMDM=\nAllowedIPs = 10.8.0.4/32\n"
    (folder / "wg0.conf").write_text(more)
    changes = wg(folder, "plan", "--against", "before", "--json").json["changes"]
    assert [change["change"] for change in changes] == ["new", "rules"]


def test_rules_that_change_nobodys_access_are_a_change(folder: Path) -> None:
    """Whoever keeps the rendered script must render it again."""
    (folder / "policy.yaml").write_text(POLICY + "defaults: {on_allow: return}\n")
    done = wg(folder, "plan", "--against", "before")
    assert done.status == 3
    assert done.stdout.startswith("nobody's access changes, the rules do:\n  rule set ")


def test_it_needs_no_root_and_no_iptables(folder: Path) -> None:
    """The controller of many gateways is somebody's laptop."""
    (folder / "bin").mkdir()
    done = subprocess.run(
        [*POWERLESS, "env", "-i", f"PATH={folder}/bin", *HARDEN, "wg", "plan", "--policy", "policy.yaml",
         "--against", "before"],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "in sync: nothing to change\n"), done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a policy that harden stored"),
        ("{}", "not a policy that harden stored"),
        ("version: 1\n", "not a policy that harden stored"),
        ('{"harden-policy": 99, "sha256": ""}\n{}', "stored by another version of harden"),
        ('{"harden-policy": 1, "sha256": ""}\n{}', "the stored policy is damaged"),
        (None, "no such file"),
    ],
)
def test_a_file_that_is_no_snapshot_is_refused(folder: Path, text: str | None, message: str) -> None:
    """Exit 1, with what makes one."""
    if text is not None:
        (folder / "other").write_text(text)
    done = wg(folder, "plan", "--against", "other")
    assert (done.status, done.stdout) == (1, "")
    assert done.errors[0].startswith("other: ")
    assert message in done.errors[0]
    assert done.hints == ["`harden wg render --format policy > FILE` makes one"]


def test_a_snapshot_that_is_not_text_is_refused(folder: Path) -> None:
    """Without a traceback."""
    (folder / "other").write_bytes(b"\xff\xfe")
    assert wg(folder, "plan", "--against", "other").errors == ["other: not a policy that harden stored"]


def test_every_change_has_the_shape_that_plan_gives_it(folder: Path) -> None:
    """One document, the same keys."""
    (folder / "policy.yaml").write_text(OTHER_POLICY)
    document = json.loads(wg(folder, "plan", "--against", "before", "--json").stdout)
    assert set(document) == {"in_sync", "changes"}
    assert document["changes"][0] == {
        "client": "anca", "change": "loses", "direction": "out", "to": ["nas"], "services": ["tcp/22"], "until": None,
    }  # fmt: skip
