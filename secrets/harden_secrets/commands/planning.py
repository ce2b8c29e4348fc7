"""``harden secrets plan``."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from harden.errors import ANSWER_IS_NO, UsageError
from harden.output import Output
from harden.progress import progress
from harden_secrets.commands.surveying import survey
from harden_secrets.commands.workplace import Workplace
from harden_secrets.migrate.folder import new_id
from harden_secrets.migrate.standing import moved_before
from harden_secrets.plan import file
from harden_secrets.plan.cluster import build
from harden_secrets.plan.paths import absolute
from harden_secrets.plan.text import plan_lines
from harden_secrets.plan.values import Plan
from harden_secrets.plan.world import Request


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says besides the request."""

    paths: tuple[str, ...]
    cluster: bool
    namespace: str
    to: Path | None


def accounts(readers: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """ServiceAccounts from ``NAMESPACE/NAME``. Raises UsageError for what is none."""
    made = []
    for reader in readers:
        namespace, slash, name = reader.partition("/")
        if not (namespace and slash and name):
            raise UsageError(
                f"--reader {reader}: is no ServiceAccount", "give its namespace and name: --reader ci/deployer"
            )
        made.append((namespace, name))
    return tuple(made)


def make_plan(asked: Asked, request: Request, place: Workplace, output: Output) -> int:
    """Makes the plan, prints it and writes it. 3: there is something to do. Raises HardenError."""
    if not asked.paths and not asked.cluster:
        raise UsageError("nothing to plan for", "name a path, or --cluster")
    if asked.namespace and not asked.cluster:
        raise UsageError("--namespace goes with --cluster", "add --cluster")
    address, mount = place.vault_address()
    paths = {name: entry.path for name, entry in place.inventory.secrets.items()}
    known = moved_before(place.folder, address, mount)
    request = replace(request, vault_address=address, mount=mount, paths=paths, known=known)
    plan = _for_cluster(asked, request, place, output) if asked.cluster else _for_files(asked, request, place, output)
    if asked.to is not None:
        file.write(asked.to, file.as_text(plan))
    if output.as_json:
        output.document(file.as_document(plan))
    else:
        for line in plan_lines(plan, str(asked.to) if asked.to else ""):
            output.line(line)
    return ANSWER_IS_NO if plan.secrets else 0


def _for_files(asked: Asked, request: Request, place: Workplace, output: Output) -> Plan:
    from harden_secrets.plan.files.making import plan_files  # noqa: PLC0415 - only who asks for it waits for it

    now = datetime.now(UTC)
    return plan_files(asked.paths, request, place.fingerprints(), new_id(now), now.isoformat(), output)


def _for_cluster(asked: Asked, request: Request, place: Workplace, output: Output) -> Plan:
    cluster = place.cluster(output)
    world = survey(cluster, asked.namespace, asked.paths, place.fingerprints(), asked.to, output)
    now = datetime.now(UTC)
    with progress(output, "planning"):
        wanted = replace(request, deliver=request.deliver or "direct")
        return absolute(build(world, wanted, new_id(now), now.isoformat()))
