"""`kubectl get configmap NAME`, in the spellings that people use; `oc extract` too."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from harden_secrets.cluster.consumers.script import Script
from harden_secrets.cluster.consumers.scripted import Named

_VERB = re.compile(r"(?<![\w/.-])(?:get|extract)(?=[\s\\])")
# The program stands before the verb in the same command, with nothing but options in between.
_PROGRAM = re.compile(r"(?<![\w./-])(?:\S{0,100}/)?(?:kubectl|oc|k)[\s\\](?P<options>[^|;&`]*)\Z")
_BEFORE, _AFTER = 300, 2000  # characters
_END = re.compile(r"[|;&`\n]|\)(?![\"'])")
_WORD = re.compile(r"""(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.){0,999}"|'[^']{0,999}')+""")
_TYPES = {
    "configmap": "ConfigMap", "configmaps": "ConfigMap", "cm": "ConfigMap", "secret": "Secret", "secrets": "Secret",
}  # fmt: skip
_TYPE = re.compile(rf"\b(?:{'|'.join(_TYPES)})\b", re.IGNORECASE)
# Options that take the next word as their value unless it follows an equals sign.
_VALUED = frozenset({
    "-n", "--namespace", "-o", "--output", "-l", "--selector", "--context", "--kubeconfig", "--cluster", "--user",
    "--template", "--field-selector", "-s", "--server", "--token", "--as", "--request-timeout", "--to", "--keys",
    "--certificate-authority", "-f", "--filename", "--cache-dir", "-L", "--label-columns", "--sort-by", "-v",
})  # fmt: skip


def reads(script: Script) -> Iterator[Named]:
    """Every ConfigMap or Secret that the text gets by name."""
    for verb in _VERB.finditer(script.text):
        if not _TYPE.search(script.text, verb.end(), verb.end() + _BEFORE):
            continue
        first, _ = script.extent(verb.start())
        program = _PROGRAM.search(script.text[max(first, verb.start() - _BEFORE) : verb.start()])
        if program is None:
            continue
        plain, options = _sorted(_words(_rest(script.text, verb.end())))
        _, earlier = _sorted(_words(program["options"]))
        said = options.get("-n", "") or earlier.get("-n", "")
        for kind, word in _names(plain):
            name = script.value_of(word.text.rpartition("/")[2])
            if name:
                # From the verb on: what stands before it may be a credential.
                start, end = verb.start(), verb.end() + word.end
                yield Named(kind, script.value_of(said), name, start, end, own=not said)


class _Word(NamedTuple):
    text: str
    end: int  # offset of its end


def _rest(text: str, at: int) -> str:
    """The command's words, lines joined that a backslash continues; offsets stay."""
    rest = text[at : at + _AFTER].replace("\\\r\n", "   ").replace("\\\n", "  ")
    end = _END.search(rest)
    return rest[: end.start()] if end else rest


def _words(text: str) -> list[_Word]:
    return [_Word(word[0].strip("\"'"), word.end()) for word in _WORD.finditer(text)]


def _sorted(words: list[_Word]) -> tuple[list[_Word], dict[str, str]]:
    """Plain words, and the options with their values; the namespace under ``-n``."""
    plain: list[_Word] = []
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word.text.startswith("$("):
            break  # the output of another command, and then that command's own words
        name, equals, value = word.text.partition("=")
        if not name.startswith("-"):
            plain.append(word)
            continue
        if name.startswith("-n") and not equals and len(name) > 2:
            name, value = "-n", name[2:]  # -nNAMESPACE
        elif not equals and name in _VALUED:
            value = next(rest, _Word("", 0)).text
        options["-n" if name == "--namespace" else name] = value.strip("\"'")
    return plain, options


def _names(plain: list[_Word]) -> Iterator[tuple[str, _Word]]:
    """Kinds and names of `secret NAME NAME` and of `secret/NAME cm/NAME`."""
    for word in plain:
        kind, slash, _ = word.text.partition("/")
        if slash and kind.lower() in _TYPES:
            yield _TYPES[kind.lower()], word
    if plain and plain[0].text.lower() in _TYPES:
        names = (word for word in plain[1:] if not word.text.startswith((">", "<", "2>")))
        yield from ((_TYPES[plain[0].text.lower()], word) for word in names)
