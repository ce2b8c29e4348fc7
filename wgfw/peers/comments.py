"""Comments that hold a friendly name, in the ways that tools and people write them.

Known: ``friendly_name = x`` and ``friendly_json = {…}`` (exporters), ``### Client x`` and ``# BEGIN_PEER x`` (install
scripts), ``### begin x ###`` (PiVPN), ``# Client: x (uuid)`` (wg-easy), ``# Name:  x`` (wireguard-ui), ``# Name = x``,
``#Name# = x`` (dashboards), ``# x begin``, and a plain ``# x``. What reads like a sentence, a setting or a separator
is none.
"""

import json
import re
from enum import IntEnum


class Kind(IntEnum):
    """What a comment is."""

    EMPTY = 0  # nothing, a separator, a fact of another kind
    PROSE = 1
    PLAIN = 2
    LABEL = 3  # says that it holds a name
    OPEN = 4  # opens a peer: it can only mean the next one
    CLOSE = 5
    DEAD_KEY = 6  # a setting that is commented out
    DEAD = 7  # a header that is commented out


def _pattern(text: str, flags: int = re.IGNORECASE) -> re.Pattern[str]:
    return re.compile(rf"#+\s*(?:{text})\s*\Z", flags | re.DOTALL)


_KEYS = "PublicKey|PresharedKey|AllowedIPs|Endpoint|PersistentKeepalive"
_OWNER = "(?:peer|client|user|device|host)"
# In this order; `name` is the name in it, `json` an object that has it. PiVPN puts [disabled] before each line.
_MARKERS = (
    (Kind.LABEL, _pattern(r"friendly[_ ]?name\s*[=:]\s*(?P<name>.*)")),
    (Kind.EMPTY, _pattern(r"[-=#*_~+.<>|/\\─═—\s]*")),
    (Kind.DEAD, _pattern(r"(?:\[disabled\]\s*)?\[\s*(?:peer|interface)\s*\]\s*(?:#.*)?")),
    (Kind.DEAD_KEY, _pattern(rf"\[disabled\].*|(?:{_KEYS})\s*=.*")),
    (Kind.OPEN, _pattern(r"begin_peer\s+(?P<name>.*)")),
    (Kind.OPEN, _pattern(r"begin\s+(?P<name>.*?)\s*#{3,}")),
    (Kind.OPEN, _pattern(r"(?P<name>.*\S)\s+begin")),
    (Kind.OPEN, re.compile(r"###\s*Client\s+(?P<name>[^\s:=].*)\Z", re.DOTALL)),
    (Kind.CLOSE, _pattern(r"end_peer\b.*|end\s+.*#{3,}|.*\s+end")),
    (Kind.LABEL, _pattern(r"friendly[_ ]?json\s*[=:]\s*(?P<json>\{.*\})")),
    (Kind.LABEL, _pattern(rf"\+?(?:{_OWNER}[ _-]?)?name\s*#?\s*[=:]\s*(?P<name>.*)")),
    (
        Kind.LABEL,
        _pattern(
            r"(?:client|peer|user|device)\s*[=:]\s*(?P<name>.*?)(?:\s*\([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\))?"
        ),
    ),
    (Kind.EMPTY, _pattern(r".*(?:[-=#*~─═]{4,}|\s[-=#*~─═]{3,})|[-=#*~─═]{3,}.*")),
    (Kind.EMPTY, _pattern(r"[\w ]{1,24}(?:\s*=|:\s).*")),
)

# No comment without one of these has a marker: most plain names pass with a single look.
_ANY_MARKER = re.compile(r"#\s*\Z|[\[=:]|begin|end|###\s*Client|[-=#*_~+.<>|/\\─═—]{3}", re.IGNORECASE)
_PROSE = re.compile(
    r"(?:this|these|here|if|note|todo|fixme|uncomment|replace|see|do not|don't|please|generated|managed|add|use|change"
    r"|set|allow|the following)\b"
    r"|.*\b(?:comments?|public ?keys?|private ?keys?|preshared|allowed ?ips?|endpoint|keep-?alive)\b"
    r"|.*[.!?]\s+\w|.*[,.;]\Z"
    r"|.*[\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f]"  # the same of Chinese and Japanese
    r"|(?:wireguard )?(?:peers?|clients?|server|users?|devices?)\W*\Z",
    re.IGNORECASE | re.DOTALL,
)
_MAX_WORDS = 5
_JSON_NAMES = ("friendly_name", "name", "username", "user", "client", "hostname", "email", "first_name")


def json_name(text: str) -> str | None:
    """The name in a ``friendly_json`` comment: the most telling of the members that are strings."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    for member in _JSON_NAMES:
        value = found.get(member)
        if isinstance(value, str) and value.strip():
            # JSON can spell half a surrogate pair, which no encoding can write.
            return value.strip().encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return None


def classify(comment: str) -> tuple[Kind, str | None]:
    """What the comment is (given from its first ``#`` on), and the name in it, if there is one."""
    for kind, pattern in _MARKERS if _ANY_MARKER.search(comment) else ():
        if found := pattern.match(comment):
            groups = found.groupdict()
            if "json" in groups:
                return kind, json_name(groups["json"])
            return kind, (groups.get("name") or "").strip() or None
    text = comment.lstrip("#").strip()
    if _PROSE.match(text) or len(text.split()) > _MAX_WORDS:
        return Kind.PROSE, None
    name = text.removesuffix(":").rstrip()
    return (Kind.PLAIN, name) if name else (Kind.EMPTY, None)
