"""Plans for files, carried out: each folder of ``tests/golden/custody`` before and after, and back again."""

import base64
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from harden.output import Output
from harden_secrets.confidential import Confidential
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.migrate.journal import Journal
from harden_secrets.migrate.performers import performers
from harden_secrets.migrate.performers.site import Site
from harden_secrets.migrate.run import Run
from harden_secrets.migrate.step import steps
from harden_secrets.migrate.unchanged import check_unchanged
from harden_secrets.plan.file import as_text
from harden_secrets.plan.files.making import plan_files
from harden_secrets.plan.soundness import faults
from harden_secrets.plan.values import Plan, PlannedSecret
from harden_secrets.plan.world import Request
from tests.harden_secrets.fake_vault import FakeVault
from tests.harden_secrets.keys import ssh, symmetric

GOLDEN = Path(__file__).parent.parent / "golden" / "custody"
CASES = sorted(GOLDEN.iterdir())
PRINTS = Fingerprinter(Confidential(b"p" * 32))
Tree = Mapping[str, bytes]


@pytest.fixture(scope="module")
def values() -> dict[str, bytes]:
    """What stands for the marks in the files: made here, never committed."""
    return {"@GIT@": base64.b64encode(symmetric.git_crypt()), "@SSH@": ssh.openssh().rstrip(b"\n")}


def filled(content: bytes, values: Mapping[str, bytes]) -> bytes:
    """A file with its marks replaced; a value of several lines takes the indentation of its mark."""
    lines = []
    for line in content.split(b"\n"):
        for mark, value in values.items():
            indentation = line[: len(line) - len(line.lstrip(b" "))] if line.strip() == mark.encode() else b""
            line = line.replace(mark.encode(), value.replace(b"\n", b"\n" + indentation))
        lines.append(line)
    return b"\n".join(lines)


