"""What Ansible's own judges say of the collection, and whether it can be handed on as an archive."""

import json
import tarfile
from pathlib import Path

import pytest
import yaml
from ansible_lab.collection import archive, copied, installed, run, sanity
from ansible_lab.editions import COLLECTION, EDITIONS, Edition

pytestmark = pytest.mark.checkout

MODULES = ("wg_policy", "wg_facts", "secret_rotation", "secret_scan")
PLAYBOOKS = ("gateway", "rotate")


def test_ansible_test_has_nothing_against_it(tmp_path: Path) -> None:
    """All of `ansible-test sanity`: documentation, argument specifications, imports, style."""
    assert 'Running sanity test "validate-modules"' in sanity(copied(tmp_path))


def test_ansible_lint_has_nothing_against_it(tmp_path: Path) -> None:
    """By its strictest profile; warnings count."""
    argv = ("ansible-lint", "--offline", "--strict", "--profile", "production", "--nocolor", "--format", "json")
    assert json.loads(run("newest", copied(tmp_path), *argv)) == []


@pytest.mark.parametrize("edition", EDITIONS)
def test_it_is_installed_from_the_archive(tmp_path: Path, edition: Edition) -> None:
    """With every module documented and every playbook complete where it has been installed."""
    folder = installed(archive(tmp_path, edition), tmp_path / "collections", edition)
    names = [f"harden.toolkit.{name}" for name in MODULES]
    documents = json.loads(run(edition, folder, "ansible-doc", "--json", *names))
    assert set(documents) == set(names)
    assert all(document["examples"] and document["return"] for document in documents.values())
    for name in PLAYBOOKS:
        run(edition, folder, "ansible-playbook", "--syntax-check", "-i", "localhost,", f"harden.toolkit.{name}")


def test_the_archive_has_what_belongs_to_it_and_nothing_else(tmp_path: Path) -> None:
    """Settings of our own tools are not handed on."""
    with tarfile.open(archive(tmp_path)) as opened:
        names = set(opened.getnames())
    assert {"MANIFEST.json", "FILES.json", "README.md", "meta/runtime.yml"} <= names
    assert [
        name for name in names if name.startswith((".", "tests/output")) or name.endswith((".pyc", "ruff.toml"))
    ] == []


def test_it_has_the_version_of_the_project() -> None:
    """Both are released together."""
    from harden import __version__  # noqa: PLC0415

    assert yaml.safe_load((COLLECTION / "galaxy.yml").read_text())["version"] == __version__
