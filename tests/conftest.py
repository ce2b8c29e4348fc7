"""Options of the suite: real-world files to test against, and the rewriting of golden files."""

from pathlib import Path
from types import ModuleType

import pytest

pytest_plugins = ["bao.fixtures", "cluster.fixtures"]

LABS = ("lab.", "ansible_lab.gateways", "ansible_lab.rotators", "harden_secrets.sshd_lab", "harden_secrets.login_scene")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("harden")
    group.addoption("--corpus", type=Path, metavar="DIR", help="also run the tests marked `corpus` on DIR")
    group.addoption("--update-golden", action="store_true", help="rewrite the expected files of the golden cases")


def pytest_configure(config: pytest.Config) -> None:
    corpus = config.getoption("corpus")
    if corpus is not None and not corpus.is_dir():
        raise pytest.UsageError(f"--corpus {corpus}: no such folder")


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and uses_lab(item.module):
            item.add_marker("kernel")
    if config.getoption("corpus") is None:
        deselect_corpus(config, items)


def uses_lab(module: ModuleType) -> bool:
    """Whether a test module takes anything from the packet lab or from the hosts with an sshd, which are made with it.

    Then its tests need root and a real kernel.
    """
    sources = (getattr(value, "__module__", None) or getattr(value, "__name__", "") for value in vars(module).values())
    return any(isinstance(source, str) and source.removeprefix("tests.").startswith(LABS) for source in sources)


def deselect_corpus(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ``--corpus`` its tests are not selected, rather than skipped: the suite must pass without it."""
    left_out = [item for item in items if item.get_closest_marker("corpus")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("corpus")]


@pytest.fixture(scope="session")
def corpus(pytestconfig: pytest.Config) -> Path:
    """The folder given with ``--corpus``; only for tests marked ``corpus``."""
    folder: Path | None = pytestconfig.getoption("corpus")
    assert folder is not None, "a test that uses this fixture must be marked `corpus`"
    return folder.resolve()


@pytest.fixture(scope="session")
def update_golden(pytestconfig: pytest.Config) -> bool:
    """Whether the golden cases are to be rewritten instead of compared."""
    return bool(pytestconfig.getoption("update_golden"))
