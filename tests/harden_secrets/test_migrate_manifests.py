"""Manifests from the plan to the last step: objects that lie in files only, and no cluster anywhere."""

import base64
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from harden.errors import HardenError
from harden.output import Output
from harden_secrets.migrate.journal import Journal
from harden_secrets.migrate.performers import performers
from harden_secrets.migrate.performers.site import Site
from harden_secrets.migrate.performers.verify import Verify
from harden_secrets.migrate.run import Run
from harden_secrets.migrate.step import Kind, steps
from harden_secrets.plan.files.making import plan_files
from harden_secrets.plan.values import Plan
from harden_secrets.plan.world import Request
from tests.harden_secrets.fake_vault import FakeVault
from tests.harden_secrets.keys import ssh
from tests.harden_secrets.stage import PRINTS, RUN_KEY

OTHER = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: backup}\ndata: {user: backup}\n"
AROUND = "apiVersion: v1\nkind: Secret\nmetadata: {name: ssh, namespace: backup}\n"


def in_string_data(key: bytes) -> str:
    return AROUND + "stringData:\n  id: |\n" + textwrap.indent(key.decode(), "    ")


def in_data(key: bytes) -> str:
    return AROUND + f"data:\n  id: {base64.b64encode(key).decode()}\n"


def planned(path: Path) -> Plan:
    request = Request(vault_address=FakeVault.address, mount="secret")
    return plan_files([str(path)], request, PRINTS, "p", "now", Output(verbosity=-1))


@pytest.mark.parametrize("rest", ["", OTHER])
@pytest.mark.parametrize("written", [in_string_data, in_data])
def test_a_manifest_is_verified_in_its_file(written: Callable[[bytes], str], rest: str, tmp_path: Path) -> None:
    """The last step looks into the file, finds the key gone, and finds it when somebody has put it back."""
    manifest, vault = tmp_path / "tree" / "secret.yaml", FakeVault()
    manifest.parent.mkdir()
    manifest.write_text(written(ssh.openssh()) + rest)
    before = manifest.read_text()
    plan = planned(manifest.parent)
    site = Site(plan, vault, PRINTS, lambda: 0.0, lambda _s: None, inventory=tmp_path / "secrets.yaml")
    Run(steps(plan), Journal(tmp_path, "run", RUN_KEY), performers(site), lambda *_: None).forward()
    assert (manifest.read_text() if manifest.exists() else "") == rest
    step = next(one for one in steps(plan) if one.kind is Kind.VERIFY)
    verify = Verify(site)
    assert verify.perform(step, verify.capture(step)) == {"removed": 1}
    manifest.write_text(before)
    with pytest.raises(HardenError, match="the key is there again"):
        verify.perform(step, verify.capture(step))
