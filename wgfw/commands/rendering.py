"""``harden wg render`` and ``harden wg schema``."""

import json
from typing import Literal

from harden.errors import UsageError
from harden.output import Output
from wgfw.commands.gateway import load_policy
from wgfw.compiler import compile_policy
from wgfw.policy.schema import policy_schema
from wgfw.render import restore_text
from wgfw.script import script_text


def render_policy(
    path: str, family: Literal["4", "6"] | None, form: Literal["restore", "script"], netns: str | None, output: Output
) -> int:
    """Prints the rules."""
    loaded = load_policy(path, netns)
    for warning in loaded.policy.warnings:
        output.warning(warning)
    rules = compile_policy(loaded.policy)
    if form == "script":
        if family is not None:
            raise UsageError("the script is for both families", "leave --family out, or --format script")
        texts = {"script": script_text(rules, loaded.policy.interfaces)}
    else:
        texts = {number: restore_text(rules.family(int(number))) for number in ([family] if family else ["4", "6"])}
    if output.as_json:
        output.document({"digest": rules.digest, "format": form, "text": texts})
    else:
        for name, text in texts.items():
            output.raw(text if len(texts) == 1 else f"# IPv{name}\n{text}")
    return 0


def print_schema(output: Output) -> int:
    """Prints the JSON Schema of the policy file."""
    output.raw(json.dumps(policy_schema(), indent=2) + "\n")
    return 0
