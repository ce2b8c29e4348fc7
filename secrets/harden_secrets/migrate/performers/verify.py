"""At the end: look at everything once more."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harden.errors import HardenError
from harden_secrets.cluster.port import ObjectName
from harden_secrets.confidential import Confidential
from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, examine
from harden_secrets.finding import ObjectField
from harden_secrets.migrate.performers.deliver import wrong_keys
from harden_secrets.migrate.performers.look import Look
from harden_secrets.migrate.performers.taking import entry, holds_key
from harden_secrets.migrate.step import Step
from harden_secrets.plan.values import Copy, PlannedSecret


class Verify(Look):
    """No copy where the plan removes it, and every delivered Secret as Vault has it. Changes nothing."""

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """Raises HardenError with everything that is not as it should be."""
        secret = self._site.secret(step)
        taken = [copy for copy in secret.copies if copy.removal != "leave"]
        wrong = [f"{copy.source}: the key is there again" for copy in taken if self._is_there(secret, copy)]
        for delivery in secret.deliveries if self._site.plan.mode == "cluster" else ():
            if keys := wrong_keys(self._site, secret, delivery):
                wrong.append(f"secret {delivery.namespace}/{delivery.secret}: not as Vault has it: {', '.join(keys)}")
        if wrong:
            raise HardenError(wrong, "see who changed it; then harden secrets resume, or harden secrets rollback")
        return {"removed": len(taken)}

    def _is_there(self, secret: PlannedSecret, copy: Copy) -> bool:
        if copy.object is None or self._site.plan.mode == "files":
            return self._is_in_file(secret, copy)
        now = self._site.cluster.get(copy.object)
        if now is None:
            return False
        if copy.removal == "repoint":
            return holds_key(now, copy.pointer, secret.fingerprint, self._site.fingerprints)
        return entry(now, copy) is not None

    def _is_in_file(self, secret: PlannedSecret, copy: Copy) -> bool:
        path = Path(copy.source)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise HardenError(f"{path}: cannot be read: {error.strerror}") from None
        found = (seen for seen in examine(data, str(path), DETECTORS) if isinstance(seen, Sighting))
        # Another field of the file may be one that the plan leaves.
        return any(
            self._site.fingerprints.of(seen.detection) == secret.fingerprint
            and (copy.object is None or _is_field(seen.object, copy.object, copy.pointer))
            for seen in found
        )


def _is_field(seen: ObjectField | None, of: ObjectName, pointer: str) -> bool:
    """Whether something was seen at a field; a plan names fields as the API server has them, without `stringData`."""
    if seen is None or (seen.kind, seen.namespace, seen.name) != (of.kind, of.namespace, of.name):
        return False
    return seen.field.replace("/stringData/", "/data/", 1) == pointer
