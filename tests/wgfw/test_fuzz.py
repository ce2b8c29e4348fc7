"""Whatever is in the files, a command answers or says what is wrong, soon, and never about itself."""

import json
import time
from pathlib import Path

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harden.cli import app, run

POLICY = b"""\
version: 1
interface: wg0
peers: wg0.conf
networks:
  nas: [192.168.1.10, "fd00:1::10"]
  all: &all [10.0.0.0/8]
services: {immich: [tcp/2283]}
profiles:
  media: {description: Films, allow: [{to: nas, services: [smb, immich]}], inbound: [{from: any, services: [ping]}]}
clients:
  anca: {profile: media}
  laptop:
    profiles: [guest, admin]
    allow:
      - {to: all, services: [https, tcp/6443], until: 2026-12-24T18:00:00Z}
      - {to: "client:anca", services: [ssh]}
    deny: [{to: 10.32.0.1, services: [any]}]
defaults: {profile: quarantine, on_allow: return}
tests:
  - {from: anca, to: 10.32.0.1, service: tcp/443, expect: deny}
"""
PEERS = b"""\
[Interface]
Address = 10.8.0.1/24, fd00:8::1/64
PrivateKey = aGFyZGVuIGxhYiBwcml2YXRlIGtleSAwMDAwMDAwMDA=
# friendly_name = anca
[Peer]
PublicKey = aGFyZGVuIGxhYiBwdWJsaWMga2V5IDAwMDAwMDAwMDE=
AllowedIPs = 10.8.0.2/32, fd00:8::2/128
### Client laptop
[Peer]
PublicKey = aGFyZGVuIGxhYiBwdWJsaWMga2V5IDAwMDAwMDAwMDI=
AllowedIPs = 10.8.0.3/32
"""
QUESTIONS = b"""\
{"from": "anca", "to": "10.32.0.1", "service": "https"}
{"from": "10.8.0.3", "to": "10.0.0.1", "source": null}
"""
FILES = {"policy.yaml": POLICY, "wg0.conf": PEERS, "questions": QUESTIONS}
COMMANDS = {
    "policy.yaml": ["check", "--policy", "policy.yaml"],
    "wg0.conf": ["import", "wg0.conf"],
    "questions": ["explain", "--policy", "policy.yaml", "--batch", "questions"],
}
SECONDS = 30  # far more than any of this takes on an idle machine


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the three files that commands read."""
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def outcome(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The exit status of `harden wg ARGUMENTS`, and its two streams."""
    command = typer.main.get_command(app)
    capsys.readouterr()
    begin = time.monotonic()
    status = run(lambda: command.main(["wg", *arguments], prog_name="harden", standalone_mode=False))
    assert time.monotonic() - begin < SECONDS
    out, err = capsys.readouterr()
    assert "internal error" not in err, err
    assert "Traceback" not in err, err
    return status, out, err


def answers(folder: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes) -> int:
    """Give the command this content in the file it reads; its exit status, which comes with a message if it failed."""
    (folder / name).write_bytes(content)
    status, out, err = outcome(capsys, *COMMANDS[name])
    assert status in (0, 1, 3), (status, err)
    if status == 1:
        assert out == ""
        assert err.startswith("harden: ")
        assert "harden: error: " in err
        assert len(err) < 200_000
    return status


