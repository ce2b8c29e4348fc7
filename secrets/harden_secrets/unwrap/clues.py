"""Whether bytes are worth undoing a wrapping for: nothing is decoded without a reason.

Most long runs of base64 and hexadecimal digits are hashes, images and random identifiers. A run is decoded only if
its first bytes, decoded, are text or begin like something that has content, or if the base64 form of a detector's
signature stands in it.
"""

import base64
import re
from collections.abc import Iterable
from itertools import groupby

from harden_secrets.material import Signature

HEAD = 512  # bytes that are decoded for a first look: enough for the header of a tar archive
_TEXT = 72  # of them that are text where all is
_ALIGNMENTS = 3
_SHORTEST_FORM = 7  # characters of base64 that are sign enough
_CHARACTERS = re.compile(rb"[\x20-\x7e\t\r\n]*+")
_MAGIC = re.compile(
    rb"\A(?:\x1f\x8b\x08|\xfd7zXZ\x00|\x28\xb5\x2f\xfd|BZh[1-9](?:1AY&SY|\x17rE8P\x90)|PK\x03\x04|\x78[\x01\x5e\x9c\xda]|"
    rb"(?:\xff\xfe)?(?:[\t\r\n -~]\x00){4}|(?:\xfe\xff)?(?:\x00[\t\r\n -~]){4}|"
    rb"\x00GITCRYPTKEY|openssh-key-v1\x00|\xfe\xed\xfe\xed|"
    rb"\xce\xce\xce\xce\x00|"
    # DER: a sequence that begins with a version or an algorithm, as private keys and PKCS #12 do
    rb"\x30(?:[\x10-\x7f]|\x81.|\x82..|\x83...)(?:\x02\x01[\x00-\x03]|\x30)|\x30\x80\x02\x01\x03|"
    # OpenPGP: a secret key or subkey packet of version 3 to 6, old and new format
    rb"[\x94\x95\x96\x9c\x9d\x9e].{1,4}[\x03-\x06]|[\xc5\xc7].{1,5}[\x03-\x06])",
    re.DOTALL,
)
_BEGIN = b"-----BEGIN "
OPENINGS = (b"-----BEGI", b"\x00GITCRYPTKEY", b"AGE-SECRET", b"ghp_", b"glpat-", b"\xfe\xed\xfe\xed\x00")


class Clues:
    """What to go by, made once from all signatures."""

    def __init__(self, signatures: Iterable[Signature]) -> None:
        literals = {signature.pattern for signature in signatures if signature.literal and signature.encoded}
        forms = {form for literal in {_BEGIN, *literals} for form in base64_forms(literal)}
        self._forms = re.compile(_any_of(sorted(forms)))

    def interesting(self, head: bytes) -> bool:
        """Whether bytes that begin like this may hold something; ``head`` may be cut off anywhere."""
        return bool(_MAGIC.match(head)) or is_text(head[:_TEXT]) or head[257:262] == b"ustar"

    def form(self, content: bytes, start: int, end: int) -> int | None:
        """Where in a run of base64 that of a signature begins, if it is there."""
        match = self._forms.search(content, start, end)
        return match.start() if match else None


def _any_of(literals: list[bytes]) -> bytes:
    """A pattern for any of the sorted literals; grouped by their first bytes, as ``re`` tries branches one by one."""
    groups = ((first, list(group)) for first, group in groupby(literals, key=lambda literal: literal[:1]))
    return b"|".join(
        re.escape(first) + b"(?:" + b"|".join(re.escape(literal[1:]) for literal in group) + b")"
        for first, group in groups
    )


def compiled(signature: Signature) -> re.Pattern[bytes]:
    """A signature as a pattern of ``re``."""
    pattern = re.escape(signature.pattern) if signature.literal else signature.pattern
    return re.compile(pattern, re.IGNORECASE if signature.ignore_case else 0)


def base64_forms(literal: bytes) -> list[bytes]:
    """How bytes look in base64 wherever they stand in what was encoded: the characters that depend on them alone.

    One form for each of the three alignments; those too short to say anything are left out.
    """
    forms = []
    for lead in range(_ALIGNMENTS):
        encoded = base64.b64encode(b"\0" * lead + literal)
        first = (8 * lead + 5) // 6
        last = 8 * (lead + len(literal)) // 6
        forms.append(encoded[first:last])
    return [form for form in forms if len(form) >= _SHORTEST_FORM]


def is_text(head: bytes) -> bool:
    """Whether all of it is text in UTF-8, a character cut off at the end aside."""
    match = _CHARACTERS.match(head)
    if match is not None and match.end() == len(head):
        return len(head) > 0
    for cut in range(4):
        try:
            text = head[: len(head) - cut].decode()
        except UnicodeDecodeError:
            continue
        visible = sum(character.isprintable() or character in "\t\r\n" for character in text)
        return len(text) > 0 and visible == len(text)
    return False
