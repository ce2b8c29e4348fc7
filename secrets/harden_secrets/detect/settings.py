"""Settings whose name ends as those of secrets do: in YAML, JSON, HCL, INI, dotenv, shell, XML, on command lines.

``name: value``, ``name = "value"``, ``NAME=value``, ``"name": "value"`` (escaped, too), ``--name value``,
``<name>value</name>``, ``name: NAME, value: value``, ``variable "name" { default = "value" }``. What is no setting (a
call, a type, a sentence) is for the caller to tell, from the value.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from harden_secrets.material import Signature

_LAST_WORD = (
    rb"(?:passw(?:or)?d|passphrase|pwd|pass|secret|token|key|pat|psk)"
    rb"(?:[_.-]?(?:base64|b64|hex|base|prod|dev|v?[0-9]{1,3}))?"
)
_WORDS = re.compile(rb"pass|pwd|secret|token|key|pat|psk")
_QUOTED = rb"\\{0,3}\"(?P<double>[^\"\\\n]{1,400})\\{0,3}\"|\\{0,3}'(?P<single>[^'\\\n]{1,400})'"
_PLAIN = rb"(?P<plain>[^\s\"'#,;(){}\[\]|>&<\\][^\s,;\"'\\]{0,400})"
_SIGN = (
    rb"(?:\\{0,3}[\"'])?(?P<sign>[ \t]{0,12}(?::=|=>|[:=])[ \t]{0,12}"
    rb"|,?\s{1,40}\\{0,3}[\"']?value\\{0,3}[\"']?[ \t]{0,8}[:=][ \t]{0,8}"  # an element of a list: name, then value
    rb"|[ \t]{0,4}\{[^{}]{0,200}?\bdefault[ \t]{0,8}=[ \t]{0,8}"  # a variable of Terraform
    rb"|[ \t]{1,4})"
)
_SETTING = (
    rb"(?i:" + _LAST_WORD + rb")(?:" + _SIGN + rb"(?:" + _QUOTED + rb"|" + _PLAIN + rb")|>(?P<text>[^<>\s]{4,400})</)"
)
_FIRST_PART = re.compile(rb"[A-Za-z0-9_.-]{0,80}\Z")
# For searching in a text that may be a value in another, with its quotes and its ends of lines escaped.
MARKS = rb"(?:\\{0,3}[\"']){0,2}"
BREAK = rb"(?:\s|\\{1,3}n|\\){1,60}"
# Values in a Secret are base64, and most forms of tokens are too plain to be searched for in that: whoever looks for
# one of those looks at every such object.
OF_SECRET = Signature(rb"kind[\"']?: {0,4}[\"']?Secret[\s\"',]", literal=False, encoded=False)
_GROUPS = ("double", "single", "plain", "text")


@dataclass(frozen=True, slots=True)
class Setting:
    """A name and where its value stands. ``flag``: an option of a command (``--name``); ``bare``: without quotes."""

    name: str
    start: int
    end: int
    flag: bool
    bare: bool


def settings(content: bytes) -> Iterator[Setting]:
    """Every setting with such a name, in the order of the text."""
    for match in _matches(content):
        group = next(name for name in _GROUPS if match[name] is not None)
        first = _FIRST_PART.search(content, max(0, match.start() - 80), match.start())
        begin = first.start() if first else match.start()
        sign = match["sign"]
        name_end = match.start("sign") if sign is not None else match.start(group) - 1
        name = content[begin:name_end].rstrip(b"\\\"'").decode("latin-1")
        flag = name.startswith("--")
        if content[begin - 1 : begin] in {b":", b"/"}:
            continue  # a part of a longer value: `arn:aws:…:secret:NAME`, an address
        if sign is not None and not sign.strip() and not flag and content[begin - 4 : begin] != b"ENV ":
            continue  # two words beside each other: only `--name value` is a setting, and `ENV NAME value`
        start, end = match.span(group)
        if group == "plain" and content[max(0, begin - 1) : begin] in {b"?", b"&"}:  # of an address
            end = min(end, start + len(match[group].partition(b"&")[0]))
        yield Setting(name.lstrip("-."), start, end, flag, group == "plain")


def with_digit(characters: bytes, least: int, reach: int) -> bytes:
    """A pattern for how ``least`` or more such characters begin, if a digit is among the first ``reach`` of them."""
    early = [b"[0-9]%s{%d}" % (characters, least - 1)]
    early += [b"%s{%d}[0-9]%s{%d}" % (characters, at, characters, least - 1 - at) for at in range(1, least - 1)]
    return b"(?:" + b"|".join(early) + b"|%s{%d,%d}[0-9])" % (characters, least - 1, reach - 1)


def _matches(content: bytes) -> Iterator[re.Match[bytes]]:
    """As ``finditer`` of the pattern has them; to look for its words in small letters first is 5 times faster."""
    done = 0
    for word in _WORDS.finditer(content.lower()):
        if word.start() >= done:
            match = _pattern().match(content, word.start())
            if match:
                done = match.end()
                yield match


@cache
def _pattern() -> re.Pattern[bytes]:
    return re.compile(_SETTING)
