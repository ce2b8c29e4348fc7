"""The demonstration: a gateway with WireGuard in namespaces of its own, before and after a policy."""