def read(folder: Path, values: Mapping[str, bytes]) -> Tree:
    """All files below a folder."""
    return {
        str(path.relative_to(folder)): filled(path.read_bytes(), values)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def laid_out(folder: Path, tree: Tree) -> None:
    for name, content in tree.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


class Work:
    """A tree in a folder of its own, and a Vault; the process stands in the tree."""

    def __init__(self, folder: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.state, self.vault = folder / "tree", folder / "state", FakeVault()
        self.state.mkdir()
        laid_out(self.folder, tree)
        monkeypatch.chdir(self.folder)

    def plan(self, **request: object) -> Plan:
        """What harden plans for it."""
        return plan_files(["."], Request(**request), PRINTS, "p", "now", Output(verbosity=-1))  # type: ignore[arg-type]

    def run(self, plan: Plan) -> Run:
        """A run of a plan."""
        site = Site(plan, self.vault, PRINTS, lambda: 0.0, lambda _: None, inventory=self.state / "secrets.yaml")
        return Run(steps(plan), Journal(self.state, "run", Confidential(b"j" * 32)), performers(site), lambda *_: None)

    def now(self) -> Tree:
        """The tree as it is."""
        return read(self.folder, {})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_tree_is_rewritten_and_brought_back(
    case: Path, values: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_golden: bool
) -> None:
    """Byte for byte what is expected; a second plan finds nothing more to do; a rollback restores every byte."""
    before = read(case / "before", values)
    work = Work(tmp_path, before, monkeypatch)
    plan = work.plan()
    text = as_text(plan)
    assert list(faults(plan)) == []
    for value in values.values():
        assert value.decode().split("\n")[-2:][0] not in text
    check_unchanged(plan, None, PRINTS)
    work.run(plan).forward()
    if update_golden:
        shutil.rmtree(case / "after", ignore_errors=True)
        laid_out(case / "after", {name: _marked(content, values) for name, content in work.now().items()})
    assert work.now() == read(case / "after", values)
    assert [secret for secret in work.plan().secrets if secret.files] == []
    monkeypatch.chdir(tmp_path)  # a plan means the same wherever one stands
    work.run(plan).back()
    assert work.now() == before


def _marked(content: bytes, values: Mapping[str, bytes]) -> bytes:
    for mark, value in values.items():
        content = content.replace(value, mark.encode())
    return content


def only(plan: Plan) -> PlannedSecret:
    (secret,) = plan.secrets
    return secret


def test_what_is_stored_is_what_the_consumer_saw(
    values: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decoded key in one field; whoever mounted the text gets the text."""
    work = Work(tmp_path, read(GOLDEN / "mounted" / "before", values), monkeypatch)
    plan = work.plan()
    work.run(plan).forward()
    secret = only(plan)
    stored = work.vault.read(secret.vault_path)
    assert stored is not None
    assert stored.fields["key"].reveal().startswith(b"\0GITCRYPTKEY")
    (delivery,) = secret.deliveries
    assert [(key.key, key.form) for key in delivery.keys] == [("key", "base64")]


SCRIPT = (
    b'#!/bin/sh\ncurl "$API/api/v1/namespaces/ci/configmaps/key" | jq -r .data.key | base64 -d > k\nkubectl get cm key'
)
MAP = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: key, namespace: ci}\ndata:\n  key: @GIT@\n  other: x\n"


@pytest.mark.parametrize("command", [["git", "apply", "-p1"], ["patch", "-p1"]], ids=["git", "patch"])
def test_the_patch_of_a_script_applies(
    command: list[str], values: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that harden may not change keeps the copy, and its patch is one that tools take."""
    work = Work(tmp_path, {"ci.sh": SCRIPT, "key.yaml": filled(MAP, values)}, monkeypatch)
    secret = only(work.plan())
    assert [copy.removal for copy in secret.copies] == ["leave"]
    diffs = [patch.diff for patch in secret.source_patches if patch.diff]
    for diff in diffs[:1]:
        subprocess.run(command, input=diff.encode(), check=True, timeout=60, capture_output=True)
    assert b"/secrets/key" in work.now()["ci.sh"]
    assert work.now()["ci.sh"].endswith(b"kubectl get cm key")


def test_a_script_is_rewritten_where_that_is_wanted(
    values: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the copy goes as well."""
    work = Work(tmp_path, {"ci.sh": SCRIPT, "key.yaml": filled(MAP, values)}, monkeypatch)
    plan = work.plan(rewrite_scripts=True)
    work.run(plan).forward()
    assert work.now()["ci.sh"] == SCRIPT.replace(b"configmaps/key", b"secrets/key").replace(b"cm key", b"secret key")
    assert work.now()["key.yaml"] == filled(MAP, values).replace(b"  key: " + values["@GIT@"] + b"\n", b"")


def test_git_keeps_what_was_committed(
    values: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan says in how many commits."""
    work = Work(tmp_path, {"key.yaml": filled(MAP, values)}, monkeypatch)
    for arguments in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x"]):
        subprocess.run(["git", *arguments], check=True, timeout=60)
    assert "git keeps key.yaml in 1 commit, and so does every clone" in only(work.plan()).cannot_scrub


STAGED = "git's index has key.yaml as it was staged"


def test_git_keeps_what_was_staged(values: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also before the first commit; what the last commit has as well is said once, and what is not staged never."""
    work = Work(tmp_path, {"key.yaml": filled(MAP, values)}, monkeypatch)

    def said() -> list[str]:
        return [line.partition(";")[0] for line in only(work.plan()).cannot_scrub if line.startswith("git")]

    def git(*arguments: str) -> None:
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x", *arguments], check=True, timeout=60)

    git("init", "-q")
    assert said() == []
    git("add", "--intent-to-add", "key.yaml")
    assert said() == []
    git("add", "key.yaml")
    assert said() == [STAGED]
    git("commit", "-qm", "x")
    committed = "git keeps key.yaml in 1 commit, and so does every clone"
    assert said() == [committed]
    with (work.folder / "key.yaml").open("ab") as file:
        file.write(b"# more\n")
    assert said() == [committed]
    git("add", "key.yaml")
    assert said() == [committed, STAGED]
    git("rm", "-q", "--cached", "key.yaml")
    assert said() == [committed]
    git("checkout", "-q", "--detach")
    assert said() == [committed]


def links(plan: Plan) -> list[str]:
    return [line for line in only(plan).cannot_scrub if "more name" in line]


@pytest.mark.parametrize("name", ["key.yaml", "key.pem"])
def test_other_names_of_a_file_keep_the_value(
    values: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Rewritten or deleted, a file with hard links has them named, and is exchanged under its own name only."""
    before = filled(MAP, values) if name == "key.yaml" else values["@SSH@"] + b"\n"
    work = Work(tmp_path, {name: before}, monkeypatch)
    assert links(work.plan()) == []
    file = work.folder / name
    os.link(file, tmp_path / "other")
    plan = work.plan()
    (line,) = links(plan)
    assert line.startswith(f"{file} has one more name (a hard link), which keeps its content: find /")
    assert line.endswith(f" -xdev -inum {file.stat().st_ino}")
    os.link(file, tmp_path / "third")
    assert "has 2 more names, which keep its content" in links(work.plan())[0]
    work.run(plan).forward()
    assert work.now().get(name) != before
    assert (tmp_path / "other").read_bytes() == before


def test_names_that_are_all_in_the_tree_keep_nothing(
    values: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A symbolic link is no name of its own."""
    work = Work(tmp_path, {"a.pem": values["@SSH@"] + b"\n"}, monkeypatch)
    os.link(work.folder / "a.pem", work.folder / "b.pem")
    (work.folder / "c.pem").symlink_to("a.pem")
    plan = work.plan()
    assert links(plan) == []
    work.run(plan).forward()
    assert work.now() == {}


def test_one_name_in_two_files_is_left_to_the_person(
    values: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two clusters' trees cannot be told from two layers of one."""
    content = filled(MAP, values)
    work = Work(tmp_path, {"dev/key.yaml": content, "prod/key.yaml": content}, monkeypatch)
    plan = work.plan()
    assert plan.secrets == ()
    assert "is described 2 times" in plan.left[0]


def test_a_consumer_that_cannot_be_changed_keeps_what_it_uses(
    values: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A custom resource that takes a ConfigMap cannot be turned to a Secret."""
    user = b"apiVersion: x.com/v1\nkind: Thing\nmetadata: {name: t, namespace: ci}\nspec: {configMapRef: {name: key}}\n"
    work = Work(tmp_path, {"thing.yaml": user, "key.yaml": filled(MAP, values)}, monkeypatch)
    (copy,) = only(work.plan()).copies
    assert copy.removal == "leave"
    assert "thing ci/t still uses it" in copy.reason


def test_a_comment_that_allows_is_heeded(
    values: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a scan does not report, a plan does not move."""
    allowed = filled(MAP, values).replace(b"  key:", b"  # harden: allow git-crypt-key -- of a test\n  key:")
    assert Work(tmp_path, {"key.yaml": allowed}, monkeypatch).plan().secrets == ()


def test_a_file_that_terraform_takes_in_stays_with_a_patch(
    values: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is needed until the patch is applied; then the next plan takes it away."""
    work = Work(tmp_path, read(GOLDEN / "elsewhere" / "before", values), monkeypatch)
    secret = next(one for one in work.plan().secrets if one.kind == "git-crypt")
    (stays,) = (copy for copy in secret.copies if copy.removal == "leave")
    assert (stays.source, stays.reason) == (str(work.folder / "keys/infra.key.b64"), "tf/main.tf names it")
    (patch,) = (one for one in secret.source_patches if one.diff)
    subprocess.run(["patch", "-p1"], input=patch.diff.encode(), check=True, timeout=60, capture_output=True)
    secret = next(one for one in work.plan().secrets if one.kind == "git-crypt")
    assert {(copy.source, copy.removal) for copy in secret.copies} == {
        (str(work.folder / "keys/infra.key.b64"), "delete-file"),
        (str(work.folder / "values.yaml"), "rewrite-file"),
    }


def test_a_template_that_uses_a_key_is_turned(
    values: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the name is written as it is; whatever the template inserts elsewhere stays."""
    template = b"""\
{{- if .Values.enabled }}
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
spec:
  containers:
  - image: {{ .Values.image | quote }}
  volumes:
  - name: v
    configMap:
      name: key
      items: [{key: key, path: key}]
{{- end }}
"""
    work = Work(tmp_path, {"chart/pod.yaml": template, "key.yaml": filled(MAP, values)}, monkeypatch)
    plan = work.plan()
    work.run(plan).forward()
    turned = template.replace(b"configMap:\n      name", b"secret:\n      secretName")
    assert work.now()["chart/pod.yaml"] == turned
    assert values["@GIT@"] not in work.now()["key.yaml"]


def test_what_cannot_be_read_is_said(values: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may use what moves, and nobody can tell; a pipe and a loop of links do not hold the plan up."""
    work = Work(tmp_path, {"broken.yaml": b"kind: Pod\nspec: {a: [}\n", "key.yaml": filled(MAP, values)}, monkeypatch)
    os.mkfifo("pipe")
    Path("loop").symlink_to(".")
    assert any(line.startswith("broken.yaml:2: it is no valid YAML") for line in work.plan().left)
