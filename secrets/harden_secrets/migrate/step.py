"""The steps that a plan comes down to, in the order in which nobody ever is without a key.

For each key: store and read back → for each delivery: deliver, prove the delivered bytes → grants → for each consumer:
repoint, wait for the rollout (put back when it fails), prove what it sees → remove each copy → verify. Steps that
change files come in the same order: the value is in Vault before it leaves the tree.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from harden_secrets.plan.values import Plan, PlannedSecret


class Kind(StrEnum):
    """What a step does."""

    STORE = "store"
    DELIVER = "deliver"
    PROVE_DELIVERY = "prove-delivery"
    GRANT = "grant"
    REPOINT = "repoint"
    PROVE_CONSUMER = "prove-consumer"
    REWRITE_FILE = "rewrite-file"
    REMOVE = "remove"
    VERIFY = "verify"
    RECORD = "record"


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``secret`` and ``index`` say which part of the plan it carries out; ``words`` tell a person."""

    id: str
    kind: Kind
    secret: int
    index: int
    words: str


class _Part(NamedTuple):
    kind: Kind
    number: int
    words: str


def steps(plan: Plan) -> tuple[Step, ...]:
    """All steps of a plan. The same plan always gives the same steps with the same ids."""
    made: list[Step] = []
    for number, secret in enumerate(plan.secrets):
        for part in _parts(secret, plan):
            made.append(Step(f"{number + 1}.{len(made) + 1}-{part.kind}", part.kind, number, part.number, part.words))
    return tuple(made)


def _parts(secret: PlannedSecret, plan: Plan) -> Iterator[_Part]:
    yield _Part(Kind.STORE, 0, f"store {secret.name} in Vault at {plan.vault_mount}/{secret.vault_path}")
    # What files say about deliveries is carried out by whoever applies them.
    for index, delivery in enumerate(secret.deliveries if plan.mode == "cluster" else ()):
        target = delivery.path or f"secret {delivery.namespace}/{delivery.secret}"
        yield _Part(Kind.DELIVER, index, f"deliver {target} ({delivery.to})")
        yield _Part(Kind.PROVE_DELIVERY, index, f"prove the bytes in {target}")
    for index, grant in enumerate(secret.grants):
        who = f"{grant.service_account_namespace}/{grant.service_account}"
        yield _Part(Kind.GRANT, index, f"let serviceaccount {who} read secret {grant.namespace}/{grant.secret}")
    for index, change in enumerate(secret.consumers):
        if change.applies and change.patch:
            yield _Part(Kind.REPOINT, index, f"repoint {change.object}: {change.words}")
            yield _Part(Kind.PROVE_CONSUMER, index, f"prove what {change.object} sees")
    for index, file in enumerate(secret.files):
        yield _Part(Kind.REWRITE_FILE, index, f"rewrite {file.path}")
    for index, copy in enumerate(secret.copies):
        if copy.removal in ("delete-object", "remove-key", "delete-file"):
            yield _Part(Kind.REMOVE, index, f"remove the copy in {copy.source}")
    yield _Part(Kind.VERIFY, 0, f"verify that no copy of {secret.name} is left where the plan removes it")
    yield _Part(Kind.RECORD, 0, f"enter {secret.name} into the inventory")