@pytest.mark.parametrize("name", FILES)
def test_as_they_are_they_are_good(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """So that what follows is damaged by the damage."""
    assert answers(folder, capsys, name, FILES[name]) == 0


@pytest.mark.parametrize("name", FILES)
def test_cut_off_anywhere(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    """As after a full disk or an interrupted copy."""
    content = FILES[name]
    for end in range(0, len(content), 5):
        answers(folder, capsys, name, content[:end])


fuzzed = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.mark.parametrize("name", FILES)
@fuzzed
@given(data=st.binary(max_size=2000) | st.text(max_size=500).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_anything_at_all(folder: Path, capsys: pytest.CaptureFixture[str], name: str, data: bytes) -> None:
    """Binary, or text that is none of ours."""
    answers(folder, capsys, name, data)


PIECES = st.sampled_from(
    [b"{", b"}", b"[", b"]", b": ", b"- ", b"\n", b"&a ", b"*a", b"<<: *a", b"!!python/object:os.system ", b"? ", b"|",
     b">", b"'", b'"', b"#", b"\\", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\t", b"---\n", b"...\n",
     b"%YAML 9.9\n",
     b"~", b"no", b"0x10", b"1e999", b"9" * 400, b"-1", b"any", b"/", b"::", b"0.0.0.0/0", b"::/0", b"1.2.3.4/33",
     b"client:", b"profile:", b"dns:x", b"service:a/b", b"tcp/0", b"tcp/1-70000", b"icmp/9", b"null", b"[Peer]\n",
     b"AllowedIPs = \n", b"PublicKey = x\n", b"version: 1\n", b"interface: ../x\n", b"interface: 'a b'\n",
     b"2026-99-99",
     b'{"from": 1}', "\u202e".encode(), b"${x}", b"{{ x }}", b"%{ if }"]
)  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@fuzzed
@given(start=st.integers(0, 1200), length=st.integers(0, 60), pieces=st.lists(PIECES, max_size=6))
def test_a_piece_replaced(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, start: int, length: int, pieces: list[bytes]
) -> None:
    """What editors, templates and tired people make of a good file."""
    content = FILES[name]
    start %= len(content) + 1
    answers(folder, capsys, name, content[:start] + b"".join(pieces) + content[start + length :])


def laughs(levels: int) -> bytes:
    """The billion laughs: each level repeats the one before nine times."""
    lines = ["a0: &a0 [x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines).encode()


TEN_MEGABYTES = 10 << 20
HUGE = {
    "zeros": b"\0" * TEN_MEGABYTES,
    "one line": b"x" * TEN_MEGABYTES,
    "newlines": b"\n" * TEN_MEGABYTES,
    "spaces": b" " * TEN_MEGABYTES,
    "comments": b"# x\n" * (TEN_MEGABYTES // 4),
    "quotes": b'"' * TEN_MEGABYTES,
    "open brackets": b"[" * 1_000_000,
    "open braces": b"{" * 1_000_000,
    "braces with keys": b"{a: " * 200_000,
    "dashes": b"- " * 500_000,
    "question marks": b"? " * 500_000,
    "deep indentation": b"".join(b" " * n + b"a:\n" for n in range(3000)),
    "laughs": laughs(30),
    "laughs in a policy": POLICY + laughs(30),
    "an alias to itself": b"a: &a [*a]\n",
    "a merge of itself": b"a: &a {<<: *a}\n",
    "many anchors": b"".join(b"- &a%d x\n" % n for n in range(100_000)),
    "many keys": b"".join(b"k%d: 1\n" % n for n in range(100_000)),
    "the same key": b"version: 1\n" * 100_000,
    "a long number": b"version: " + b"9" * 1_000_000,
    "a long key": b"k" * 1_000_000 + b": 1\n",
    "many documents": b"---\n" * 200_000,
    "many peers": b"[Peer]\nPublicKey = x\n" * 100_000,
    "json": b'{"from": "anca", "to": "10.0.0.1"}\n' * 20_000,
    "deep json": b'{"from": ' * 100_000,
    "random": bytes(range(256)) * (TEN_MEGABYTES // 256),
}


@pytest.mark.parametrize("kind", HUGE)
@pytest.mark.parametrize("name", FILES)
def test_huge_and_deep(folder: Path, capsys: pytest.CaptureFixture[str], name: str, kind: str) -> None:
    """No recursion without end, no memory without end, no minutes."""
    answers(folder, capsys, name, HUGE[kind])


@fuzzed
@given(words=st.lists(st.text(st.characters(exclude_characters="\0"), max_size=30), max_size=5))
def test_any_words_for_explain(folder: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    """Client, address and service as somebody types them; a failure is 1, wrong usage 2."""
    options = ["--from", "--to", "--service", "--source", "--batch"]
    arguments = [f"{option}={word}" for option, word in zip(options, words, strict=False)]
    status, out, err = outcome(capsys, "explain", "--policy", "policy.yaml", "--json", *arguments)
    assert status in (0, 1, 2)
    if status == 0:
        assert json.loads(out)["verdict"] in ("allow", "deny")
    else:
        assert out == ""
        assert "harden: error: " in err
