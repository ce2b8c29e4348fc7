"""Namespaces around the whole demonstration, so that it cannot touch the host and leaves nothing behind.

The demonstration runs as process 1 of a PID namespace of its own, with a mount and a network namespace of its
own and an empty /run. When that process ends, by whatever cause, the kernel kills everything that was started in
it and with that the last references to the network namespaces go (pid_namespaces(7)). Whoever is not root
gets a user namespace too (user_namespaces(7)).
"""

import contextlib
import ctypes
import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harden.errors import HardenError

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_SLAVE = 0x1000, 0x4000, 1 << 19
PR_SET_PDEATHSIG = 1
WORK = Path("/run/demo")
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
TUN = Path("/dev/net/tun")


@dataclass(frozen=True, slots=True)
class Ended:
    """How the demonstration ended. ``pid`` is that of the process that still holds the namespaces, or None."""

    status: int
    pid: int | None
    user_namespace: bool


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _unshare(flags: int) -> int:
    """The errno, 0 when done. ``os.unshare`` is there from Python 3.12 only."""
    return 0 if _libc().unshare(flags) == 0 else ctypes.get_errno()


def _mount(source: str, target: str, kind: str, flags: int = 0) -> None:
    done = _libc().mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), None)
    if done != 0:
        raise HardenError(
            f"cannot mount {kind or 'anything'} at {target}: {os.strerror(ctypes.get_errno())}",
            "in a container, start it with --privileged",
        )


def _leave_host() -> bool:
    """Unshare from the host; the return value says whether a user namespace was needed for it."""
    uid, gid = os.geteuid(), os.getegid()
    flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET
    error = _unshare(flags) if uid == 0 else errno.EPERM
    if error == 0:
        return False
    if error == errno.EPERM:
        error = _unshare(flags | CLONE_NEWUSER)
    if error:
        raise HardenError(f"cannot make namespaces: {os.strerror(error)}", "run it as root")
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    except OSError as e:
        # Ubuntu 24.04 lets anyone make a user namespace and takes all rights in it away.
        raise HardenError(f"this host does not let users have namespaces of their own: {e}", "run it as root") from e
    return True


def _furnish() -> None:
    """Mounts of our own: nothing propagates to the host, /proc shows our processes, /run is empty."""
    _mount("none", "/", "", MS_REC | MS_SLAVE)
    _mount("proc", "/proc", "proc")
    _mount("tmpfs", "/run", "tmpfs")
    for folder in (Path("/run/netns"), Path("/run/wireguard"), WORK):
        folder.mkdir(mode=0o700)
    if not os.access(TUN, os.R_OK | os.W_OK) and not Path("/sys/module/wireguard").exists():
        raise HardenError(f"no access to {TUN}, which WireGuard in userspace needs", "run it as root")


def leave_mounts() -> None:
    """From now on what this process mounts is seen by itself and its children only. For use inside the sandbox."""
    if error := _unshare(CLONE_NEWNS):
        raise HardenError(f"cannot make a mount namespace: {os.strerror(error)}")
    _mount("none", "/", "", MS_REC | MS_SLAVE)


def bind(what: Path, where: Path) -> None:
    """Lay a file or a folder, with what is mounted in it, over another."""
    _mount(str(what), str(where), "", MS_BIND | MS_REC)


def complain(error: HardenError) -> None:
    """Say on standard error what went wrong."""
    for message in error.messages:
        print(f"demo: error: {message}", file=sys.stderr)
    for hint in error.hints:
        print(f"demo: hint: {hint}", file=sys.stderr)


def _stop(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _guarded(tell: Callable[[], int]) -> int:
    """The exit status of ``tell``, whatever it raises: nothing may run on past the fork."""
    try:
        _furnish()
        return tell()
    except HardenError as e:
        complain(e)
        return e.exit_status
    except SystemExit as e:
        print("demo: stopped", file=sys.stderr)
        return e.code if isinstance(e.code, int) else 1
    except BaseException:  # noqa: BLE001 - a defect: shown whole, and never carried into the parent's code
        traceback.print_exc()
        return 1


def _linger() -> None:
    """Hold the namespaces until someone ends us, away from the terminal."""
    _libc().prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


def _first_process(tell: Callable[[], int], keep: bool, report: int) -> None:
    _libc().prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for number in FORWARDED:
        signal.signal(number, _stop)
    status = 1
    try:
        status = _guarded(tell)
        sys.stdout.flush()
        sys.stderr.flush()
        lingers = keep and status < 128
        os.write(report, bytes([status, lingers]))
        os.close(report)
        if lingers:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
            _linger()
    finally:
        os._exit(status)


def _pass_on(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def run(tell: Callable[[], int], *, keep: bool = False) -> Ended:
    """Run ``tell`` inside the sandbox and return when it is done; with ``keep`` its namespaces then stay.

    The calling process itself leaves the host's namespaces for good. Raises HardenError where the host
    does not allow it.
    """
    user_namespace = _leave_host()
    receive, report = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(receive)
        _first_process(tell, keep, report)
    os.close(report)
    for number in FORWARDED:
        signal.signal(number, lambda received, _frame: _pass_on(pid, received))
    answer = os.read(receive, 2)
    if len(answer) == 2 and answer[1]:
        return Ended(answer[0], pid, user_namespace)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return Ended(128 - code if code < 0 else code, None, user_namespace)
