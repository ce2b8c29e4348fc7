"""The timer and the service that rotate what is due: systemd takes them, and finds little that the service could do."""

import base64
import os
import re
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import typer

from harden.cli import app, run
from harden.errors import HardenError
from harden.systemdtext import bound, path, word
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import Inventory
from harden_secrets.rotate.units.demands import Demands, demands
from harden_secrets.rotate.units.pace import delay, pace
from harden_secrets.rotate.units.systemd import SERVICE, TIMER, Host, units

HOST_KEY = "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + b"k" * 32).decode()
SSH = """
  ssh:
    kind: ssh-key
    path: apps/ssh
    targets: [{host: devvm, user: app, host_key: "KEY"}]
    rotate: {every: 30d, window: "02:00-05:00"}
""".replace("KEY", HOST_KEY)
GIT = """
  git:
    kind: git-crypt
    path: apps/git
    repository: {path: /srv/infra}
    rotate: {every: 90d}
"""
FILE = """
  file:
    kind: command
    path: apps/file
    command: [/usr/local/bin/make-key]
    deliver: [{to: file, path: /etc/app/key, owner: app, reload: [systemctl, reload, app]}]
    rotate: {every: 90d}
"""
VAULT = 'vault: {address: "https://vault:8200", auth: {method: token}}\n'


def inventory(*entries: str, vault: str = VAULT) -> Inventory:
    return read_inventory(f"version: 1\n{vault}secrets:{''.join(entries)}".encode(), "secrets.yaml")


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """With a program that is there, which `systemd-analyze verify` looks for."""
    program = tmp_path / "my harden"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return Host((str(program),), (), "/etc/harden/secrets.yaml", "/var/lib/harden", {"VAULT_ADDR": "https://v%41:8200"})


def written(folder: Path, host: Host, needs: Demands) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in units(host, needs, timedelta(minutes=15)).items():
        (folder / name).write_text(text)
    return folder


def analyzed(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """What systemd says itself. Install it with: apt-get install systemd"""
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)


def exposure(service: Path) -> float:
    done = analyzed("security", "--offline=true", "--no-pager", "--threshold=20", str(service))
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert (done.returncode == 0) == (float(found[1]) <= 2.0)
    return float(found[1])


@pytest.mark.parametrize("entries", [(SSH,), (GIT,), (FILE,), (SSH, GIT, FILE)])
def test_systemd_takes_the_units_and_finds_little_exposed(host: Host, tmp_path: Path, entries: Sequence[str]) -> None:
    """Without a word of warning, and at 2.0 or less, whatever the inventory calls for."""
    folder = written(tmp_path / "units", host, demands(inventory(*entries)))
    verified = analyzed("verify", "--man=no", str(folder / TIMER), str(folder / SERVICE))
    assert (verified.returncode, verified.stderr) == (0, "")
    assert exposure(folder / SERVICE) <= 2.0


def test_what_lies_in_homes_and_belongs_to_others_costs_little(host: Host, tmp_path: Path) -> None:
    """Folders of other users take the powers of root over files; that is the price, and is said."""
    needs = Demands(("/home/app",), ("/root/.ssh", "~/.vault-token"), True, True, True, True)
    others = Host(host.program, ("/root/venv",), "/root/secrets.yaml", "/root/state", {}, others=True)
    folder = written(tmp_path / "units", others, needs)
    assert analyzed("verify", "--man=no", str(folder / SERVICE)).stderr == ""
    assert 2.0 < exposure(folder / SERVICE) <= 2.2
    text = (folder / SERVICE).read_text()
    assert "CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER\n" in text
    shown = ["/root/secrets.yaml", "/root/venv", "/root/.ssh"]
    assert re.findall(r"^BindReadOnlyPaths=-(.*)$", text, re.MULTILINE) == shown
    assert re.findall(r"^BindPaths=-(.*)$", text, re.MULTILINE) == ["/root/state", "/home/app"]
    assert "ProtectHome=tmpfs\n" in text


def test_a_service_for_ssh_keys_has_no_capability_and_writes_nowhere(host: Host) -> None:
    """The token comes as a credential, and its home is the folder with it."""
    text = units(host, demands(inventory(SSH)), timedelta(minutes=15))[SERVICE]
    assert "CapabilityBoundingSet=\n" in text
    assert "ReadWritePaths" not in text
    assert "StateDirectory=harden\n" in text
    assert "LoadCredential=.vault-token:/root/.vault-token\nEnvironment=HOME=%d\n" in text
    assert "ProtectHome=yes\n" in text
    assert 'Environment="VAULT_ADDR=https://v%%41:8200"\n' in text


def test_a_service_for_files_and_repositories_writes_there_only(host: Host) -> None:
    """Into the folder of a file, because a new one takes the place of the old one."""
    text = units(host, demands(inventory(GIT, FILE)), timedelta(minutes=15))[SERVICE]
    assert re.findall(r"^ReadWritePaths=-(.*)$", text, re.MULTILINE) == ["/etc/app", "/srv/infra"]
    assert "CapabilityBoundingSet=CAP_CHOWN\n" in text


def test_what_was_missed_is_made_up_for_and_hosts_do_not_come_together(host: Host) -> None:
    """The timer looks at the clock, not at when it was started."""
    text = units(host, Demands(), timedelta(minutes=10))[TIMER]
    assert "OnCalendar=*:0/10\n" in text
    assert "RandomizedDelaySec=200\n" in text
    assert "Persistent=true\n" in text
    for minutes in (15, 10, 5, 2, 1):
        assert analyzed("calendar", f"*:0/{minutes}").returncode == 0


