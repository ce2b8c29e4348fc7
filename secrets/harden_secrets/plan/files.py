"""A plan for files: the value leaves the tree, everything else in it stays byte for byte."""

from collections.abc import Sequence

from harden.errors import HardenError
from harden.output import Output
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.plan.values import Plan
from harden_secrets.plan.world import Request


def plan_files(
    paths: Sequence[str], request: Request, fingerprints: Fingerprinter, plan_id: str, made_at: str, output: Output
) -> Plan:
    """The plan for what lies in files and folders. Raises HardenError."""
    raise HardenError("plans for files are not there yet", "plan for a cluster: --cluster")
