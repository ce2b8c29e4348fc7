"""One generation of rules as a value: what is remembered of what was written."""

from collections.abc import Mapping
from dataclasses import dataclass, field

# Changes whenever what is remembered changes.
Token = tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One generation of rules.

    ``policy`` is what the caller wants to find again with it (JSON text, as it was given); ``digest`` names the rule
    set. ``texts`` are the rules by family. ``version`` of iptables printed them; None says that they are our own
    text, not the kernel's. ``created`` names the tables that did not exist before we wrote, by family.
    """

    policy: str = ""
    digest: str = ""
    backend: str = ""
    version: str | None = None
    texts: Mapping[int, str] = field(default_factory=dict)
    created: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether it holds no rule at all."""
        return not any(self.texts.values())