@pytest.mark.parametrize(
    ("window", "minutes"),
    [
        ("", 15),
        (', window: "02:00-05:00", jitter: 3h', 15),
        (', window: "02:00-02:20"', 15),
        (', window: "02:00-02:15"', 10),
        (', window: "02:00-02:20", jitter: 10m', 5),
        (', window: "02:00-02:10", jitter: 10m', 1),
        (', window: "02:00-02:01"', 1),
    ],
)
def test_it_runs_often_enough_for_the_shortest_window(window: str, minutes: int) -> None:
    """A run that comes late by the whole of its delay comes into it still."""
    entry = GIT.replace("every: 90d", f"every: 90d{window}")
    between = pace(inventory(SSH, entry))
    assert between == timedelta(minutes=minutes)
    assert delay(between) < between


def test_names_of_others_are_data() -> None:
    """A path cannot become another line or another setting."""
    assert word('a b"$c%') == '"a b\\"$$c%%"'
    assert path("/srv/a b%") == '"/srv/a b%%"'
    assert bound("/srv/a:b") == '"/srv/a\\\\:b"'
    with pytest.raises(HardenError, match="a unit of systemd cannot name it"):
        path("/srv/a\nExecStartPre=/bin/evil")


def asked(*arguments: str) -> int:
    words = ["secrets", "schedule", *arguments]
    return run(lambda: typer.main.get_command(app).main(args=words, standalone_mode=False))


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "secrets.yaml"
    file.write_text(f"version: 1\n{VAULT}secrets:{SSH}")
    for name in ("VAULT_ADDR", "VAULT_TOKEN", "VAULT_CACERT", "VAULT_NAMESPACE", "KUBECONFIG", "HARDEN_STATE"):
        monkeypatch.delenv(name, raising=False)
    return file


def test_the_command_prints_both_units_with_their_names(secrets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that they can be looked at."""
    assert asked("--format", "systemd", "--inventory", str(secrets)) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"# {SERVICE}\n")
    assert f"\n# {TIMER}\n" in out
    assert f'Environment="HARDEN_INVENTORY={secrets}"\n' in out


def test_the_command_writes_once(secrets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run writes nothing, a second run changes nothing, and what was altered is put right."""
    folder = tmp_path / "units"
    arguments = ("--format", "systemd", "--inventory", str(secrets), "-o", str(folder), "-q")
    assert asked(*arguments, "--dry-run") == 0
    assert not folder.exists()
    assert "would be made" in capsys.readouterr().out
    assert asked(*arguments) == 0
    assert [line.rpartition(": ")[2] for line in capsys.readouterr().out.splitlines()] == ["made", "made"]
    assert {name: (folder / name).stat().st_mode & 0o777 for name in os.listdir(folder)} == {
        SERVICE: 0o644,
        TIMER: 0o644,
    }
    assert analyzed("verify", "--man=no", str(folder / TIMER), str(folder / SERVICE)).stderr == ""
    before = (folder / TIMER).stat().st_mtime_ns
    (folder / SERVICE).write_text("[Service]\n")
    assert asked(*arguments) == 0
    assert [line.rpartition(": ")[2] for line in capsys.readouterr().out.splitlines()] == ["changed", "up to date"]
    assert (folder / TIMER).stat().st_mtime_ns == before


def test_a_token_is_not_carried_over(
    secrets: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units can be read by everybody; the address of the Vault may be."""
    monkeypatch.setenv("VAULT_TOKEN", "hvs.secret")
    monkeypatch.setenv("VAULT_ADDR", "https://elsewhere:8200")
    assert asked("--format", "systemd", "--inventory", str(secrets)) == 0
    said = capsys.readouterr()
    assert "VAULT_TOKEN is not carried over" in said.err
    assert "hvs.secret" not in said.out + said.err
    assert "VAULT_ADDR=https://elsewhere:8200" in said.out


def test_a_folder_of_another_user_is_said(secrets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Because of it the service may write over all users' files."""
    repository = tmp_path / "repository"
    repository.mkdir()
    os.chown(repository, 12345, 12345)
    secrets.write_text(f"version: 1\n{VAULT}secrets:{GIT.replace('/srv/infra', str(repository))}")
    assert asked("--format", "systemd", "--inventory", str(secrets)) == 0
    said = capsys.readouterr()
    assert f"{repository} belongs to another user than root" in said.err
    assert "CAP_DAC_OVERRIDE" in said.out


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--format", "systemd", "--image", "x"), 2, "are for --format cronjob"),
        (("--format", "cronjob"), 2, "name it with --image IMAGE"),
        (("--format", "cronjob", "--image", "x", "--namespace", "A_"), 2, "can be no namespace"),
        (("--format", "cronjob", "--image", "x", "--claim", "data"), 2, "write it as --claim CLAIM:"),
        (("--format", "cronjob", "--image", "x"), 1, "auth: {method: kubernetes"),
        (
            (
                "--format",
                "daily",
            ),
            2,
            "daily",
        ),
    ],
)
def test_what_makes_no_sense_is_told(
    secrets: Path, arguments: Sequence[str], status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to do instead."""
    assert asked(*arguments, "--inventory", str(secrets)) == status
    assert words in capsys.readouterr().err


def test_an_inventory_in_which_nothing_rotates_is_told(secrets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A timer for nothing is a mistake."""
    secrets.write_text("version: 1\nsecrets: {plain: {kind: opaque, path: a/plain}}\n")
    assert asked("--format", "systemd", "--inventory", str(secrets)) == 1
    assert "no secret in it has a rotate" in capsys.readouterr().err
