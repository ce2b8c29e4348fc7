"""Pages of docs/reference that are made from the code. ``scripts/write_reference.py`` writes them."""
