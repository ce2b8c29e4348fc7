"""What is no secret is no finding, however it is wrapped, and real manifests have none."""

import tarfile
from pathlib import Path

import pytest

from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, examine
from harden_secrets.firstpass import FirstPass
from tests.harden_secrets.planted.files import FILES
from tests.harden_secrets.planted.manifests import MANIFESTS
from tests.harden_secrets.planted.planting import Seed
from tests.harden_secrets.planted.quiet import QUIET


def materials(content: bytes, file: str) -> list[str]:
    observations = examine(content, file, DETECTORS)
    return [f"{one.detection.material} {one.line}" for one in observations if isinstance(one, Sighting)]


@pytest.mark.parametrize("name", QUIET)
def test_what_is_no_secret_is_quiet(name: str) -> None:
    """As a file of any kind."""
    content = QUIET[name]()
    for file in ("x", "x.yaml", "main.tf", "x.sh", ".env"):
        assert materials(content, file) == []


@pytest.mark.parametrize("place", ["secret_data", "binary_data", "helm_release", "tarball", "base64_twice"])
@pytest.mark.parametrize("name", QUIET)
def test_it_is_quiet_within_wrappings(name: str, place: str) -> None:
    """In a Secret, a ConfigMap, a Helm release, an archive."""
    planted = {**MANIFESTS, **FILES}[place](Seed(QUIET[name]()))
    assert materials(planted.content, planted.file) == []


@pytest.mark.corpus
def test_real_manifests_have_no_secrets(corpus: Path, first_pass: FirstPass) -> None:
    """The public ones that came with the corpus: not one finding, looked at as a scan looks at them."""
    with tarfile.open(corpus / "manifests.tar.xz") as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        assert len(members) > 600
        for member in members:
            file = archive.extractfile(member)
            assert file is not None
            seen = examine(file.read(), member.name, DETECTORS, first_pass=first_pass)
            assert [one for one in seen if isinstance(one, Sighting)] == [], member.name
