"""What performers have in common that look and change nothing."""

from harden_secrets.confidential import Confidential
from harden_secrets.migrate.performers.site import Site
from harden_secrets.migrate.step import Step


class Look:
    """Nothing to note before, nothing to undo: the step that it is for only has to hold."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def capture(self, step: Step) -> Confidential:
        """Nothing: there will be nothing to undo."""
        return Confidential(b"")

    def undo(self, step: Step, before: Confidential) -> None:
        """Nothing was changed."""
