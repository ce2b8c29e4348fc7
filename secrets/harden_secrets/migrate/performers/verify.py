"""At the end: look at everything once more."""

from collections.abc import Mapping
from typing import Any

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.migrate.performers.deliver import wrong_keys
from harden_secrets.migrate.performers.site import Site
from harden_secrets.migrate.step import Step
from harden_secrets.plan.values import Copy


class Verify:
    """No copy where the plan removes it, and every delivered Secret as Vault has it. Changes nothing."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def capture(self, step: Step) -> Confidential:
        """Nothing: there will be nothing to undo."""
        return Confidential(b"")

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """Raises HardenError with everything that is not as it should be."""
        secret = self._site.secret(step)
        wrong = [f"{copy.source}: the key is there again" for copy in secret.copies if self._is_there(copy)]
        for delivery in secret.deliveries:
            if not delivery.path and (keys := wrong_keys(self._site, secret, delivery)):
                wrong.append(f"secret {delivery.namespace}/{delivery.secret}: not as Vault has it: {', '.join(keys)}")
        if wrong:
            raise HardenError(wrong, "see who changed it; then harden secrets resume, or harden secrets rollback")
        return {"removed": sum(copy.removal != "leave" for copy in secret.copies)}

    def undo(self, step: Step, before: Confidential) -> None:
        """Nothing was changed."""

    def _is_there(self, copy: Copy) -> bool:
        if copy.removal not in ("delete-object", "remove-key") or copy.object is None:
            return False
        now = self._site.cluster.get(copy.object)
        return now is not None and copy.key in (now.get(copy.pointer.split("/")[1]) or {})
