"""Where blobs come from: files, the objects of a git repository, a live cluster."""
