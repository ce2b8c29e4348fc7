"""Keys that a program of the user's makes, installs and proves, by a protocol of harden's."""

from harden_secrets.inventory.model import SecretEntry
from harden_secrets.rotate.kinds.command.program import Program
from harden_secrets.rotate.kinds.command.rotator import CommandRotator
from harden_secrets.rotate.kinds.targetnames import target_names
from harden_secrets.rotate.rotator import Rotator

ONLY_TARGET = "command"


def command_rotator(entry: SecretEntry) -> Rotator:
    """The rotator of an entry of kind ``command``. Raises HardenError where two of its targets have one name."""
    targets = target_names(entry) or (ONLY_TARGET,)
    return CommandRotator(entry.name, Program(entry.command, entry.timeout), targets)
