"""Files as a source: every one once, whatever lies there; what cannot be looked at is told."""

import os
import random
import socket
import subprocess
from pathlib import Path

import pytest

from harden_secrets.sources.files import Walk
from harden_secrets.sources.reading import Windows
from tests.harden_secrets.keys import pem, ssh
from tests.harden_secrets.scanned import scan, scan_json

MIB = 1 << 20
# Root who may only read what its owner may: what any other user is to their own files.
WITHOUT_PRIVILEGE = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


def test_a_file_is_found_once_however_the_paths_overlap(tree: Path) -> None:
    """Named itself, by its folder, by a folder above, by another spelling."""
    (tree / "a" / "b").mkdir(parents=True)
    (tree / "a" / "b" / "key").write_bytes(ssh.openssh())
    done = scan_json(tree, "a/b/key", ".", "a", "a/b/", str(tree), "a/b/key")
    assert done.places == [("a/b/key", 1)]


def test_the_source_is_the_path_as_given(tree: Path) -> None:
    """What stands in the report can be opened from where the command was run."""
    (tree / "infra").mkdir()
    (tree / "infra" / "key").write_bytes(ssh.openssh())
    for path, source in {
        ".": "infra/key",
        "infra": "infra/key",
        "infra/": "infra/key",
        "./infra": "./infra/key",
        str(tree): f"{tree}/infra/key",
    }.items():
        assert scan_json(tree, path).places == [(source, 1)]


