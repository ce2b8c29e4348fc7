"""Vault and OpenBao: what we need of a KV version 2 store, how to reach one, and a server for those without."""
