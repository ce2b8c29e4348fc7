"""Templates of manifests (Helm, Jinja) as YAML of the same length: what is an instruction is a comment or a word."""

import re

from harden_secrets.documents.bytewise import hidden

_ONLY_INSTRUCTION = re.compile(r"^([ \t]*)(\{\{[^\n]*\}\}|\{%[^\n]*%\})[ \t]*\r?$", re.MULTILINE)
_INSTRUCTION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)


def is_template(text: str) -> bool:
    """Whether there are instructions in a text."""
    return "{{" in text or "{%" in text


def readable(text: str) -> str:
    """The text with the same offsets, in which a YAML parser meets no instruction."""
    text = _ONLY_INSTRUCTION.sub(lambda match: match[1] + "#" + hidden(match[0][len(match[1]) + 1 :]), text)
    return _INSTRUCTION.sub(lambda match: hidden(match[0]), text)
