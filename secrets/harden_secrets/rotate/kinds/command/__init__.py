"""Keys that a program of the user's makes, installs and proves, by a protocol of harden's."""

from harden_secrets.rotate.kinds.command.rotator import command_rotator

__all__ = ["command_rotator"]