def test_links_are_not_followed(tree: Path, tmp_path: Path) -> None:
    """Not round in circles, not outside; what they point to inside has a name of its own."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "key").write_bytes(ssh.openssh())
    (tree / "real").mkdir()
    (tree / "real" / "key").write_bytes(ssh.openssh())
    (tree / "real" / "loop").symlink_to(tree)
    (tree / "self").symlink_to("self")
    (tree / "other-name").symlink_to("real/key")
    (tree / "out").symlink_to(outside)
    (tree / "gone").symlink_to("nowhere")
    assert scan_json(tree, ".").places == [("real/key", 1)]
    assert "5 symbolic links were not followed" in scan(tree, ".", "-v").stderr


def test_a_link_that_is_named_is_what_it_points_to(tree: Path) -> None:
    """The person asked for it."""
    (tree / "key").write_bytes(ssh.openssh())
    (tree / "link").symlink_to("key")
    assert scan_json(tree, "link").places == [("link", 1)]


def test_two_names_of_one_file_are_two_places(tree: Path) -> None:
    """Removing a hard link leaves the key under the other."""
    (tree / "a").write_bytes(ssh.openssh())
    os.link(tree / "a", tree / "b")
    findings = scan_json(tree, ".").findings
    assert [one["source"] for one in findings] == ["a", "b"]
    assert len({one["fingerprint"] for one in findings}) == 1


def test_pipes_sockets_and_devices_are_passed_over(tree: Path) -> None:
    """Nothing waits for what never comes; -v says what they are."""
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tree / "socket"))
        (tree / "key").write_bytes(ssh.openssh())
        done = scan_json(tree, ".", "-v")
    assert done.places == [("key", 1)]
    assert "pipe: a pipe, not a file" in done.stderr
    assert "socket: a socket, not a file" in done.stderr


def test_a_pipe_that_is_named_makes_the_scan_incomplete(tree: Path) -> None:
    """Whoever names it wants it looked at."""
    os.mkfifo(tree / "pipe")
    done = scan(tree, "pipe")
    assert done.status == 1
    assert "pipe: a pipe, not a file" in done.stderr


def test_what_cannot_be_read_is_told_and_no_clean_result(tree: Path) -> None:
    """As a user who may not read everything: a file and a folder."""
    (tree / "private").mkdir()
    (tree / "private" / "key").write_bytes(ssh.openssh())
    (tree / "locked").write_bytes(ssh.openssh())
    (tree / "open").write_text("nothing")
    (tree / "private").chmod(0)
    (tree / "locked").chmod(0)
    done = scan(tree, ".", wrapper=WITHOUT_PRIVILEGE)
    assert done.status == 1
    assert "harden: warning: locked: Permission denied" in done.stderr
    assert "harden: warning: private: Permission denied" in done.stderr
    assert "2 of what was asked for could not be looked at" in done.stderr
    (tree / "key").write_bytes(ssh.openssh())
    found = scan(tree, ".", "--json", wrapper=WITHOUT_PRIVILEGE)
    assert (found.status, found.places) == (3, [("key", 1)])


def test_a_path_that_is_not_there_is_an_error(tree: Path) -> None:
    """A typing error must not look like a clean tree."""
    done = scan(tree, "infar")
    assert (done.status, done.stdout) == (1, "")
    assert "harden: error: infar: No such file or directory" in done.stderr


def test_names_of_any_kind(tree: Path) -> None:
    """Bytes that are no UTF-8, escape sequences, newlines: all are names of files."""
    key = ssh.openssh()
    for name in (b"\xff\xfe", b"a\x1b[2Jb", b"line\nbreak", b"-rf", "Füße".encode(), b"x" * 255):
        (tree / os.fsdecode(name)).write_bytes(key)
    done = scan(tree, ".")
    assert done.status == 3
    assert "\x1b" not in done.stdout
    assert "a\\x1b[2Jb:1" in done.stdout
    assert "line\\nbreak:1" in done.stdout
    names = {one["source"].encode("utf-8", "surrogateescape") for one in scan_json(tree, ".").findings}
    assert names == set(os.listdir(os.fsencode(tree)))


def test_a_large_file_is_looked_at_in_pieces(tree: Path) -> None:
    """100 MB with keys at its ends, at the seams and in between, each on its line, once."""
    wanted = []
    line = 1
    with (tree / "large").open("wb") as file:
        for at in (0, 8 * MIB - 700, 16 * MIB - 300_000, 50 * MIB, 100 * MIB):
            filler = b"abcdefghijklmno\n" * ((at - file.tell()) // 16)
            file.write(filler)
            line += filler.count(b"\n")
            wanted.append(line)
            key = pem.pkcs8()
            file.write(key)
            line += key.count(b"\n")
    done = scan_json(tree, ".")
    assert [place for _, place in done.places] == wanted
    assert len({one["fingerprint"] for one in done.findings}) == len(wanted)


def test_holes_are_not_read(tree: Path) -> None:
    """A terabyte of nothing costs nothing, and what lies behind it is found."""
    key = ssh.openssh()
    with (tree / "sparse").open("wb") as file:
        file.write(b"begin\n")
        file.seek(1 << 40)
        file.write(b"\n" + key)
        file.truncate(1 << 41)
    assert scan_json(tree, ".").places == [("sparse", 3)]


def test_binary_files_are_looked_at(tree: Path) -> None:
    """A key in the middle of a program is a key."""
    noise = random.Random(5).randbytes(300_000)
    (tree / "program").write_bytes(noise[:150_000] + b"\n" + pem.pkcs8() + noise[150_000:])
    assert [source for source, _ in scan_json(tree, ".").places] == ["program"]


def test_objects_of_a_repository_are_left_to_the_history(tree: Path) -> None:
    """They are compressed; the rest of .git is looked at like any folder."""
    subprocess.run(["git", "init", "-q", str(tree)], check=True, timeout=60)
    (tree / ".git" / "git-crypt" / "keys").mkdir(parents=True)
    (tree / ".git" / "git-crypt" / "keys" / "default").write_bytes(ssh.openssh())
    done = scan_json(tree, ".", "-v")
    assert done.places == [(".git/git-crypt/keys/default", 1)]
    assert "scan --git" in done.stderr


def test_the_order_is_the_same_with_any_number_of_processes(tree: Path) -> None:
    """Two runs give the same bytes."""
    for number in range(250):
        folder = tree / f"d{number % 7}"
        folder.mkdir(exist_ok=True)
        (folder / f"f{number}").write_bytes(ssh.openssh() if number % 3 == 0 else b"nothing")
    outputs = {scan(tree, "--json", ".", wrapper=wrapper).stdout for wrapper in ((), (), ("taskset", "-c", "0"))}
    assert len(outputs) == 1
    assert outputs.pop().count('"material"') == 84


def test_a_referenced_file_is_looked_at_as_well(tree: Path) -> None:
    """`filebase64("…")` in a module beside the one that was asked for, but not outside the repository."""
    subprocess.run(["git", "init", "-q", str(tree / "repo")], check=True, timeout=60)
    (tree / "repo" / "stack").mkdir()
    (tree / "repo" / "secrets").mkdir()
    (tree / "repo" / "secrets" / "deploy").write_bytes(ssh.openssh())
    (tree / "elsewhere").write_bytes(ssh.openssh())
    (tree / "repo" / "stack" / "main.tf").write_text(
        'locals {\n  a = filebase64("${path.module}/../secrets/deploy")\n  b = filebase64("../../elsewhere")\n}\n'
    )
    done = scan_json(tree, "repo/stack", "-v")
    assert done.places == [("repo/secrets/deploy", 1)]
    assert "elsewhere: repo/stack/main.tf takes a value from it, but it lies outside" in done.stderr


def test_a_folder_that_changes_is_no_trouble(tree: Path) -> None:
    """A file that goes between the listing and the reading, one that becomes a pipe, one that grows."""
    for name in "abc":
        (tree / name).write_bytes(b"text\n")
    walk = Walk((str(tree),))
    [batch] = walk.batches()
    (tree / "a").unlink()
    (tree / "b").unlink()
    os.mkfifo(tree / "b")
    windows = Windows(window=1024, overlap=64)
    with pytest.raises(FileNotFoundError):
        list(windows.of_file(batch.paths[0]))
    with pytest.raises(OSError, match="not a file any more"):
        list(windows.of_file(batch.paths[1]))
    with (tree / "c").open("ab") as growing:
        pieces = 0
        for _ in windows.of_file(batch.paths[2]):
            pieces += 1
            growing.write(b"more\n" * 500)
            growing.flush()
    assert pieces <= 2


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025, 5000])
def test_pieces_cover_a_file_and_know_their_lines(tmp_path: Path, size: int) -> None:
    """Neighbours overlap, no byte is missing, and each says how many lines lie before it."""
    content = b"".join(b"%d\n" % number for number in range(3000))[:size]
    (tmp_path / "file").write_bytes(content)
    pieces = [
        (bytes(window.content), window.lines, window.first, window.last)
        for window in Windows(window=1024, overlap=100).of_file(str(tmp_path / "file"))
    ]
    at = 0
    for piece, lines, first, last in pieces:
        at = content.find(piece, max(0, at - 100)) if piece else size
        assert content[at : at + len(piece)] == piece
        assert content.count(b"\n", 0, at) == lines
        assert (first, last) == (piece is pieces[0][0], piece is pieces[-1][0])
        at += len(piece)
    assert at == size


def test_memory_and_temporary_files_hold_no_value(tree: Path, tmp_path: Path) -> None:
    """What is found is not left anywhere else: not in the state folder, not under /tmp."""
    key = ssh.openssh()
    (tree / "key").write_bytes(key)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for form in ("text", "json", "sarif"):
        done = scan(tree, ".", "--format", form, "-v", variables={"TMPDIR": str(temporary)})
        assert done.status == 3
        for line in key.splitlines()[1:-1]:
            assert line.decode() not in done.stdout + done.stderr
    assert not os.listdir(temporary)
    for path in (tmp_path / "tree.state").rglob("*"):
        assert path.is_dir() or key.splitlines()[1] not in path.read_bytes()
