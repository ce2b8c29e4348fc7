"""``harden secrets runs`` and ``harden secrets log verify``."""

from typing import Any

from harden.errors import ANSWER_IS_NO
from harden.output import Output
from harden_secrets.audit import AuditLog
from harden_secrets.commands.workplace import Workplace
from harden_secrets.migrate.event import Event
from harden_secrets.migrate.folder import RunFolder, run_ids
from harden_secrets.migrate.journal import Journal
from harden_secrets.migrate.standing import standing
from harden_secrets.migrate.step import steps


def list_runs(place: Workplace, output: Output) -> int:
    """Every run with where it stands, the oldest first."""
    runs = [_entry(RunFolder(place.folder, run_id)) for run_id in run_ids(place.folder)]
    if output.as_json:
        output.document({"runs": runs})
        return 0
    rows = [(run["run"], run["state"], f"{run['done']} of {run['steps']}", ", ".join(run["secrets"])) for run in runs]
    output.table(["run", "state", "steps", "keys"], rows, empty="no runs yet")
    return 0


def _entry(folder: RunFolder) -> dict[str, Any]:
    plan = folder.plan
    journal = Journal(folder.path, folder.id, None)
    made = steps(plan)
    states = [journal.state(step.id) for step in made]
    return {
        "run": folder.id,
        "plan": plan.id,
        "state": standing(folder),
        "mode": plan.mode,
        "steps": len(made),
        "done": sum(state is not None and state.event is Event.DONE for state in states),
        "secrets": [secret.name for secret in plan.secrets],
    }


def verify_log(audit: AuditLog, output: Output) -> int:
    """Whether the audit log is whole. 3: it is not."""
    count, faults = audit.faults()
    if output.as_json:
        found = [{"line": fault.line, "fault": fault.words} for fault in faults]
        output.document({"entries": count, "intact": not faults, "faults": found})
    else:
        for fault in faults:
            output.line(f"{audit.path}:{fault.line}: {fault.words}")
        output.line(f"{count} entries, {'not intact' if faults else 'intact'}")
    return ANSWER_IS_NO if faults else 0
