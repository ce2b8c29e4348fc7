"""Plans for clusters as people read them: each folder of ``tests/golden/cluster-plan``.

``objects.yaml`` is what is in the cluster, with marks for keys that are made here; ``files`` are the PATHs beside it,
``request.yaml`` what was asked for, ``plan.txt`` what harden says.
"""

import base64
import io
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from harden.output import Output
from harden_secrets.cluster.port import Resource
from harden_secrets.commands.surveying import survey
from harden_secrets.confidential import Confidential
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.plan.cluster import build
from harden_secrets.plan.file import as_text, read, write
from harden_secrets.plan.paths import absolute
from harden_secrets.plan.text import plan_lines
from harden_secrets.plan.values import Plan
from harden_secrets.plan.world import Request
from tests.harden_secrets.fake_cluster import FakeCluster
from tests.harden_secrets.fake_kinds import WRITABLE
from tests.harden_secrets.keys import pem, ssh, symmetric

GOLDEN = Path(__file__).parent.parent / "golden" / "cluster-plan"
CASES = sorted(GOLDEN.iterdir())
FLUX = Resource("source.toolkit.fluxcd.io/v1", "GitRepository", "gitrepositories", True, WRITABLE)
PRINTS = Fingerprinter(Confidential(b"p" * 32))


@pytest.fixture(scope="module")
def values() -> dict[str, bytes]:
    """What stands for the marks; ``@SSH@`` takes the indentation of its line."""
    key, tls = ssh.openssh().rstrip(b"\n"), pem.pkcs8()
    return {
        "@GIT@": base64.b64encode(symmetric.git_crypt()),
        "@SSH@": key,
        "@SSH64@": base64.b64encode(key + b"\n"),
        "@TLS64@": base64.b64encode(tls),
    }


def objects(case: Path, values: dict[str, bytes]) -> list[dict[str, Any]]:
    text = (case / "objects.yaml").read_text()
    for mark, value in values.items():
        text = re.sub(rf"( *){mark}(?=\n)", lambda found, v=value: indented(found[1], v.decode()), text)  # type: ignore[misc]
        text = text.replace(mark, value.decode())
    return list(yaml.safe_load_all(text))


def indented(indentation: str, value: str) -> str:
    return "\n".join(indentation + line for line in value.splitlines())


def planned(case: Path, values: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Plan:
    cluster = FakeCluster()
    cluster.kinds.append(FLUX)
    cluster.put(*objects(case, values))
    request = case / "request.yaml"
    asked = yaml.safe_load(request.read_text()) if request.exists() else {}
    asked["readers"] = tuple(tuple(one) for one in asked.get("readers", ()))
    monkeypatch.chdir(case)
    paths = ["files"] if (case / "files").exists() else []
    world = survey(cluster, "", paths, PRINTS, None, Output(stderr=io.StringIO()))
    return absolute(build(world, Request(**asked), "p", "now"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_plan_reads_well(
    case: Path, values: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, update_golden: bool
) -> None:
    """Word by word; fingerprints differ from run to run."""
    lines = "\n".join(plan_lines(planned(case, values, monkeypatch), "plan.json"))
    text = re.sub(r"hk1:[0-9a-f]{32}", "hk1:…", lines).replace(f"{case}/", "") + "\n"
    if update_golden:
        (case / "plan.txt").write_text(text)
    assert text == (case / "plan.txt").read_text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_plan_holds_no_value_and_is_read_as_it_was_written(
    case: Path, values: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In no encoding that a copy had."""
    plan = planned(case, values, monkeypatch)
    write(tmp_path / "plan", as_text(plan))
    assert read(str(tmp_path / "plan")) == plan
    assert (tmp_path / "plan").stat().st_mode & 0o777 == 0o600
    for value in values.values():
        longest = max(value.decode().splitlines(), key=len)
        assert longest not in as_text(plan)
