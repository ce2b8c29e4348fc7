"""Plans for files: manifests, scripts and files that are keys, in place of the objects of a cluster."""
