"""Files that people write: YAML that knows its lines, what is wrong with it, and words to say so."""
