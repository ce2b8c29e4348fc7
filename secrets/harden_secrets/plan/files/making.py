"""A plan for files: the value leaves the tree, everything else in it stays byte for byte."""

from collections.abc import Sequence
from dataclasses import replace

from harden.output import Output
from harden.progress import progress
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.plan.files.build import build
from harden_secrets.plan.files.hardlinks import other_names
from harden_secrets.plan.files.history import histories
from harden_secrets.plan.files.reading import read_tree
from harden_secrets.plan.paths import absolute
from harden_secrets.plan.values import Plan, PlannedSecret
from harden_secrets.plan.world import Request

_APPLIED = "a cluster to which it was applied keeps it until that is changed, too: harden secrets plan --cluster"


def plan_files(
    paths: Sequence[str], request: Request, fingerprints: Fingerprinter, plan_id: str, made_at: str, output: Output
) -> Plan:
    """The plan for what lies in files and folders. Raises HardenError."""
    with progress(output, "reading files"):
        tree = read_tree(paths, fingerprints)
    plan = build(tree, request, fingerprints, plan_id, made_at)
    return absolute(replace(plan, secrets=tuple(_with_what_stays(one) for one in plan.secrets)))


def _with_what_stays(secret: PlannedSecret) -> PlannedSecret:
    """With what git and other names of a file keep."""
    sources = dict.fromkeys(copy.source for copy in secret.copies)
    touched = dict.fromkeys(copy.source for copy in secret.copies if copy.removal != "leave")
    kept = [*histories(sources), *other_names(touched), *([_APPLIED] if secret.deliveries else [])]
    return replace(secret, cannot_scrub=tuple(kept))
