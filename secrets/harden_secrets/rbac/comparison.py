"""Who could read a key before it is moved, and who can afterwards."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.rbac.estate import Estate
from harden_secrets.rbac.readers import Readers
from harden_secrets.rbac.search import find_readers
from harden_secrets.rbac.subjects import Subject


@dataclass(frozen=True, slots=True)
class Comparison:
    """The readers of the object that holds a key today, and of the Secret that will."""

    before: Readers
    after: Readers

    @property
    def lost(self) -> tuple[Subject, ...]:
        """Who can no longer; sorted."""
        return tuple(one for one in self.before.subjects() if one not in self.after)

    @property
    def gained(self) -> tuple[Subject, ...]:
        """Who could not before; sorted."""
        return tuple(one for one in self.after.subjects() if one not in self.before)

    def document(self) -> dict[str, Any]:
        """For a plan: subjects as texts, with the ways left out."""
        return {
            "before": [str(one) for one in self.before.subjects()],
            "after": [str(one) for one in self.after.subjects()],
            "lost": [str(one) for one in self.lost],
            "gained": [str(one) for one in self.gained],
        }


def before_after(estate: Estate, old: ObjectName, new: ObjectName, changes: Iterable[Manifest] = ()) -> Comparison:
    """The readers of ``old`` as things are, and of ``new`` once ``changes`` are made.

    ``changes`` are objects as they will be: Roles and RoleBindings that are added, workloads that refer to the Secret.
    """
    return Comparison(find_readers(estate, old), find_readers(estate.changed(changes), new))
