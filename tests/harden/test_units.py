"""The units that `install-units` puts into an image: what they say, which links enable them, what is left of them."""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer

from harden.cli import UnitSet, app, run
from harden.errors import HardenError
from harden.file import write_published
from harden.install.plan import FOLDER, There, plan_installation, plan_removal
from harden.install.unit import SETS, Unit, names_of, timer, writing
from wgfw.kernel.record import Record
from wgfw.kernel.recordfile import write_record

POLICY = "version: 1\ninterfaces: {wg0: {peers: /etc/wireguard/wg0.conf}, wg1: {peers: wg1.conf}}\n"
SECRETS = """version: 1
vault: {address: "https://vault:8200", auth: {method: token}}
secrets:
  token: {kind: command, path: ci/forge, command: [/bin/true], rotate: {every: 30d}}
"""
TEXTFILES = "var/lib/prometheus/node-exporter"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VAULT_ADDR", "VAULT_TOKEN", "VAULT_CACERT", "VAULT_NAMESPACE", "HARDEN_STATE", "HARDEN_POLICY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("HARDEN_INVENTORY", raising=False)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """What is going to be / of a host with a policy, an inventory and node_exporter."""
    root = tmp_path / "image"
    for name in ("etc/harden", TEXTFILES):
        (root / name).mkdir(parents=True)
    (root / "etc/harden/policy.yaml").write_text(POLICY)
    (root / "etc/harden/secrets.yaml").write_text(SECRETS)
    return root


def install(root: Path, *arguments: str) -> int:
    """The exit status of ``install-units``."""
    words = ["install-units", "--root", str(root), *arguments]
    return run(lambda: typer.main.get_command(app).main(args=words, standalone_mode=False))


def unit(root: Path, name: str) -> str:
    return (root / FOLDER.lstrip("/") / name).read_text()


def tree(root: Path) -> set[Path]:
    return {path.relative_to(root) for path in root.rglob("*")}


