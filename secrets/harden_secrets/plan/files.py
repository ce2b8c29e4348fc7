"""A plan for files: the value leaves the tree, everything else in it stays byte for byte."""

from collections.abc import Sequence
from dataclasses import replace

from harden.output import Output
from harden.progress import progress
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.plan.filebuild import build
from harden_secrets.plan.filehistory import histories
from harden_secrets.plan.filetree import read_tree
from harden_secrets.plan.values import Plan
from harden_secrets.plan.world import Request

_APPLIED = "a cluster to which it was applied keeps it until that is changed, too: harden secrets plan --cluster"


def plan_files(
    paths: Sequence[str], request: Request, fingerprints: Fingerprinter, plan_id: str, made_at: str, output: Output
) -> Plan:
    """The plan for what lies in files and folders. Raises HardenError."""
    with progress(output, "reading files"):
        tree = read_tree(paths, fingerprints)
    plan = build(tree, request, fingerprints, plan_id, made_at)
    secrets = []
    for secret in plan.secrets:
        sources = dict.fromkeys(copy.source for copy in secret.copies)
        kept = [*histories(sources), *([_APPLIED] if secret.deliveries else [])]
        secrets.append(replace(secret, cannot_scrub=tuple(kept)))
    return replace(plan, secrets=tuple(secrets))
