"""A small repository that git-crypt keeps: only what is encrypted leaves this module, and the key that it is given."""

from tests.harden_secrets.keys.programs import run, workshop

CLEAR = b"what stands here in clear is for those who have the key\n"


def encrypted_bundle(key: bytes) -> bytes:
    """A git bundle of one commit whose file ``credentials`` holds ``CLEAR``, encrypted with the key by git-crypt."""
    with workshop() as folder:
        (folder / "key").touch(0o600)
        (folder / "key").write_bytes(key)
        repository = folder / "infra"
        run("git", "init", "-q", "-b", "main", repository)
        run("git-crypt", "unlock", "../key", folder=repository)
        (repository / ".gitattributes").write_text("credentials filter=git-crypt diff=git-crypt\n")
        (repository / "credentials").write_bytes(CLEAR)
        run("git", "add", ".", folder=repository)
        who = ("-c", "user.name=Test", "-c", "user.email=test@harden.test", "-c", "commit.gpgsign=false")
        run("git", *who, "commit", "-q", "-m", "Keep credentials", folder=repository)
        run("git", "bundle", "create", "-q", "../bundle", "main", "HEAD", folder=repository)
        assert run("git", "cat-file", "blob", "HEAD:credentials", folder=repository).startswith(b"\0GITCRYPT\0")
        return (folder / "bundle").read_bytes()
