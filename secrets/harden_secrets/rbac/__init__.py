"""Who can read a ConfigMap or Secret: Kubernetes' RBAC, evaluated on objects that were read before."""
