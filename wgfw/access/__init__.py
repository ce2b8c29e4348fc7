"""Access as sets of packets: what each client may open, and what a change of the policy gives and takes."""

from wgfw.access.change import AccessChange, Direction, Grant, Group, Kind
from wgfw.access.diff import diff_access

__all__ = ["AccessChange", "Direction", "Grant", "Group", "Kind", "diff_access"]
