"""A plan for people: what moves, who is affected how, and what remains to be done. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from harden_secrets.delivery.values import Delivery
from harden_secrets.plan.values import ConsumerChange, Copy, Plan, PlannedSecret, Sees, SourcePatch

_HOW = {
    "delete-object": "deleted",
    "remove-key": "this entry removed, the rest stays",
    "repoint": "gone with the change of its consumer",
    "delete-file": "the file is deleted",
    "rewrite-file": "taken out of the file",
}
_BY = {
    "direct": "written by harden",
    "vault-secrets-operator": "kept by the Vault Secrets Operator",
    "external-secrets": "kept by the External Secrets Operator",
    "file": "written by harden",
}
_SHOWN = 8  # names in one line; -o has all


def plan_lines(plan: Plan, written: str) -> Iterator[str]:
    """The lines of a plan; ``written`` is the file it went to, empty for none."""
    for secret in plan.secrets:
        yield from _secret(secret, plan)
        yield ""
    if plan.left:
        yield "left where they are:"
        yield from (f"  {line}" for line in plan.left)
        yield ""
    yield from _last(plan, written)


def _last(plan: Plan, written: str) -> Iterator[str]:
    if not plan.secrets:
        yield "nothing to move"
        return
    if common := _of_all(plan):
        yield "rotate these keys afterwards: what was exposed stays so, and these keep the old values:"
        yield from (f"  {line}" for line in common)
        yield ""
    keys = sum(max(1, len(_keys(secret))) for secret in plan.secrets)
    places = sum(_places(secret) for secret in plan.secrets)
    said = f"{_count(keys, 'key', 'keys')} in {_count(places, 'place', 'places')}"
    how = f"carry it out with: harden secrets migrate {written}" if written else "-o PLAN keeps it for migrate"
    yield f"{said}; {how}"


def _secret(secret: PlannedSecret, plan: Plan) -> Iterator[str]:
    yield _heading(secret)
    fields = ", ".join(field.name for field in secret.fields)
    word = "field" if len(secret.fields) == 1 else "fields"
    yield f"  kept in Vault at {plan.vault_mount}/{secret.vault_path}, {word} {fields}"
    yield from _part("copies", [f"{_place(copy)}: {_fate(copy)}" for copy in secret.copies])
    yield from _part("delivered", [_delivery(delivery) for delivery in secret.deliveries])
    yield from _part("consumers", [line for change in secret.consumers for line in _consumer(change)])
    yield from _part("files", [f"{file.path}: {words}" for file in secret.files for words in file.words])
    yield from _part("rights", [_grant(grant.service_account_namespace, grant.service_account, grant.namespace,
                                       grant.secret) for grant in secret.grants])  # fmt: skip
    yield from _part("to be done by hand", [line for patch in secret.source_patches for line in _by_hand(patch)])
    yield from _readers(secret)
    yield from _part("note", secret.notes)
    common = _of_all(plan)
    yield from _part("also keeps the old value", [line for line in secret.cannot_scrub if line not in common])


def _heading(secret: PlannedSecret) -> str:
    """One key in how many places; a Secret that moves as a whole may hold several."""
    keys, places = _keys(secret), _places(secret)
    where = "one place" if places == 1 else f"{places} places"
    if len(keys) > 1:
        return f"{secret.name}: {len(keys)} keys ({', '.join(sorted(set(keys.values())))}) in {where}"
    return f"{secret.name}: one {secret.material} in {where} ({secret.fingerprint})"


def _keys(secret: PlannedSecret) -> dict[str, str]:
    return {copy.fingerprint: copy.material for copy in secret.copies if copy.fingerprint}


def _places(secret: PlannedSecret) -> int:
    return len({(copy.source, copy.line, copy.pointer) for copy in secret.copies})


def _part(heading: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"  {heading}:"
        yield from (f"    {line}" for line in lines)


def _place(copy: Copy) -> str:
    if copy.object is None:
        where = f"{copy.source}:{copy.line}" if copy.line else copy.source
    elif copy.removal == "repoint" or copy.pointer.endswith("/value"):
        where = f"{copy.object}, variable {copy.key}"
    else:
        where = f"{copy.object}, entry {copy.key}"
    wrapping = _wrapping(copy)
    return f"{where} ({' > '.join(wrapping)} text)" if wrapping else where


def _wrapping(copy: Copy) -> Sequence[str]:
    """What it is wrapped in there; the object's own base64 is nobody's wish."""
    bare = copy.object is not None and (copy.object.kind == "Secret" or copy.pointer.startswith("/binaryData/"))
    return copy.encodings[1:] if bare and copy.encodings[:1] == ("base64",) else copy.encodings


def _fate(copy: Copy) -> str:
    if copy.removal == "leave":
        return f"stays: {copy.reason}"
    return f"{_HOW[copy.removal]}, {copy.reason}" if copy.reason else _HOW[copy.removal]


def _delivery(delivery: Delivery) -> str:
    if delivery.path:
        return f"{delivery.path}, {_BY[delivery.to]}"
    keys = ", ".join(f"{one.key} ({'bytes' if one.form == 'raw' else 'base64 text'})" for one in delivery.keys)
    where = f"{delivery.namespace}/" if delivery.namespace else ""
    return f"secret {where}{delivery.secret}, {_BY[delivery.to]}: {keys}"


def _consumer(change: ConsumerChange) -> Iterator[str]:
    rolls = f"; {change.pods}" if change.applies and change.pods else ""
    yield f"{change.object}: {'' if change.applies else 'not changed: '}{change.words}{rolls}"
    yield from (f"  {_sight(sees)}" for sees in change.sees if change.applies)


def _sight(sees: Sees) -> str:
    where = f"variable {sees.at.removeprefix('env:')}" if sees.at.startswith("env:") else sees.at
    size = f"{sees.size} bytes" if sees.size else "the bytes"
    form = " of base64 text" if sees.form == "base64" else ""
    return f"container {sees.container} sees in {where} {size}{form}, as before"


def _grant(account_namespace: str, account: str, namespace: str, secret: str) -> str:
    return f"serviceaccount {account_namespace}/{account} may get secret {namespace}/{secret}, and no other by this"


def _by_hand(patch: SourcePatch) -> Iterator[str]:
    where = f"{patch.file}:{patch.line}" if patch.line else patch.file
    yield f"{where}: {patch.words}"
    yield from (f"  {line}" for line in patch.diff.splitlines())


def _readers(secret: PlannedSecret) -> Iterator[str]:
    """Who can, in numbers and by name; nothing where only parts of Kubernetes itself can, before as after."""
    before, after = set(secret.readers_before), set(secret.readers_after)
    if not before | after:
        return
    yield f"  who can read it, beside Kubernetes itself: {len(before)} now, {len(after)} afterwards"
    for heading, names in (("no longer", before - after), ("as before", before & after), ("newly", after - before)):
        if names:
            yield f"    {heading}: {_some(names)}"


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return ", ".join(ordered[:_SHOWN]) + more


def _of_all(plan: Plan) -> list[str]:
    """The places that keep every one of the keys: said once."""
    first, *others = (secret.cannot_scrub for secret in plan.secrets)
    return [line for line in first if all(line in other for other in others)]


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
