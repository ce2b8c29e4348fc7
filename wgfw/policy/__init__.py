"""The policy: what a person wrote, and what it means for the peers that are there."""
