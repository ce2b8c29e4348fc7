"""A small repository that git-crypt keeps: only what is encrypted leaves this module, and the key that it is given."""

from collections.abc import Mapping

from tests.harden_secrets.keys.programs import run, workshop

CLEAR = b"what stands here in clear is for those who have the key\n"


def encrypted_bundle(key: bytes, more: Mapping[str, bytes] | None = None) -> bytes:
    """A git bundle of one commit whose file ``credentials`` holds ``CLEAR``, encrypted with the key by git-crypt.

    There may be ``more`` files, by name and content, encrypted alike.
    """
    files = {"credentials": CLEAR, **(more or {})}
    with workshop() as folder:
        (folder / "key").touch(0o600)
        (folder / "key").write_bytes(key)
        repository = folder / "infra"
        run("git", "init", "-q", "-b", "main", repository)
        run("git-crypt", "unlock", "../key", folder=repository)
        lines = [f"{name} filter=git-crypt diff=git-crypt\n" for name in files]
        (repository / ".gitattributes").write_text("".join(lines))
        for name, content in files.items():
            (repository / name).write_bytes(content)
        run("git", "add", ".", folder=repository)
        who = ("-c", "user.name=Test", "-c", "user.email=test@harden.test", "-c", "commit.gpgsign=false")
        run("git", *who, "commit", "-q", "-m", "Keep credentials", folder=repository)
        run("git", "bundle", "create", "-q", "../bundle", "main", "HEAD", folder=repository)
        assert run("git", "cat-file", "blob", "HEAD:credentials", folder=repository).startswith(b"\0GITCRYPT\0")
        return (folder / "bundle").read_bytes()
