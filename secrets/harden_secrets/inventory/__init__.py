"""The inventory of secrets (``secrets.yaml``): which there are, where they lie, who gets them, when they change."""
