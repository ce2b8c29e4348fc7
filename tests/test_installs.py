"""The ways in which people install the wheel: uv, pipx, a virtual environment; in homes of their own, offline."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from wheelhouse import build_wheel, older, pack_dependencies

from harden import __version__

pytestmark = pytest.mark.checkout

ROOT = Path(__file__).resolve().parents[1]
UV = str(Path(sys.executable).with_name("uv"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, in a folder with all that it needs."""
    folder = tmp_path_factory.mktemp("wheels")
    pack_dependencies("harden", folder)
    return build_wheel(folder)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def run(words: list[str], home: Path, wheels: Path) -> str:
    """What a program prints, run as somebody whose home this is and who has no network but this folder of wheels."""
    home.mkdir(exist_ok=True)
    environment = {
        "HOME": str(home),
        "PATH": f"{home}/.local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_NO_COMPILE": "1",  # only to be quicker
        "PIP_NO_INDEX": "1",
        "UV_FIND_LINKS": str(wheels),
        "UV_NO_CACHE": "1",
        "UV_NO_CONFIG": "1",
        "UV_NO_INDEX": "1",
        "UV_OFFLINE": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "USE_EMOJI": "0",
    }
    try:
        done = subprocess.run(
            words, env=environment, cwd=home, capture_output=True, text=True, timeout=240, check=False
        )
    except FileNotFoundError:
        pytest.fail(f"{words[0]} is missing: scripts/bootstrap.sh test")
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def works(harden: Path, home: Path, wheels: Path) -> None:
    """It knows its version, and judges a policy with a profile that comes with it."""
    (home / "wg0.conf").write_text(
        "[Interface]\nAddress = 10.8.0.1/24\n\n[Peer]\n# Name = anca\n"
        f"PublicKey = {'A' * 43}=\nAllowedIPs = 10.8.0.2/32\n"
    )
    (home / "policy.yaml").write_text(
        "version: 1\ninterface: wg0\npeers: wg0.conf\nclients:\n  anca: {profile: internet-only}\n"
        "tests:\n  - {from: anca, to: 9.9.9.9, service: tcp/443, expect: allow}\n"
    )
    assert run([str(harden), "--version"], home, wheels) == f"harden {__version__}\n"
    run([str(harden), "wg", "check", "--policy", "policy.yaml"], home, wheels)
    run([str(harden), "secrets", "schema"], home, wheels)


def left_over(home: Path) -> Iterator[str]:
    """What is in the home folder that has to do with harden, but for the files of :func:`works`."""
    for folder, folders, files in os.walk(home):
        for name in (*folders, *files):
            path = Path(folder, name).relative_to(home)
            if "harden" in str(path) or "wgfw" in str(path):
                yield str(path)


def test_uv_tool_installs_upgrades_and_takes_it_away_again(wheel: Path, home: Path, tmp_path: Path) -> None:
    """Dependencies come from the wheel's own metadata; after uninstalling nothing of it is there."""
    for each in (older(wheel, "0.0.1", tmp_path), wheel):
        run([UV, "tool", "install", "--python", sys.executable, str(each)], home, wheel.parent)
    works(home / ".local/bin/harden", home, wheel.parent)
    run([UV, "tool", "uninstall", "harden"], home, wheel.parent)
    assert list(left_over(home)) == []


def test_pipx_installs_it_and_takes_it_away_again(wheel: Path, home: Path) -> None:
    """The pipx of the distribution, which people have from ``apt install pipx``."""
    run(["/usr/bin/pipx", "install", "--python", sys.executable, str(wheel)], home, wheel.parent)
    works(home / ".local/bin/harden", home, wheel.parent)
    run(["/usr/bin/pipx", "uninstall", "harden"], home, wheel.parent)
    assert [path for path in left_over(home) if not path.endswith(".log")] == []


def test_a_virtual_environment_is_upgraded_in_place(wheel: Path, home: Path, tmp_path: Path) -> None:
    """Where an earlier wheel was: the command is the new one, and modules that are no more are gone.

    Dependencies are those of the environment that the tests run in: to install them again would show nothing more.
    """
    before = older(wheel, "0.0.1", tmp_path)
    run([sys.executable, "-m", "venv", "environment"], home, wheel.parent)
    (packages,) = (home / "environment/lib").glob("python*/site-packages")
    (packages / "lent.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    pip = [str(home / "environment/bin/python"), "-m", "pip", "install", "-q", "--no-deps"]
    harden = home / "environment/bin/harden"
    run([*pip, str(before)], home, wheel.parent)
    assert run([str(harden), "--version"], home, wheel.parent) == "harden 0.0.1\n"
    run([*pip, "--upgrade", str(wheel)], home, wheel.parent)
    works(harden, home, wheel.parent)
    assert list((home / "environment").rglob("given_up.py")) == []
