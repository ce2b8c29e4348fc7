"""Percent-encoding as in URLs and forms (RFC 3986, 2.1; the form encoding writes a space as ``+``)."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

from harden_secrets.budget import Meter
from harden_secrets.unwrap.part import Part

_RUN = re.compile(rb"(?:[A-Za-z0-9_.~+/=:@!$*,;()-]|%[0-9A-Fa-f]{2}){20,}+")
_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")


def from_percent(content: bytes, meter: Meter, skip: Callable[[int], int]) -> Iterator[Part]:
    """The runs that hold such escapes, without them. ``skip`` is as for base64."""
    if b"%" not in content or not _ESCAPE.search(content):
        return
    position = 0
    while match := _RUN.search(content, position):
        start, end = match.span()
        position = end
        if skip(start) >= end or b"%" not in match[0]:
            continue
        run = match[0]
        if (b"%20" not in run and b"%2B" in run.upper()) or b"BEGIN+" in run:
            run = run.replace(b"+", b" ")
        decoded = unquote_to_bytes(run)
        if meter.room(len(decoded)) < len(decoded):
            return
        meter.take_layer(len(decoded))
        yield Part("percent", decoded, start, end)
