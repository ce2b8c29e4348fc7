"""The plan: where each key goes, who uses it, what changes for them. A value, and a file for people and machines."""
