"""Kubernetes: what we need of its API, and what its objects say about who uses, owns and reads a secret."""
