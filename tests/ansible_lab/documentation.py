"""What the documentation of a module says, and its examples as tasks that can be run."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from ansible_lab.editions import COLLECTION


def documented(module: str, name: str) -> Any:
    """DOCUMENTATION, EXAMPLES or RETURN of a module, as values."""
    tree = ast.parse((COLLECTION / f"plugins/modules/{module}.py").read_text())
    return yaml.safe_load(_constants(tree.body)[name])


def options(module: str) -> set[str]:
    """Every option that it takes, those of the fragments that it extends included."""
    document = documented(module, "DOCUMENTATION")
    found = set(document.get("options", {}))
    for fragment in document.get("extends_documentation_fragment", []):
        if fragment.startswith("harden.toolkit."):
            found |= set(yaml.safe_load(_fragment(fragment))["options"])
    return found


def examples(module: str, instead: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """The tasks of its EXAMPLES. ``instead`` of some words, which have to be there, others are put."""
    text = yaml.safe_dump(documented(module, "EXAMPLES"), width=10_000, sort_keys=False)
    for words, others in (instead or {}).items():
        assert words in text, f"{module}: no example says {words}"
        text = text.replace(words, others)
    tasks: list[dict[str, Any]] = yaml.safe_load(text)
    return tasks


def shown(module: str) -> set[str]:
    """Every option that an example gives."""
    tasks = (task.get(f"harden.toolkit.{module}") for task in examples(module))
    return {name for given in tasks for name in given or ()}


def _fragment(full_name: str) -> str:
    """``harden.toolkit.FILE`` or ``harden.toolkit.FILE.PART``."""
    file, _, part = full_name.removeprefix("harden.toolkit.").partition(".")
    tree = ast.parse((COLLECTION / f"plugins/doc_fragments/{file}.py").read_text())
    (fragment,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    return _constants(fragment.body)[part.upper() or "DOCUMENTATION"]


def _constants(body: Sequence[ast.stmt]) -> dict[str, str]:
    return {
        node.targets[0].id: str(node.value.value)
        for node in body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
