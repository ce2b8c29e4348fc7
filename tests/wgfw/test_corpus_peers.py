"""Real wg-quick files against what the kernel's own tools made of them (only with ``--corpus DIR``).

``DIR/wg`` holds ``*.conf``, ``INDEX.tsv`` and ``oracle/*.dump`` (public key, tab, allowed IPs with commas).
"""

import csv
from pathlib import Path

import pytest

from harden.errors import HardenError
from tests.wgfw.kernel_view import kernel_view
from wgfw.peers.file import read

pytestmark = pytest.mark.corpus


def rows(corpus: Path) -> list[dict[str, str]]:
    with (corpus / "wg" / "INDEX.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def dump_of(corpus: Path, row: dict[str, str]) -> Path:
    return (corpus / "wg" / "oracle" / row["file"]).with_suffix(".dump")


def dump(path: Path) -> dict[str, set[str]]:
    view: dict[str, set[str]] = {}
    for line in path.read_text().splitlines():
        key, _, prefixes = line.partition("\t")
        view[key] = set() if prefixes in ("", "(none)") else set(prefixes.split(","))
    return view


def view(path: Path) -> dict[str, set[str]]:
    return {key: {str(p) for p in prefixes} for key, prefixes in kernel_view(read(str(path), "wg0").peers).items()}


def test_every_file_with_a_dump_has_the_same_keys_and_allowed_ips(corpus: Path) -> None:
    files = [row for row in rows(corpus) if dump_of(corpus, row).exists()]
    assert len(files) >= 40
    for row in files:
        assert view(corpus / "wg" / row["file"]) == dump(dump_of(corpus, row)), row["file"]


def test_a_template_is_refused_as_a_template_with_its_line(corpus: Path) -> None:
    for row in rows(corpus):
        if row["class"] == "template":
            path = corpus / "wg" / row["file"]
            with pytest.raises(HardenError) as caught:
                read(str(path), "wg0")
            line = caught.value.messages[0].removeprefix(f"{path}:").partition(": ")
            assert line[0].isdigit(), row["file"]
            assert "template" in line[2], row["file"]


def test_a_file_that_the_kernel_refuses_gives_errors_with_their_lines(corpus: Path) -> None:
    """Unless all that is missing is the private key, which nobody needs to know the peers."""
    for row in rows(corpus):
        path = corpus / "wg" / row["file"]
        if row["class"] == "template" or dump_of(corpus, row).exists():
            continue
        if row["wg_setconf_accepts_with_private_keys_filled_in"] == "yes":
            peers = read(str(path), "wg0")
            assert len(peers.peers) == int(row["peers_in_kernel(oracle)"]), row["file"]
            assert any("PrivateKey" in warning for warning in peers.warnings), row["file"]
            continue
        with pytest.raises(HardenError) as caught:
            read(str(path), "wg0")
        for message in caught.value.messages:
            place = message.removeprefix(f"{path}:")
            assert place.partition(":")[0].isdigit() or place.endswith("more problems"), message
