"""What a git-crypt key has ever encrypted in a repository, and what has to be rotated if somebody else has the key."""
