"""What ssh said of an attempt to log in, read from its own words (``ssh -v``, OpenSSH 8.0 to 9.9)."""

import re
from dataclasses import dataclass
from enum import Enum

_QUIET = re.compile(
    r"debug\d: |OpenSSH_|Authenticated to |Transferred: |Bytes per second: |Warning: Permanently added|\s*$|@@@"
)
_VERSION = re.compile(r"remote software version (\S+)")
_OPENSSH = re.compile(r"OpenSSH_(\d+)\.(\d+)")
_CHANGED = re.compile(r"Host key for (\S+) has changed|No (?:\S+ )?host key is known for (\S+) and you have requested")
_PLACE = re.compile(r"debug1: Remote: (/.*):(\d+): key options:")


class Answer(Enum):
    """How an attempt ended."""

    LET_IN = "let in"  # with the key that was given, by that key
    OTHERWISE = "let in otherwise"  # without the key
    REFUSED = "refused"  # by the host itself, after the key was shown to it
    WRONG_HOST = "wrong host"  # its host key is not the pinned one
    FAILED = "failed"  # anything else: no proof of anything


@dataclass(frozen=True, slots=True)
class Verdict:
    """``words`` are ssh's own last ones. ``alias`` names the hop whose host key is wrong.

    ``file`` is where the server has found the key, if it says so. ``server`` is the server's software.
    """

    answer: Answer
    words: str
    alias: str = ""
    file: str = ""
    server: str = ""


def judge(said: str, errors: str, user: str, host: str, fingerprint: str) -> Verdict:
    """The verdict on an attempt with the key of that fingerprint.

    ``said`` is ssh's own log. ``errors``, what came from the other side and from proxies, is good for words only.
    """
    lines = said.replace("\r", "").splitlines()
    beside = errors.replace("\r", "").splitlines()
    words = "; ".join(line for line in (*beside, *lines) if not _QUIET.match(line))[-400:] or "ssh ended without a word"
    server = next((found[1] for line in lines if (found := _VERSION.search(line))), "")
    file = next((found[1] for line in lines if (found := _PLACE.match(line))), "")
    accepted = _is_said(lines, "debug1: Server accepts key: ", fingerprint)
    if entered := next((line for line in lines if line.startswith("Authenticated to ")), ""):
        answer = Answer.LET_IN if accepted and 'using "publickey"' in entered else Answer.OTHERWISE
        return Verdict(answer, words, file=file, server=server)
    # Of a host on the way, its own ssh says it.
    if wrong := next((found for line in (*lines, *beside) if (found := _CHANGED.search(line))), None):
        return Verdict(Answer.WRONG_HOST, words, wrong[1] or wrong[2], server=server)
    refusal = f"{user}@{host}: Permission denied (".lower()  # ssh lowers the name of a host
    offered = _is_said(lines, "debug1: Offering public key: ", fingerprint)
    if offered and not accepted and any(line.lower().startswith(refusal) for line in lines):
        return Verdict(Answer.REFUSED, words, server=server)
    return Verdict(Answer.FAILED, words, server=server)


def version_of(server: str) -> tuple[int, int] | None:
    """OpenSSH's version from what a server calls its software; None for other servers."""
    found = _OPENSSH.match(server)
    return (int(found[1]), int(found[2])) if found else None


def _is_said(lines: list[str], begin: str, fingerprint: str) -> bool:
    return any(line.startswith(begin) and f" {fingerprint} " in f"{line} " for line in lines)
