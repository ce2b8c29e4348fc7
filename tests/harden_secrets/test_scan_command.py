"""`harden secrets scan` from the outside: what it prints, in which form, and how it ends."""

import base64
import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.harden_secrets.keys import pairs, pem, ssh, symmetric
from tests.harden_secrets.scanned import HARDEN, environment, scan, scan_json

CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
  namespace: {namespace}
{field}:
  key: {value}
"""


def _four_places(tree: Path) -> bytes:
    """One git-crypt key in two ConfigMaps as text, in two as bytes."""
    key = symmetric.git_crypt()
    text = base64.b64encode(key).decode()
    for name, field in (("a", "data"), ("b", "data"), ("c", "binaryData"), ("d", "binaryData")):
        manifest = CONFIG_MAP.format(name=f"git-crypt-{name}", namespace="ci", field=field, value=text)
        (tree / f"{name}.yaml").write_text(manifest)
    return key


def test_four_places_are_one_key(tree: Path) -> None:
    """One heading with its fingerprint, a line for each place with its object, field and encoding."""
    _four_places(tree)
    done = scan(tree, ".")
    assert done.status == 3
    [heading] = [line for line in done.stdout.splitlines() if line.startswith("critical: git-crypt-key")]
    assert "4 places, one key" in heading
    assert "1 key in 4 places" in done.stdout
    for name in "abcd":
        assert f"{name}.yaml:7" in done.stdout
        assert f"ConfigMap ci/git-crypt-{name}" in done.stdout


def test_the_json_document_is_what_the_contract_says(tree: Path) -> None:
    """The keys, the kind, the object with a JSON pointer, the encodings."""
    _four_places(tree)
    done = scan_json(tree, ".")
    assert done.status == 3
    assert done.stdout.count("\n") == 1
    assert {one["material"] for one in done.findings} == {"git-crypt-key"}
    assert len({one["fingerprint"] for one in done.findings}) == 1
    first = done.findings[0]
    assert first["source"] == "a.yaml"
    assert first["line"] == 7
    assert first["object"] == {"kind": "ConfigMap", "namespace": "ci", "name": "git-crypt-a", "field": "/data/key"}
    assert first["encodings"] == ["base64"]
    assert (first["severity"], first["protected"]) == ("critical", False)
    assert (first["consumers"], first["readers"]) == ([], [])


def test_a_clean_tree(tree: Path) -> None:
    """Status 0, and how much was looked at."""
    (tree / "readme").write_text("nothing here\n")
    done = scan(tree, ".")
    assert (done.status, done.stdout, done.stderr) == (0, "no key material in 1 file or object\n", "")
    assert json.loads(scan_json(tree, ".").stdout)["findings"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--namespace", "a", "."),
        (".", "--json", "--format", "sarif"),
        (".", "--baseline", "a", "--write-baseline", "b"),
        (".", "--format", "xml"),
    ],
)
def test_wrong_usage(tree: Path, arguments: tuple[str, ...]) -> None:
    """Status 2 and a hint, nothing on stdout."""
    done = scan(tree, *arguments)
    assert (done.status, done.stdout) == (2, "")
    assert "harden: error: " in done.stderr
    assert "harden: hint: " in done.stderr


def test_the_public_half_is_named_not_reported(tree: Path) -> None:
    """Where the public half lies is where the key is used."""
    key = pairs.ed25519()
    (tree / "id").write_bytes(ssh.openssh(key))
    (tree / "authorized_keys").write_bytes(b"# who may\n" + ssh.public_line(key) + b"\n")
    (tree / "another.pub").write_bytes(ssh.public_line())
    [finding] = scan_json(tree, ".").findings
    assert finding["source"] == "id"
    assert finding["public_copies"] == ["authorized_keys:2"]
    assert "its public half: authorized_keys:2" in scan(tree, ".").stdout


def test_a_certificate_beside_a_key_is_its_public_half(tree: Path) -> None:
    """In another format than the key."""
    key = pairs.rsa()
    (tree / "tls.key").write_bytes(pem.pkcs8(key))
    (tree / "tls.crt").write_bytes(pem.certificate(key))
    [finding] = scan_json(tree, ".").findings
    assert (finding["source"], finding["public_copies"]) == ("tls.key", ["tls.crt:1"])


def test_one_fingerprint_in_files_and_history(tree: Path) -> None:
    """Several sources in one report."""
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b")
    env = environment(tree / "state")
    subprocess.run(["git", "init", "-q", "repo"], cwd=tree, env=env, check=True, timeout=60)
    key = ssh.openssh()
    (tree / "repo" / "old").write_bytes(key)
    subprocess.run([*git, "add", "."], cwd=tree / "repo", env=env, check=True, timeout=60)
    subprocess.run([*git, "commit", "-qm", "x"], cwd=tree / "repo", env=env, check=True, timeout=60)
    (tree / "plain").write_bytes(b"# copied\n" + key)
    done = scan(tree, "plain", "--git", "repo")
    assert done.status == 3
    assert "2 places, one key" in done.stdout


def test_fingerprints_need_the_same_key_to_be_compared(tree: Path, tmp_path: Path) -> None:
    """Another state folder gives others, a shared key file the same ones everywhere."""
    (tree / "id").write_bytes(ssh.openssh())
    shared = tmp_path / "shared.key"
    shared.write_bytes(os.urandom(32))

    def fingerprint(*arguments: str) -> str:
        [finding] = scan_json(tree, ".", *arguments).findings
        return str(finding["fingerprint"])

    ours, theirs = str(tmp_path / "ours"), str(tmp_path / "theirs")
    assert fingerprint("--state", ours) == fingerprint("--state", ours)
    assert fingerprint("--state", ours) != fingerprint("--state", theirs)
    with_shared = {fingerprint("--state", state, "--fingerprint-key", str(shared)) for state in (ours, theirs)}
    assert len(with_shared) == 1


def test_a_baseline_leaves_what_is_new(tree: Path) -> None:
    """Written once, the same findings are known; another key is not."""
    (tree / "old").write_bytes(ssh.openssh())
    written = scan(tree, "old", "--write-baseline", "known.json")
    assert (written.status, written.stdout) == (0, "known.json holds 1 finding\n")
    before = (tree / "known.json").read_bytes()
    assert scan(tree, "old", "--write-baseline", "known.json").stdout == "known.json already held 1 finding\n"
    assert (tree / "known.json").read_bytes() == before
    clean = scan(tree, ".", "--baseline", "known.json")
    assert (clean.status, clean.stderr) == (0, "")
    assert "1 finding is known already" in clean.stdout
    (tree / "new").write_bytes(ssh.openssh())
    new = scan_json(tree, ".", "--baseline", "known.json")
    assert (new.status, new.places) == (3, [("new", 1)])
    assert json.loads(new.stdout)["known"] == 1


def test_a_baseline_is_not_written_by_dry_run_nor_from_an_incomplete_scan(tree: Path) -> None:
    """What was not looked at is not known."""
    (tree / "id").write_bytes(ssh.openssh())
    dry = scan(tree, ".", "--write-baseline", "known.json", "--dry-run")
    assert (dry.status, dry.stdout) == (0, "known.json would hold 1 finding\n")
    assert not (tree.parent / f"{tree.name}.state").exists()
    os.mkfifo(tree / "pipe")
    assert scan(tree, "id", "pipe", "--write-baseline", "known.json").status == 1
    assert not (tree / "known.json").exists()


def test_a_comment_allows_with_a_reason(tree: Path) -> None:
    """It is told with -v and in the document; without a reason it is remarked upon and allows nothing."""
    key = pem.pkcs8().decode()
    (tree / "allowed.pem").write_text(f"# harden: allow tls-private-key -- for the tests only\n{key}")
    allowed = scan(tree, ".", "-v")
    assert allowed.status == 0
    assert "allowed.pem:2: tls-private-key is allowed there: for the tests only" in allowed.stderr
    assert json.loads(scan_json(tree, ".").stdout)["allowed"] == [
        {"source": "allowed.pem", "line": 2, "material": "tls-private-key", "reason": "for the tests only"}
    ]
    (tree / "refused.pem").write_text(f"# harden: allow tls-private-key\n{key}")
    refused = scan(tree, ".")
    assert refused.status == 3
    assert "harden: warning: refused.pem:1: this comment allows nothing: give a reason" in refused.stderr


def test_names_from_files_are_harmless_on_a_terminal(tree: Path) -> None:
    """An object may be called anything, an escape sequence among it."""
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "a\x1b[2Jb", "namespace": "c\rd\u202e"},
        "stringData": {"k\x07": ssh.openssh().decode()},
    }
    (tree / "secret.json").write_text(json.dumps(manifest))
    done = scan(tree, ".")
    assert done.status == 3
    assert not set("\x1b\r\x07\u202e") & set(done.stdout + done.stderr)
    assert "a\\x1b[2Jb" in done.stdout
    document = scan_json(tree, ".")
    assert document.stdout.rstrip("\n").isprintable()
    assert document.findings[0]["object"]["name"] == "a\x1b[2Jb"


def test_no_value_anywhere(tree: Path, tmp_path: Path) -> None:
    """Not on stdout or stderr, in any form, nor in the state folder, a temporary file or the baseline."""
    key = _four_places(tree)
    line = ssh.openssh()
    (tree / "id").write_bytes(line)
    values = [key, base64.b64encode(key), key.hex().encode(), *line.splitlines()[1:-1]]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    seen = []
    for arguments in (["-v"], ["--json", "-v"], ["--format", "sarif"], ["--write-baseline", "known.json"]):
        done = scan(tree, ".", *arguments, variables={"TMPDIR": str(temporary), "HARDEN_DEBUG": "1"})
        seen.append((done.stdout + done.stderr).encode())
    seen += [path.read_bytes() for path in (tmp_path / "tree.state").rglob("*") if path.is_file()]
    seen += [(tree / "known.json").read_bytes()]
    assert not os.listdir(temporary)
    for value in values:
        assert not any(value in text for text in seen)


def test_a_short_scan_shows_no_progress(tree: Path) -> None:
    """Even on a terminal: it is for those who wait."""
    (tree / "id").write_bytes(ssh.openssh())
    leader, follower = pty.openpty()
    argv = [*HARDEN, "secrets", "scan", "."]
    done = subprocess.run(
        argv,
        cwd=tree,
        env=environment(tree.parent / "s"),
        stdout=subprocess.PIPE,
        stderr=follower,
        timeout=60,
        check=False,
    )
    os.close(follower)
    assert done.returncode == 3
    with pytest.raises(OSError, match="Input/output error"):  # a short scan said nothing at all
        os.read(leader, 100)
    os.close(leader)
