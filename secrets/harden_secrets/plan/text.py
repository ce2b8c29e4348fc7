"""A plan for people: what moves, who is affected how, and what remains to be done. Pure."""

from collections.abc import Iterator

from harden_secrets.plan.values import Copy, Plan, PlannedSecret

_HOW = {
    "delete-object": "deleted",
    "remove-key": "the entry is removed, the rest stays",
    "repoint": "gone with the change of its consumer",
    "delete-file": "the file is deleted",
    "rewrite-file": "taken out of the file",
}


def plan_lines(plan: Plan, written: str) -> Iterator[str]:
    """The lines of a plan; ``written`` is the file it went to, empty for none."""
    if not plan.secrets:
        yield "nothing to move"
    for secret in plan.secrets:
        yield from _secret(secret, plan)
        yield ""
    if plan.left:
        yield f"left where they are ({len(plan.left)}):"
        yield from (f"  {line}" for line in plan.left)
        yield ""
    if plan.secrets:
        yield (
            f"carry it out with: harden secrets migrate {written}" if written else "keep it with -o PLAN, then migrate"
        )


def _secret(secret: PlannedSecret, plan: Plan) -> Iterator[str]:
    count = len(secret.copies)
    places = "one place" if count == 1 else f"{count} places"
    yield f"{secret.name}: one {secret.material} in {places} ({secret.fingerprint})"
    yield f"  goes to {plan.vault_mount}/{secret.vault_path}, fields {', '.join(one.name for one in secret.fields)}"
    for copy in secret.copies:
        yield f"  copy   {copy.source}{copy.pointer}: {_fate(copy)}"
    for delivery in secret.deliveries:
        keys = ", ".join(f"{one.key} ({'bytes' if one.form == 'raw' else 'base64 text'})" for one in delivery.keys)
        yield f"  secret {delivery.namespace}/{delivery.secret} by {delivery.to}: {keys}"
    for change in secret.consumers:
        yield f"  {'change' if change.applies else 'STAYS '} {change.object}: {change.words}"
        for sees in change.sees:
            what = "the bytes" if sees.form == "raw" else "the base64 text"
            yield f"           {sees.container} sees at {sees.at} {what} that it saw"
    for file in secret.files:
        yield from (f"  file   {file.path}: {words}" for words in file.words)
    for grant in secret.grants:
        who = f"{grant.service_account_namespace}/{grant.service_account}"
        yield f"  grant  serviceaccount {who}: get secret {grant.namespace}/{grant.secret}, no other"
    for patch in secret.source_patches:
        yield f"  TO DO  {patch.file}:{patch.line}: {patch.words}"
        yield from (f"         {line}" for line in patch.diff.splitlines())
    if secret.readers_before or secret.readers_after:
        yield f"  readers {len(secret.readers_before)} -> {len(secret.readers_after)}"
    for line in secret.cannot_scrub:
        yield f"  ROTATE {line}"


def _fate(copy: Copy) -> str:
    return f"stays: {copy.reason}" if copy.removal == "leave" else _HOW[copy.removal]
