"""Whether a pod was made after a Secret got the value that it has now: the proof where nobody can look. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from harden_secrets.cluster.port import Manifest
from harden_secrets.rotate.delivery.marking import marked


def is_fresh(pod: Manifest, secret: Manifest, mark: str) -> bool:
    """Whether its template was marked for this very state of the Secret, or the pod is younger than that.

    Both times are the API server's, in whole seconds: within the same second nothing is known.
    """
    if marked(pod, mark) == secret["metadata"]["resourceVersion"]:
        return True
    made, written = _time(pod["metadata"].get("creationTimestamp")), written_at(secret)
    return made is not None and written is not None and made > written


def written_at(secret: Manifest) -> datetime | None:
    """When the data of a Secret was changed last, as `metadata.managedFields` says; None where it does not."""
    entries = secret["metadata"].get("managedFields") or ()
    times = [_time(one.get("time")) for one in entries if "f:data" in (one.get("fieldsV1") or {})]
    return max((time for time in times if time is not None), default=None)


def restarted_after(workload: Manifest, annotation: str, moment: datetime | None) -> bool:
    """Whether a template's annotation with a time (RFC 3339) says that or a later one."""
    metadata: Mapping[str, Any] = ((workload.get("spec") or {}).get("template") or {}).get("metadata") or {}
    at = _time((metadata.get("annotations") or {}).get(annotation))
    return at is not None and moment is not None and at >= moment


def _time(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None  # the other sort cannot be compared with it
