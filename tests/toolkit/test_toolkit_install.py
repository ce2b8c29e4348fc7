"""The playbook on a gateway that has nothing of harden's: the wheel is brought there and installed."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from ansible_lab.controller import Controller, Inventory
from ansible_lab.gateways import Fleet, Gateway
from ansible_lab.policies import policy
from wheelhouse import build_wheel, pack_dependencies

from harden import __version__


@pytest.fixture(name="wheel")
def _wheel(tmp_path: Path) -> Path:
    """The project's wheel, in a folder with all that it needs: there is no network."""
    pack_dependencies("harden", tmp_path)
    return build_wheel(tmp_path)


@pytest.fixture(name="bare")
def _bare(fleet: Fleet) -> Iterator[Gateway]:
    gateway = fleet.gateways["bare"]
    gateway.reset()
    yield gateway
    gateway.reset()
    gateway.run("rm", "-rf", "/opt/harden")


def test_it_installs_the_wheel_and_rolls_out(newest: Controller, bare: Gateway, wheel: Path, fleet: Fleet) -> None:
    """Check mode foresees it and writes nothing; the second run changes nothing; the policy is enforced."""
    variables = {
        "harden_policy": policy(),
        "harden_package": str(wheel),
        "harden_python": str(Path(sys.executable).resolve()),
        "harden_system_packages": [],
        "harden_pip_extra_args": ["--no-index", f"--find-links={wheel.parent}", "--no-compile"],
    }
    inventory = Inventory((bare,), variables=variables)
    before = bare.files()
    foreseen = newest.playbook("harden.toolkit.gateway", inventory, "--check", "--diff").succeed()
    assert foreseen.recap["bare"].changed > 0
    assert bare.files() == before
    first = newest.playbook("harden.toolkit.gateway", inventory).succeed()
    assert first.recap["bare"].changed > 0
    assert bare.run("/opt/harden/bin/harden", "--version").stdout.split()[-1] == __version__
    assert yaml.safe_load(bare.policy() or "") == policy()
    assert (fleet.guest_reaches(bare, 445), fleet.guest_reaches(bare, 22)) == (True, False)
    unit = bare.path("/etc/systemd/system/harden-wg.service").read_text()
    assert "ExecStart=/opt/harden/bin/harden wg restore" in unit
    assert newest.playbook("harden.toolkit.gateway", inventory).succeed().recap["bare"].changed == 0
