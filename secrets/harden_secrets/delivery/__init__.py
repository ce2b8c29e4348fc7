"""What brings a value from Vault to its consumers: a Secret of ours, one of two operators', or a file."""
