"""Reads of the API server in texts of any language: which object, which entry, and what is done to it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from harden_secrets.cluster.consumers import kubectl, libraries
from harden_secrets.cluster.consumers.script import Script
from harden_secrets.cluster.consumers.scripted import Named

_TRIGGER = re.compile(
    r"/(?:configmaps|secrets)/|\b(?:kubectl|oc|k)\b|kubernetes_(?:config_map|secret)|namespaced_?(?:config_?map|secret)"
    r"|\b(?:ConfigMaps|Secrets|configMaps|secrets)\(|\blookup\b|k8s_info|read_?only",
    re.IGNORECASE,
)
_URL = re.compile(
    r"/namespaces/(?P<namespace>[^/\s\"'`|;,]{1,100}|\$\([^)\n]{0,200}\)|\$\{[^}\n]{0,100}\}|\{\{[^}\n]{0,100}\}\})"
    r"/(?P<kind>configmaps|secrets)/(?P<name>[\w.-]+|\$\{?\w+\}?|\{\w+\})",
)
_KINDS = {"configmaps": "ConfigMap", "secrets": "Secret"}
# Who asks with one of these changes the object and does not read it.
_WRITING = re.compile(r"(?:-X|--request)[ =]?[\"']?(?:PUT|POST|PATCH|DELETE)\b")

_ENTRY = re.compile(
    r"""(?<![\w])(?:data|binaryData|binary_data|Data|BinaryData)
        (?: \s*\.\s*(?:\\?["'](?P<quoted>[^"'\\]+)\\?["']
                     | get\(\s*["'](?P<got>[^"']+)["']
                     | (?P<dotted>(?:[\w-]|\\\\?\.)+))
          | \\?["']?\s*\]?\s*\[\s*\\?["'](?P<subscript>[^"'\\]+(?:\\\.[^"'\\]+)*)\\?["']\s*\]
          | \s+\\?["'](?P<indexed>[^"'\\]+)\\?["'] )""",
    re.VERBOSE,
)
_DECODE = re.compile(
    r"""base64\s+(?:-\w*[dD]\w*|--decode)\b | @base64d\b | base64decode\b | openssl\s+(?:base64|enc)\b[^|;\n]*\s-d\b
      | b64decode\( | Buffer\.from\([^)\n]*["']base64["'] | \batob\( | \bDecodeString\( | getDecoder\(\)
      | base64_decode\( | \bb64dec\b | from_base64\( | Base64\.(?:strict_)?decode64""",
    re.VERBOSE,
)
_MOST = 2000  # reads in one text


@dataclass(frozen=True, slots=True)
class ApiRead:
    """One read. ``namespace`` and ``key`` are empty where the text does not say; ``start`` and ``end`` as in `Named`.

    ``decodes``: how many times base64 is undone on the way. ``own``: the namespace is that of the pod that asks.
    """

    kind: str
    namespace: str
    name: str
    key: str
    decodes: int
    start: int
    end: int
    own: bool = False


def api_reads(text: str) -> Iterator[ApiRead]:
    """Every read of one ConfigMap or Secret in a script, a CI file or a program; pure text, nothing is run."""
    if not _TRIGGER.search(text):
        return
    script = Script(text)
    for find in (_urls, kubectl.reads, libraries.reads):
        yield from islice(_with_entries(script, find), _MOST)


def _with_entries(script: Script, find: Callable[[Script], Iterator[Named]]) -> Iterator[ApiRead]:
    for named in find(script):
        what = script.what_becomes_of(named.start, named.end) if named.uses is None else named.uses
        keys = [named.key] if named.key else dict.fromkeys(_entries(what))
        for key in keys or [""]:
            yield ApiRead(
                named.kind,
                named.namespace,
                named.name,
                key,
                len(_DECODE.findall(what)),
                named.start,
                named.end,
                named.own,
            )


def _entries(text: str) -> Iterator[str]:
    for match in _ENTRY.finditer(text):
        groups = ("quoted", "got", "dotted", "subscript", "indexed")
        found = next(match[group] for group in groups if match[group])
        yield found.replace("\\\\", "\\").replace("\\.", ".")


def _urls(script: Script) -> Iterator[Named]:
    for match in _URL.finditer(script.text):
        name = script.value_of(match["name"])
        if not name or _WRITING.search(script.statement(match.start())):
            continue
        namespace = match["namespace"]
        own = "serviceaccount/namespace" in namespace
        yield Named(_KINDS[match["kind"]], script.value_of(namespace), name, match.start(), match.end(), own=own)
