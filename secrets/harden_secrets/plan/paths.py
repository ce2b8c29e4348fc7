"""Paths in a plan that mean the same wherever it is carried out or taken back."""

import os
from dataclasses import replace

from harden_secrets.plan.values import Plan, PlannedSecret


def absolute(plan: Plan) -> Plan:
    """The plan with the files that it changes, and those that it saw, named from the root."""
    seen = tuple(replace(one, path=os.path.abspath(one.path)) for one in plan.files)
    return replace(plan, files=seen, secrets=tuple(_absolute(one, plan) for one in plan.secrets))


def _absolute(secret: PlannedSecret, plan: Plan) -> PlannedSecret:
    files = tuple(replace(one, path=os.path.abspath(one.path)) for one in secret.files)
    if plan.mode == "cluster":  # there, a source is an object
        return replace(secret, files=files)
    return replace(
        secret,
        files=files,
        copies=tuple(replace(one, source=os.path.abspath(one.source)) for one in secret.copies),
        fields=tuple(replace(one, source=os.path.abspath(one.source)) for one in secret.fields),
    )
