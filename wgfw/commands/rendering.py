"""``harden wg render`` and ``harden wg schema``."""

import hashlib
import json
from importlib import resources
from typing import Literal

from harden.errors import UsageError
from harden.output import Output
from wgfw.commands.gateway import load_policy
from wgfw.compiler import compile_policy
from wgfw.policy.model import Policy
from wgfw.policy.schema import policy_schema
from wgfw.policy.snapshot import to_json
from wgfw.render import restore_text
from wgfw.ruleset import RuleSet
from wgfw.script import script_text

Form = Literal["restore", "script", "policy", "keeper"]


def render_policy(
    path: str, family: Literal["4", "6"] | None, form: Form, netns: str | None, peers: tuple[str, ...], output: Output
) -> int:
    """Prints the rules, or what goes with them."""
    if family is not None and form != "restore":
        raise UsageError(f"--format {form} is for both families", "leave --family out, or --format")
    if form == "keeper":
        return _print_keeper(output)
    loaded = load_policy(path, netns, peers=peers)
    for warning in loaded.policy.warnings:
        output.warning(warning)
    rules = compile_policy(loaded.policy)
    texts = _texts(loaded.policy, rules, family, form)
    if output.as_json:
        output.document({"digest": rules.digest, "format": form, "text": texts})
    else:
        for name, text in texts.items():
            output.raw(text if len(texts) == 1 else f"# IPv{name}\n{text}")
    return 0


def _print_keeper(output: Output) -> int:
    text = (resources.files("wgfw") / "keeper.sh").read_text(encoding="utf-8")
    if output.as_json:
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        output.document({"digest": digest, "format": "keeper", "text": {"keeper": text}})
    else:
        output.raw(text)
    return 0


def _texts(policy: Policy, rules: RuleSet, family: Literal["4", "6"] | None, form: Form) -> dict[str, str]:
    """By what they are for: a family, or both."""
    if form == "script":
        return {form: script_text(rules, policy.interfaces)}
    if form == "policy":
        return {form: to_json(policy)}
    return {number: restore_text(rules.family(int(number))) for number in ([family] if family else ["4", "6"])}


def print_schema(output: Output) -> int:
    """Prints the JSON Schema of the policy file."""
    output.raw(json.dumps(policy_schema(), indent=2) + "\n")
    return 0
