"""The demonstration: a gateway before and after a policy, and keys from files into a Vault."""
