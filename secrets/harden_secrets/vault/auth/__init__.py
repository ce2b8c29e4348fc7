"""Ways to log in to Vault: one module a method."""
