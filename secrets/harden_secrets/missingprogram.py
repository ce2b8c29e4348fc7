"""What to say where a program that harden calls cannot be started. Pure."""

from harden.errors import HardenError


def not_run(program: str, package: str, error: OSError) -> HardenError:
    """The error for a person; ``package`` is what Debian and Ubuntu call the package that has the program."""
    if isinstance(error, FileNotFoundError):
        return HardenError(f"{program} is not installed", f"`apt-get install {package}`, or the like, brings it")
    return HardenError(f"{program} cannot be run: {error.strerror}")
