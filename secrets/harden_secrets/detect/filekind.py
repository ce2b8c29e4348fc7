"""What a file's name says of the language in it: program text, prose, or settings."""

import re

_CODE_WORDS = (
    "go py pyi js mjs cjs ts tsx jsx java kt kts scala groovy c h cc cpp cxx hpp cs rs rb php pl pm swift "
    "m mm lua r jl ex exs erl hs ml fs vb dart zig nim s asm proto thrift sql css scss less svg vue "
    "svelte ipynb wat map po pot snap"
)
_CODE = frozenset(_CODE_WORDS.split())
_PROSE_WORDS = "md mdx rst adoc asciidoc textile html htm tex org wiki man 1 3 5 7 8 diff patch log"
_PROSE = frozenset(_PROSE_WORDS.split())
_ILLUSTRATION = re.compile(
    r"(?i)(?:^|/)(?:examples?|samples?|testdata|fixtures?|docs?|documentation|snippets)/"  # as a folder
    r"|(?:^|[/._-])(?:examples?|samples?|tmpl|template|dist)(?:[._-][^/]*)?$"  # as a part of the name
)
_NEAR = 4  # so many last parts of a path say what a file is for; what is above them, where the person keeps their work
_OTHER_WORDS = (
    "sum lock mod pem crt cer pub pyc pyo so dll dylib exe o a class wasm png jpg jpeg gif ico pdf woff woff2 ttf mp4"
)
_OTHER = frozenset(_OTHER_WORDS.split())


def suffix(file: str) -> str:
    """The last extension in lower case, without its dot: ``go``; empty for a name without one."""
    name = file.rpartition("/")[2].rpartition("\\")[2]
    return name.rpartition(".")[2].lower() if "." in name.lstrip(".") else ""


_SETTINGS_IN_CODE = re.compile(
    r"(?i)(?:^|/)(?:wp-config|configuration|localsettings|(?:local_?)?settings)(?:[._-]\w+)?\.(?:php|py|rb)$"
)


def is_code(file: str) -> bool:
    """Whether it is program text, where a name before a value is a variable more often than a setting."""
    return suffix(file) in _CODE


def is_prose(file: str) -> bool:
    """Whether it is written for readers, who want examples."""
    return suffix(file) in _PROSE


def is_illustration(file: str) -> bool:
    """Whether it is there to be copied or tried: an example, a template, the data of a test, documentation."""
    near = "/".join(file.split("/")[-_NEAR:])
    return _ILLUSTRATION.search(near) is not None or is_prose(file)


def is_binary(content: bytes) -> bool:
    """Whether it is no text: a program or a picture, in which a name and a value beside each other mean nothing."""
    return b"\0" in content


def is_settings(file: str) -> bool:
    """Whether a name and a value in it are likely a setting: YAML, HCL, dotenv, INI, shell, JSON, and unknown kinds."""
    return suffix(file) not in _CODE | _PROSE | _OTHER or _SETTINGS_IN_CODE.search(file) is not None
