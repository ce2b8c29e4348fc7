"""Keys of git-crypt: a repository encrypted anew, without its plaintext touching a disk."""
