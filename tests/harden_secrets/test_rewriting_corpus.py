"""Public manifests (only with ``--corpus DIR``): a value planted into each comes out again without a trace."""

import re
import tarfile
from pathlib import Path

import pytest

from harden.errors import HardenError
from harden_secrets.rewrite import rewritten
from harden_secrets.rewrite.stream import stream

pytestmark = pytest.mark.corpus

PLANTED = b"cGxhbnRlZA=="
METADATA = re.compile(rb"^metadata:[ \t]*(?:#.*)?\r?\n(?=([ \t]+)[^\s-])", re.MULTILINE)


@pytest.fixture(scope="module")
def manifests(corpus: Path) -> dict[str, bytes]:
    with tarfile.open(corpus / "manifests.tar.xz") as archive:
        files = [member for member in archive if member.isfile() and not member.name.endswith(".tsv")]
        return {member.name: opened.read() for member in files if (opened := archive.extractfile(member))}


def test_a_planted_object_comes_out_without_a_trace(manifests: dict[str, bytes]) -> None:
    """A Secret at the end of every YAML file; those that cannot be read stay as they are."""
    for name, content in manifests.items():
        if name.endswith(".json") or not content.endswith(b"\n"):
            continue
        planted = content + b"---\nkind: Secret # \nstringData:\n  key: |-\n    " + PLANTED + b"\n"
        number = len(stream(planted).documents) - 1
        assert rewritten(planted, [{"edit": "document", "document": number}], name) in (content, b"")


def test_a_planted_entry_comes_out_without_a_trace(manifests: dict[str, bytes]) -> None:
    """As the first of the metadata; only templates and broken files are refused."""
    done, refused = 0, []
    for name, content in manifests.items():
        match = METADATA.search(content)
        if match is None:
            continue
        planted = content[: match.end()] + match[1] + b"zz: " + PLANTED + b" # x\n" + content[match.end() :]
        number = next(i for i, one in enumerate(stream(planted).documents) if one.start <= match.end() < one.end)
        edit = {"edit": "patch", "document": number, "patch": [{"op": "remove", "path": "/metadata/zz"}]}
        try:
            assert rewritten(planted, [edit], name) == content
            done += 1
        except HardenError as error:
            refused.append(error.messages[0])
    assert done > 490
    assert all("template" in words or "valid YAML" in words or "plain text" in words for words in refused), refused
