"""From blobs to a report: worker processes, findings in order, and the forms in which they are shown."""