def analyzed(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """What systemd says itself. Install it with: apt-get install systemd"""
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("names", [("wg", "rotate", "metrics"), ("keeper",)])
def test_systemd_takes_them_and_finds_little_exposed(image: Path, names: Sequence[str]) -> None:
    """Without a word of warning, and at 2.0 or less."""
    assert install(image, *names) == 0
    paths = [str(image / FOLDER.lstrip("/") / name) for name in names_of(names)]
    verified = analyzed("systemd-analyze", "verify", "--man=no", *paths)
    assert (verified.returncode, verified.stderr) == (0, "")
    for path in (path for path in paths if path.endswith(".service")):
        rated = analyzed("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", path)
        assert rated.returncode == 0, rated.stdout


def test_they_are_enabled_as_systemctl_does_it(image: Path) -> None:
    """It has nothing to add, and takes them for enabled."""
    assert install(image) == 0
    before = tree(image)
    named = [name for name in names_of(("wg", "rotate", "metrics")) if "[Install]" in unit(image, name)]
    enabled = analyzed("systemctl", f"--root={image}", "enable", *named)
    assert enabled.returncode == 0, enabled.stderr
    assert "Created symlink" not in enabled.stdout + enabled.stderr
    assert tree(image) == before
    asked = analyzed("systemctl", f"--root={image}", "is-enabled", *named)
    assert asked.stdout.split() == ["enabled"] * len(named)


def test_the_rules_come_before_each_interface_of_the_policy(image: Path) -> None:
    """An interface requires them, and does not come up without."""
    assert install(image, "wg") == 0
    text = unit(image, "harden-wg.service")
    assert "RequiredBy=wg-quick@wg0.service\nRequiredBy=wg-quick@wg1.service\n" in text
    before = re.search(r"^Before=(.*)$", text, re.MULTILINE)
    assert before
    assert {"network-pre.target", "wg-quick@wg0.service", "wg-quick@wg1.service"} <= set(before[1].split())
    assert (image / FOLDER.lstrip("/") / "wg-quick@wg1.service.requires/harden-wg.service").is_file()


def test_an_interface_that_is_no_longer_in_the_policy_needs_no_rules(image: Path) -> None:
    """What a person has put there to want them stays."""
    install(image, "wg")
    folder = image / FOLDER.lstrip("/")
    (folder / "my.target.wants").mkdir()
    (folder / "my.target.wants/harden-wg.service").symlink_to("../harden-wg.service")
    assert install(image, "wg", "--interface", "wg1") == 0
    assert not (folder / "wg-quick@wg0.service.requires").exists()
    assert (folder / "wg-quick@wg1.service.requires/harden-wg.service").is_file()
    assert (folder / "my.target.wants/harden-wg.service").is_file()


def test_it_says_what_it_found_a_use_for(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without names it goes by what is there; with nothing there it installs nothing."""
    assert install(image) == 0
    said = capsys.readouterr().err
    assert [f"harden: {name}: there is " in said for name in ("wg", "rotate", "metrics", "keeper")] == [True] * 3 + [
        False
    ]
    (image / "etc/harden/policy.yaml").unlink()
    assert install(image) == 0
    said = capsys.readouterr().err
    assert [f"harden: {name}: there is " in said for name in ("wg", "rotate", "metrics")] == [False, True, True]
    (image / "etc/harden/secrets.yaml").unlink()
    assert install(image) == 1
    assert "nothing to install: there is neither /etc/harden/policy.yaml nor" in capsys.readouterr().err


def test_a_second_run_changes_nothing(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And what was altered since is put right."""
    install(image, "--json")
    first = json.loads(capsys.readouterr().out)
    names = names_of(("wg", "rotate", "metrics"))
    assert first == {"changed": True, "units": [{"name": name, "change": "made"} for name in names]}
    install(image, "--json")
    second = json.loads(capsys.readouterr().out)
    assert second == {"changed": False, "units": [{"name": name, "change": "unchanged"} for name in names]}
    folder = image / FOLDER.lstrip("/")
    service = folder / "harden-wg.service"
    service.write_text(service.read_text() + "Nice=5\n")
    (folder / "timers.target.wants/harden-wg-repair.timer").unlink()
    install(image, "--json")
    changes = {each["name"]: each["change"] for each in json.loads(capsys.readouterr().out)["units"]}
    assert [name for name in names if changes[name] != "unchanged"] == ["harden-wg.service", "harden-wg-repair.timer"]
    assert (changes["harden-wg.service"], changes["harden-wg-repair.timer"]) == ("changed", "enabled")


def test_a_dry_run_shows_files_and_links(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a diff, and writes none of them."""
    before = tree(image)
    assert install(image, "wg", "--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"+++ {FOLDER}/harden-wg.service" in lines
    assert "+RequiredBy=wg-quick@wg0.service" in lines
    assert f"+{FOLDER}/timers.target.wants/harden-wg-repair.timer -> ../harden-wg-repair.timer" in lines
    assert "harden-wg.service: would be made" in lines
    assert install(image, "wg", "--dry-run", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["changed"] is True
    assert set(document["diff"]) < set(lines)
    assert tree(image) == before


def test_what_is_removed_leaves_nothing(image: Path) -> None:
    """Neither files nor links nor folders nor what the units have written; a second removal finds nothing."""
    (image / FOLDER.lstrip("/")).mkdir(parents=True)
    before = tree(image)
    install(image)
    written = [image / TEXTFILES / "harden-wg.prom", image / TEXTFILES / "harden-secrets.prom"]
    stamp = image / "var/lib/systemd/timers/stamp-harden-rotate.timer"
    stamp.parent.mkdir(parents=True)
    for path in (*written, stamp):
        path.touch()
    assert install(image, "--remove") == 0
    assert tree(image) - {Path("var/lib/systemd"), Path("var/lib/systemd/timers")} == before
    assert install(image, "--remove") == 0


def test_units_that_somebody_deleted_come_back(image: Path) -> None:
    """Also where the links to them were left."""
    install(image, "wg")
    before = tree(image)
    for path in (image / FOLDER.lstrip("/")).glob("harden-*"):
        path.unlink()
    assert install(image, "wg") == 0
    assert tree(image) == before


def test_only_what_is_named_is_removed(image: Path) -> None:
    """The rest stays enabled."""
    install(image)
    assert install(image, "rotate", "--remove") == 0
    left = {path.name for path in (image / FOLDER.lstrip("/")).glob("harden-*")}
    assert left == set(names_of(("wg", "metrics")))


def test_what_is_no_longer_called_for_goes(image: Path) -> None:
    """Metrics of secrets, say, on a host that has none any more."""
    install(image, "metrics")
    (image / "etc/harden/secrets.yaml").unlink()
    assert install(image, "metrics") == 0
    left = {path.name for path in (image / FOLDER.lstrip("/")).glob("harden-*")}
    assert left == {"harden-wg-metrics.service", "harden-wg-metrics.timer"}


@pytest.mark.parametrize("masked", [False, True])
def test_units_of_others_are_not_touched(image: Path, capsys: pytest.CaptureFixture[str], masked: bool) -> None:
    """One of the same name stops the installation before it begins, and survives a removal; also one that is masked."""
    foreign = image / FOLDER.lstrip("/") / "harden-wg.service"
    foreign.parent.mkdir(parents=True)
    if masked:
        foreign.symlink_to("/dev/null")
    else:
        foreign.write_text("[Service]\nExecStart=/bin/true\n")
    before = tree(image)
    assert install(image, "wg") == 1
    assert "harden-wg.service: is not harden's" in capsys.readouterr().err
    assert install(image, "--remove") == 0
    assert "harden-wg.service is not harden's: it stays" in capsys.readouterr().err
    assert tree(image) == before


def test_what_a_unit_needs_in_a_home_is_shown_to_it(image: Path) -> None:
    """State, policy and peers may lie anywhere; the program, too."""
    (image / "root/etc").mkdir(parents=True)
    (image / "root/etc/policy.yaml").write_text(POLICY)
    policy = str(image / "root/etc/policy.yaml")
    arguments = ("--executable", "/opt/harden/bin/harden", "--state", str(image / "root/state"))
    assert install(image, "wg", "metrics", "--policy", policy, *arguments) == 0
    text = unit(image, "harden-wg-metrics.service")
    assert re.findall(r"^BindReadOnlyPaths=-(.*)$", text, re.MULTILINE) == [
        "/root/etc/policy.yaml",
        "/root/etc/wg1.conf",
    ]
    assert re.findall(r"^BindPaths=-(.*)$", text, re.MULTILINE) == ["/root/state"]
    assert "ExecStart=/opt/harden/bin/harden wg status" in text
    assert 'Environment="HARDEN_POLICY=/root/etc/policy.yaml"\n' in text
    assert "RequiresMountsFor=/root/state /opt/harden/bin/harden\n" in unit(image, "harden-wg.service")


@pytest.mark.parametrize(("backend", "expected"), [("legacy", True), ("nft", False)])
def test_modules_of_the_legacy_tables_are_loaded_where_the_rules_are_in_them(
    image: Path, backend: str, expected: bool
) -> None:
    """The service may not load them, and iptables does so only when it starts."""
    folder = image / "var/lib/harden/wg/host"
    folder.mkdir(parents=True)
    write_record(folder / "current", Record("", "", backend, None, {4: "*filter\n"}))
    assert install(image, "wg") == 0
    assert ("modprobe@ip_tables.service" in unit(image, "harden-wg.service")) is expected


def test_a_gateway_without_harden_gets_units_for_its_keeper(image: Path) -> None:
    """For interfaces that are named: the policy may be somewhere else."""
    (image / "etc/harden/policy.yaml").unlink()
    assert install(image, "keeper", "--interface", "wg7") == 0
    text = unit(image, "harden-wg-keeper.service")
    assert "ExecStart=/bin/sh /usr/local/lib/harden/keeper restore\n" in text
    assert "RequiredBy=wg-quick@wg7.service\n" in text
    assert "ConditionPathExists=/var/lib/harden/wg-keeper/confirmed\n" in unit(image, "harden-wg-keeper-repair.service")


def test_names_of_others_are_data(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name cannot become another line; what can be no instance of a unit is said."""
    hostile = "wg0\nExecStartPre=/bin/evil"
    assert install(image, "wg", "--interface", hostile) == 0
    assert "can be no instance of wg-quick@.service" in capsys.readouterr().err
    assert "evil" not in unit(image, "harden-wg.service")
    assert install(image, "wg", "--state", "/srv/a\nExecStartPre=/bin/evil") == 1


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("firewall",), 2, "'firewall' is not one of"),
        (("firewall", "--remove"), 2, "'firewall' is not one of"),
        (("wg", "keeper"), 2, "two ways to do the same"),
        (("wg", "--executable", "harden"), 2, "no absolute path"),
        (("metrics", "--textfiles", "/srv/nowhere"), 1, "/srv/nowhere: no such folder"),
    ],
)
def test_what_makes_no_sense_is_told(
    image: Path, arguments: Sequence[str], status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to do instead; nothing is written."""
    before = tree(image)
    assert install(image, *arguments) == status
    assert words in capsys.readouterr().err
    assert tree(image) == before


def test_an_image_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rather than made."""
    assert install(tmp_path / "nowhere", "wg") == 2
    assert "no such folder" in capsys.readouterr().err


def test_an_inventory_in_which_nothing_rotates_needs_no_timer(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That is said, and the rest is installed."""
    (image / "etc/harden/secrets.yaml").write_text("version: 1\nsecrets: {plain: {kind: opaque, path: a/plain}}\n")
    assert install(image) == 0
    assert "no secret in it has a rotate" in capsys.readouterr().err
    assert not (image / FOLDER.lstrip("/") / "harden-rotate.timer").exists()
    assert (image / FOLDER.lstrip("/") / "harden-rotate-metrics.timer").exists()


def test_every_calendar_is_one(image: Path) -> None:
    """systemd knows when they come."""
    install(image)
    calendars = {
        calendar
        for name in names_of(("wg", "rotate", "metrics"))
        for calendar in re.findall(r"^OnCalendar=(.*)$", unit(image, name), re.MULTILINE)
    }
    assert len(calendars) >= 2
    assert analyzed("systemd-analyze", "calendar", *calendars).returncode == 0


def test_a_plan_is_a_value() -> None:
    """From what is wanted and what is there, to what has to change; nothing is looked at or written for it."""
    before = Unit("a.timer", writing(timer("`harden x`", "A", "1", "*:*", 1), "/srv/old"))
    after = Unit("a.timer", writing(timer("`harden x`", "B", "1", "*:*", 1), "/srv/new"))
    there = There({"a.timer": before}, {"a.timer": frozenset({"timers.target.wants", "x.service.requires"})})
    (step,) = plan_installation([after], ["a.timer"], there)
    assert (step.change, step.link, step.unlink) == ("changed", frozenset(), {"x.service.requires"})
    assert step.clear == {"/srv/old"}
    (step,) = plan_removal(["a.timer", "b.timer"], there)
    assert (step.change, step.unlink) == ("removed", {"timers.target.wants", "x.service.requires"})


def test_no_unit_is_in_two_sets() -> None:
    """So that removing one set leaves the others whole; the command line knows them all."""
    names = names_of(SETS)
    assert len(set(names)) == len(names)
    assert list(UnitSet) == list(SETS)


def test_metrics_are_put_in_place_in_one_step(tmp_path: Path) -> None:
    """For everybody to read, whatever the umask; nothing is left beside; what fails is told."""
    before = os.umask(0o077)
    try:
        write_published(tmp_path / "a.prom", "x 1\n")
        write_published(tmp_path / "a.prom", "x 2\n")
    finally:
        os.umask(before)
    assert (tmp_path / "a.prom").read_text() == "x 2\n"
    assert (tmp_path / "a.prom").stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["a.prom"]
    (tmp_path / "folder").mkdir()
    for name in ("nowhere/a.prom", "folder"):
        with pytest.raises(HardenError, match="cannot be written"):
            write_published(tmp_path / name, "x 3\n")
    assert sorted(os.listdir(tmp_path)) == ["a.prom", "folder"]


@pytest.mark.parametrize("part", ["wg", "secrets"])
def test_a_file_for_metrics_goes_with_their_format(
    part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Text for people has a place of its own."""
    words = [part, "status", "-o", str(tmp_path / "a.prom")]
    assert run(lambda: typer.main.get_command(app).main(args=words, standalone_mode=False)) == 2
    assert "-o is for --format prometheus" in capsys.readouterr().err
