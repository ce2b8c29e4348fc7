"""What must hold for the tree as a whole, whoever adds to it."""

import configparser
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.checkout

ROOT = Path(__file__).resolve().parents[1]
NOT_OURS = {"dist", "build", "__pycache__"}
CODE = ("harden", "wgfw", "secrets", "ansible", "demonstration", "benchmarks", "scripts")
LONGEST_MODULE = 300


def tree_files() -> Iterator[Path]:
    """Every file of the project, without what tools leave behind."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name == ".ci" or not is_left_behind(name)]
        yield from (Path(folder, name) for name in names if name != ".coverage")


def is_left_behind(folder: str) -> bool:
    return folder in NOT_OURS or folder.startswith(".") or folder.endswith(".egg-info")


def texts() -> Iterator[tuple[str, str]]:
    """Every file that is text: its path in the checkout, what it says."""
    for path in tree_files():
        content = path.read_bytes()
        if b"\0" not in content:
            yield str(path.relative_to(ROOT)), content.decode("utf-8", "replace")


def modules() -> list[Path]:
    """The Python files that are not tests."""
    return [path for folder in CODE for path in (ROOT / folder).rglob("*.py")]


def test_no_folder_of_ours_hides_a_library() -> None:
    """A `secrets` package at the root would replace the standard library's for everything run from there."""
    forbidden = [ROOT / "secrets/__init__.py", ROOT / "ansible/__init__.py", *(ROOT / "tests").rglob("__init__.py")]
    assert [str(path.relative_to(ROOT)) for path in forbidden if path.exists()] == []


def test_the_standard_library_is_found_from_the_checkout() -> None:
    """`import secrets` in the checkout is the standard library's."""
    script = "import secrets; print(secrets.token_hex(4), secrets.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    _, where = done.stdout.split()
    assert not Path(where).is_relative_to(ROOT) or Path(where).is_relative_to(ROOT / ".venv")


def test_test_files_have_names_of_their_own() -> None:
    """With --import-mode=importlib two files of one name are hard to tell apart in a report."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def _code(text: str) -> str:
    """Without the manual, which Ansible wants to have in its modules."""
    return re.sub(r'^(DOCUMENTATION|EXAMPLES|RETURN) = r""".*?^"""$', "", text, flags=re.MULTILINE | re.DOTALL)


def test_modules_are_small_and_named_for_what_they_are() -> None:
    """One concept a file; a name like `utils` says that nobody decided where a thing belongs."""
    too_long = [path.name for path in modules() if len(_code(path.read_text()).splitlines()) > LONGEST_MODULE]
    vague = [path.name for path in modules() if re.search(r"util|helper|manager|^misc|^common", path.stem)]
    assert (too_long, vague) == ([], [])


def configured_hosts() -> set[str]:
    """The package indexes and proxies that this machine is set up to use."""
    values = [
        value
        for name, value in os.environ.items()
        if re.search(r"(INDEX_URL|FIND_LINKS|PROXY|REGISTRY)$", name.upper())
    ]
    for path in (Path("/etc/pip.conf"), Path.home() / ".config/pip/pip.conf", Path.home() / ".pip/pip.conf"):
        settings = configparser.RawConfigParser(strict=False)
        settings.read(path)
        values += [value for section in settings.sections() for _, value in settings.items(section)]
    return {host for value in values for word in re.split(r"[\s,|]+", value) if (host := urlsplit(word).hostname)}


def test_no_file_names_a_package_index() -> None:
    """Pins install from whatever index the machine has; a host in the tree would be somebody's own."""
    named = [(path, host) for host in configured_hosts() for path, text in texts() if host in text]
    assert named == []


def test_no_file_names_a_folder_of_the_machine_it_was_made_on() -> None:
    """Paths like the checkout's own belong to one machine."""
    private = re.compile(r"(?<![\w.])/(?:work|farm)/|/home/\w+/|[.]library\b|" + re.escape(f"{ROOT}/"))
    assert [path for path, text in texts() if private.search(text)] == []


@pytest.mark.parametrize("pins", ["ansible-newest.txt", "ansible-oldest.txt", "build.txt", "dev.txt", "run.txt"])
def test_pins_are_exact_hashed_and_name_no_host(pins: str) -> None:
    """Every requirement is `name==version` with at least one SHA-256, and nothing says where to fetch it."""
    text = (ROOT / "requirements" / pins).read_text()
    entries = re.split(r"\n(?=\S)", re.sub(r"(?m)^\s*#.*\n", "", text).strip())
    assert len(entries) > 5
    exact = re.compile(r"[a-z0-9-]+==\S+( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+")
    assert [entry for entry in entries if not exact.fullmatch(entry.strip())] == []
    assert "://" not in text


def test_run_time_pins_are_those_of_development() -> None:
    """What users get and what is tested is one set of versions."""
    run, dev = (
        set(re.findall(r"(?m)^\S+==\S+", (ROOT / "requirements" / name).read_text())) for name in ("run.txt", "dev.txt")
    )
    assert run - dev == set()


def test_shell_scripts_are_executable_and_clean() -> None:
    """What a person is told to run can be run, and shellcheck has nothing to say."""
    scripts = [ROOT / "test", ROOT / "demo", ROOT / ".ci/run", *(ROOT / "scripts").glob("*.sh")]
    assert [script.name for script in scripts if not os.access(script, os.X_OK)] == []
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_links_between_documents_lead_somewhere() -> None:
    """A relative link in a Markdown file names a file that is there."""
    broken = []
    for path in tree_files():
        if path.suffix == ".md":
            for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)\s#]+)", path.read_text()):
                if not (path.parent / target).exists():
                    broken.append(f"{path.relative_to(ROOT)} -> {target}")
    assert broken == []
