"""The kernel's packet filter: reading what is there, bringing it in line, and remembering the last good rules."""
