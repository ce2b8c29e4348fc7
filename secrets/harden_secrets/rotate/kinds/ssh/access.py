"""A target as one logs in to it: the way there, the files that ssh needs, the words for what went wrong."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from harden.errors import HardenError
from harden_secrets.inventory.model import Jump, Target
from harden_secrets.missingprogram import not_run
from harden_secrets.rotate.kinds.ssh.client import ENVIRONMENT, FIXED_ENVIRONMENT, Hop, argv
from harden_secrets.rotate.kinds.ssh.keypair import KeyPair
from harden_secrets.rotate.kinds.ssh.speech import Speech, limit_files
from harden_secrets.rotate.kinds.ssh.verdict import Answer, Verdict, judge
from harden_secrets.rotate.memoryfile import memory_file

_TARGET_ALIAS = "target"


@dataclass(frozen=True, slots=True)
class Access:
    """Who logs in to a target and with which key; ``passing`` are the keys for the hosts on the way."""

    target: Target
    user: str
    key: KeyPair
    passing: tuple[KeyPair, ...]

    @property
    def host(self) -> str:
        """As ssh wants it: an IPv6 address without brackets."""
        return _bare(self.target.host)

    @property
    def where(self) -> str:
        """The one who logs in and where, for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host} port {self.target.port}"

    @contextmanager
    def started(self, last: Sequence[str], said: Speech) -> Iterator["subprocess.Popen[bytes]"]:
        """An ssh that one talks to; it is ended with the block. Raises HardenError if there is none."""
        with ExitStack() as stack:
            command = argv(self._hops(stack), last, said.path)
            pipe = subprocess.PIPE
            environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ} | FIXED_ENVIRONMENT
            try:
                process = subprocess.Popen(
                    command, stdin=pipe, stdout=pipe, stderr=said.errors_file, env=environment, bufsize=0
                )
            except OSError as error:
                raise not_run("ssh", "openssh-client", error) from error
            try:
                limit_files(process)
                yield process
            finally:
                _end(process)

    def verdict(self, said: Speech) -> Verdict:
        """What the host has answered, as far as it has."""
        return judge(said.log, said.errors, self.user, self.host, self.key.fingerprint)

    def failure(self, verdict: Verdict) -> HardenError:
        """What to say where the login was to succeed and did not."""
        if verdict.answer is Answer.WRONG_HOST:
            return self._wrong_host(verdict)
        if verdict.answer is Answer.REFUSED:
            return HardenError(f"{self.where}: the key {self.key.fingerprint} is refused: {verdict.words}")
        if verdict.answer is Answer.OTHERWISE:
            hint = "nothing can be proved of a key there: is the password empty, and PermitEmptyPasswords set?"
            return HardenError(f"{self.where}: anybody is let in, without a key", hint)
        hint = f"see whether the host is up and sshd answers at port {self.target.port}; then run it again"
        if "with partial success" in verdict.words:
            hint = "the host wants more than a key (AuthenticationMethods): exempt this user there, with a Match block"
        return HardenError(f"{self.where}: cannot be logged in to: {verdict.words}", hint)

    def _wrong_host(self, verdict: Verdict) -> HardenError:
        name = self.target.host
        if verdict.alias != _TARGET_ALIAS:
            at = verdict.alias.removeprefix("jump")
            name = self.target.jump[int(at)].host if at.isdigit() and int(at) < len(self.target.jump) else verdict.alias
        key = "/etc/ssh/ssh_host_ed25519_key.pub"
        return HardenError(
            f"{self.where}: the host key of {name} is not one that the inventory has pinned: nothing was sent there",
            (
                f"if the host was set up anew, take its key from its console ({key}), and write it into host_key",
                "if nobody knows why it has changed, somebody may stand between: do not take it over the network",
            ),
        )

    def _hops(self, stack: ExitStack) -> list[Hop]:
        def file(content: bytes) -> str:
            return stack.enter_context(memory_file(content))

        keys = {key.blob: file(key.private.reveal()) for key in (self.key, *self.passing)}
        on_the_way = tuple(keys[key.blob] for key in self.passing)
        hops = [
            Hop(
                _bare(jump.host),
                jump.port,
                jump.user or self.user,
                f"jump{at}",
                file(_pinned(jump, f"jump{at}")),
                on_the_way,
            )
            for at, jump in enumerate(self.target.jump)
        ]
        known = file(_pinned(self.target, _TARGET_ALIAS))
        return [*hops, Hop(self.host, self.target.port, self.user, _TARGET_ALIAS, known, (keys[self.key.blob],))]


def _pinned(host: Target | Jump, alias: str) -> bytes:
    return "".join(f"{alias} {key}\n" for key in host.host_keys).encode()


def _bare(host: str) -> str:
    return host.removeprefix("[").removesuffix("]")


def _end(process: "subprocess.Popen[bytes]") -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
