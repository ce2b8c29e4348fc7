"""Which kind of document a text is, and its fields."""

import re
from collections.abc import Callable, Iterator

from harden_secrets.budget import Budget
from harden_secrets.documents import hcl, jsontext, yamltext
from harden_secrets.documents.assignments import assignments
from harden_secrets.documents.comments import comments
from harden_secrets.documents.field import Field, Taken
from harden_secrets.documents.kustomize import generated
from harden_secrets.documents.scripts import heredocs
from harden_secrets.documents.spans import Spans
from harden_secrets.documents.tree import Node, Scalar
from harden_secrets.documents.walking import Walk
from harden_secrets.material import Signature

# What makes a text worth taking apart although no key shows in it: its base64 may be of something short, or it takes
# a value from a file that lies elsewhere.
SIGNATURES = (
    Signature(rb"kind[\"']?[ \t]{0,8}[:=][ \t]{0,8}[\"']?Secret[\"'\s,]", literal=False, encoded=False),
    Signature(rb"\"type\":[ \t]{0,4}\"kubernetes_(?:secret|config_map)", literal=False, encoded=False),
    Signature(rb"resource[ \t]{1,4}\"kubernetes_(?:secret|config_map)", literal=False, encoded=False),
    Signature(rb"file(?:base64)?\(\"\$\{path\.", literal=False, encoded=False),
    Signature(rb"filebase64\(", literal=False, encoded=False),
)

_FLOW = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*[{\[]")
_YAML = re.compile(rb"^(?:---(?:\s|$)|%YAML|(?:- )*[\"']?[\w./~-][^\n:#=({]{0,120}:(?:[ \t]|\r?$)|- \S)", re.MULTILINE)
_HCL = re.compile(
    rb"^[ \t]*(?:resource|data|variable|output|provider|module|locals|terraform|source|build|job|path)"
    rb"(?:[ \t]+\"[^\"\n]*\"){0,3}[ \t]*\{|(?:file|filebase64|templatefile)\(\"",
    re.MULTILINE,
)
_ASSIGNMENT = re.compile(rb"^[ \t]*(?:(?:export|set|ENV|ARG|local)[ \t]+)?[A-Za-z_][\w.-]*[ \t]*[=:]", re.MULTILINE)
_JSON_NAMES = (".json", ".tfstate", ".ipynb", ".jsonl", ".json5", ".jwk", ".jwks")
_YAML_NAMES = (".yaml", ".yml")
_HCL_NAMES = (".tf", ".tfvars", ".hcl", ".nomad", ".tofu")
_CODE = (".py", ".go", ".js", ".ts", ".c", ".h", ".cc", ".cpp", ".rs", ".java", ".rb", ".php", ".md", ".rst", ".html")
_SHORT = 16  # bytes below which nothing is a document

_Trees = Callable[[bytes, int], Iterator[tuple[int, Node | None]]]


def take_apart(content: bytes, file: str, budget: Budget) -> list[Taken]:
    """The fields of a text, by each way of reading it that fits; none if it is just text.

    ``file`` may tell by its ending. Fields of one way do not overlap, those of two ways may.
    """
    if len(content) < _SHORT or (b"\n" not in content and not _FLOW.match(content)):
        return []
    if b"\0" in content:  # a program, an image: what stands in it is found without knowing where
        return []
    if len(content) > budget.document:
        structured = file.lower().endswith((*_JSON_NAMES, *_YAML_NAMES, *_HCL_NAMES)) or _FLOW.match(content)
        return [Taken("", [], "it is too large to be taken apart into fields")] if structured else []
    taken = _structure(content, file.lower(), budget)
    code = file.lower().endswith(_CODE)
    parts = [*heredocs(content)] if b"\n" in content else []
    if not code:
        parts += comments(content)
        if not (taken and taken[0].fields) and _ASSIGNMENT.search(content):
            parts += assignments(content)
    parts = _outside(parts, taken)
    return [*taken, Taken("", parts)] if parts else taken


def _outside(parts: list[Field], taken: list[Taken]) -> list[Field]:
    """Those parts of the text that are not within a field already, which will be taken apart by itself."""
    spans = Spans((field.start, field.end) for way in taken for field in way.fields)
    return [part for part in parts if not spans.cover(part.start)]


def _structure(content: bytes, file: str, budget: Budget) -> list[Taken]:
    """The reading as a tree, if one is fitting and comes to something."""
    if file.endswith(_HCL_NAMES):
        return [_hcl(content, budget)]
    if _FLOW.match(content):
        taken = _trees("json", jsontext.documents, content, budget)
        return [taken if taken.fields else _trees("yaml", yamltext.documents, content, budget)]
    if file.endswith(_CODE) or content.startswith(b"#!"):
        return []
    if not file.endswith(_YAML_NAMES) and _HCL.search(content):
        return [_hcl(content, budget)]
    if file.endswith(_YAML_NAMES) or _YAML.search(content):
        return [_trees("yaml", yamltext.documents, content, budget)]
    return []


def _trees(syntax: str, documents: _Trees, content: bytes, budget: Budget) -> Taken:
    fields: list[Field] = []
    missed = ""
    for number, root in documents(content, budget.nesting):
        if root is None or isinstance(root, Scalar):
            continue
        walk = Walk(number, budget.nesting, budget.fields - len(fields))
        found = list(walk.fields(root))
        fields += [*found, *generated(root, number, found)]
        missed = missed or walk.missed
    return Taken(syntax, fields, missed)


def _hcl(content: bytes, budget: Budget) -> Taken:
    root = hcl.tree(content, budget.nesting)
    if root is None:
        return Taken("", [], "it is nested too deeply")
    walk = Walk(0, budget.nesting, budget.fields)
    return Taken("hcl", list(walk.fields(root)), walk.missed)
