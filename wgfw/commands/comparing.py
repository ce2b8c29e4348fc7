"""``harden wg plan --against``: what a policy changes for whom, without a look at any kernel."""

from harden.errors import ANSWER_IS_NO, HardenError
from harden.file import read_file
from harden.output import Output
from wgfw.access import AccessChange, diff_access
from wgfw.commands.changes import changes_document, say_changes
from wgfw.commands.gateway import load_policy, now
from wgfw.compiler import compile_policy
from wgfw.policy.model import Policy
from wgfw.policy.snapshot import from_json

HINT = "`harden wg render --format policy > FILE` makes one"


def plan_against(path: str, netns: str | None, peers: tuple[str, ...], snapshot: str, output: Output) -> int:
    """Says what the policy changes where the one in the file ``snapshot`` is in force."""
    before = read_snapshot(snapshot)
    loaded = load_policy(path, netns, peers=peers)
    for warning in loaded.policy.warnings:
        output.warning(warning)
    changes: list[AccessChange | str] = list(diff_access(before, loaded.policy, now(), loaded.document.networks))
    old, new = (compile_policy(policy).digest for policy in (before, loaded.policy))
    if old != new:
        changes.append(f"rule set {old} becomes {new}")
    if output.as_json:
        output.document(changes_document(changes, in_sync=not changes))
    elif changes:
        say_changes(changes, output, "nobody's access changes, the rules do:")
    else:
        output.line("in sync: nothing to change")
    return ANSWER_IS_NO if changes else 0


def read_snapshot(path: str) -> Policy:
    """The policy that `harden wg render --format policy` wrote to the file. Raises HardenError if it is not one."""
    try:
        return from_json(read_file(path, HINT).decode(), path)
    except UnicodeDecodeError:
        raise HardenError(f"{path}: not a policy that harden stored", HINT) from None
    except HardenError as error:
        raise HardenError(error.messages, HINT) from error
