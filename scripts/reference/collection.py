"""The Ansible collection: what ``ansible-doc`` shows of its modules and roles, as a page."""

import ast
import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from reference.markdown import code, table

Documented = Mapping[str, Any]
OURS = "harden.toolkit."

# The markup of ansible-doc ("Ansible markup", docs.ansible.com): what each letter does to the text in brackets.
_MARKUP: Mapping[str, Callable[[str], str]] = {
    "B": lambda text: f"**{text}**",
    "I": lambda text: f"*{text}*",
    "M": lambda text: code(text.removeprefix(OURS)),
    "P": lambda text: code(text.partition("#")[0].removeprefix(OURS)),
    "L": lambda text: "[{}]({})".format(*(part.strip() for part in text.rsplit(",", 1))),
    "U": lambda text: f"<{text}>",
}
_CODE = re.compile(r"\b(RV|[BCEILMOPUV])\(([^()]*(?:\([^()]*\)[^()]*)*)\)")


def collection_page(folder: Path) -> Iterator[str]:
    """The page of the collection in this folder."""
    about = yaml.safe_load((folder / "galaxy.yml").read_text())
    yield from (
        f"# The collection {about['namespace']}.{about['name']}",
        "",
        "This page is made from what `ansible-doc` shows. How to use all this: [the collection's own",
        "page](../../ansible/README.md).",
    )
    for path in sorted((folder / "plugins/modules").glob("[a-z]*.py")):
        yield from _module(path, folder / "plugins/doc_fragments")
    for path in sorted((folder / "roles").glob("*/meta/argument_specs.yml")):
        yield from _role(path.parents[1].name, yaml.safe_load(path.read_text())["argument_specs"])
    for path in sorted((folder / "playbooks").glob("*.yml")):
        yield from ("", f"## Playbook {OURS}{path.stem}", "", *_first_comment(path.read_text()))


def _module(path: Path, fragments: Path) -> Iterator[str]:
    texts = _strings(ast.parse(path.read_text()).body)
    about = yaml.safe_load(texts["DOCUMENTATION"])
    yield from ("", f"## Module {OURS}{about['module']}", "", f"{_prose(about['short_description'])}.", "")
    yield from _sentences(about["description"])
    yield from _options(about.get("options", {}) | _extended(about, fragments))
    if returns := yaml.safe_load(texts.get("RETURN", "")):
        rows = list(_returned(returns, ""))
        yield from ("", "It returns:", "", *table(("value", "type", "when", "means"), rows))
    yield from ("", "```yaml", *texts["EXAMPLES"].strip().splitlines(), "```")


def _role(name: str, entries: Documented) -> Iterator[str]:
    for entry, about in entries.items():
        title = name if entry == "main" else f"{name}, {entry}"
        yield from ("", f"## Role {OURS}{title}", "", f"{_prose(about['short_description'])}.", "")
        yield from _sentences(about.get("description", ()))
        yield from _options(about.get("options", {}))


def _extended(about: Documented, fragments: Path) -> dict[str, Any]:
    """The options that a module takes over from the fragments of the collection."""
    found: dict[str, Any] = {}
    for name in about.get("extends_documentation_fragment", ()):
        if name.startswith(OURS):
            file, _, part = name.removeprefix(OURS).partition(".")
            (fragment,) = (
                node
                for node in ast.parse((fragments / f"{file}.py").read_text()).body
                if isinstance(node, ast.ClassDef)
            )
            text = _strings(fragment.body)[part.upper() or "DOCUMENTATION"]
            found |= yaml.safe_load(text).get("options", {})
    return found


def _options(options: Documented) -> Iterator[str]:
    if options:
        rows = ((code(name), _kind(option), _meaning(option)) for name, option in options.items())
        yield from ("", *table(("option", "value", "means"), rows))


def _kind(option: Documented) -> str:
    if "choices" in option:
        values = ", ".join(code(str(choice)) for choice in option["choices"])
        return f"list of {values}" if option.get("type") == "list" else values
    return f"list of {option['elements']}" if "elements" in option else str(option.get("type", "str"))


def _meaning(option: Documented) -> str:
    words = [*_sentences(option["description"])]
    if option.get("required"):
        words.append("Required.")
    if option.get("default") not in (None, "", []):
        words.append(f"Default: {code(_yaml(option['default']))}.")
    return " ".join(words)


def _returned(values: Documented, before: str) -> Iterator[tuple[str, str, str, str]]:
    for name, value in values.items():
        kind = f"list of {value['elements']}" if "elements" in value else value["type"]
        yield code(before + name), kind, value.get("returned", ""), " ".join(_sentences(value["description"]))
        each = "[]" if "elements" in value else ""
        yield from _returned(value.get("contains", {}), f"{before}{name}{each}.")


def _sentences(description: str | Iterable[str]) -> Iterator[str]:
    for text in [description] if isinstance(description, str) else description:
        yield _prose(" ".join(text.split()))


def _prose(text: str) -> str:
    return html.unescape(_CODE.sub(lambda found: _MARKUP.get(found[1], _code_of_option)(found[2]), text))


def _code_of_option(text: str) -> str:
    """``O(name)``, ``C(text)`` and the like; an option of elsewhere has its plugin before a colon."""
    return code(re.sub(r"^(ignore|[\w.]+#\w+):", "", text))


def _yaml(value: object) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=1000)
    return text.removesuffix("...\n").strip()


def _first_comment(text: str) -> Iterator[str]:
    """The comment at the beginning of a playbook, as it is: there are calls in it."""
    lines = iter(text.splitlines())
    yield "```text"
    for line in lines:
        if line.startswith("#"):
            yield line.removeprefix("#").removeprefix(" ")
        elif line != "---":
            break
    yield "```"


def _strings(body: list[ast.stmt]) -> dict[str, str]:
    """The names in a module or class that stand for a text."""
    return {
        target.id: node.value.value
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
