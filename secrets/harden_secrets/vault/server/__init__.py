"""The embedded Vault for those without one: an OpenBao server on loopback, its data on disk."""
