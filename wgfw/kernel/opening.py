"""From the options of a command to a reconciler: the right namespace, the right backend, the right state."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from harden.errors import HardenError
from harden.state import state_root
from wgfw.kernel.backend import BACKENDS, Backend, Choice, choose, confirm
from wgfw.kernel.detached import uninterrupted
from wgfw.kernel.diagnosis import UnreadableTableError
from wgfw.kernel.iptables import Iptables
from wgfw.kernel.namespace import name_of_this, path_of
from wgfw.kernel.programs import find_programs, preferred_backend, require_root
from wgfw.kernel.reading import KernelFamily
from wgfw.kernel.reconcile import Reconciler
from wgfw.kernel.state import StateDirectory


def state_directory(
    netns: str | None, state: Path | None, environment: Mapping[str, str] = os.environ
) -> StateDirectory:
    """The state of a namespace; parameters as those of :class:`Opening`."""
    return StateDirectory(state_root(state, environment), netns or name_of_this())


class Opening:
    """Starts reading the kernel when it is made, so that a policy can be read and compiled meanwhile.

    ``netns`` is a name of ``ip netns``, None for the namespace of this process; ``state`` the folder of --state.
    Raises HardenError where the process may not read rules, the backend asked for is missing, or the namespace is.
    """

    def __init__(
        self,
        backend: Backend | Literal["auto"] = "auto",
        netns: str | None = None,
        state: Path | None = None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        if netns is not None:
            path_of(netns)
        require_root()
        self.asked = backend
        self.state = state_directory(netns, state, environment)
        self._kernels: dict[Backend, Iptables] = {}
        for name in BACKENDS:
            programs = find_programs(name, netns)
            if name == backend or "iptables-save" in programs.found:
                self._kernels[name] = Iptables(programs)
        self._token = self.state.token()
        try:
            for kernel in self._kernels.values():
                kernel.begin_reading()
        except BaseException:
            self.cancel()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    def reconciler(self) -> Reconciler:
        """The reconciler of the chosen backend. Raises HardenError where none works or none can be chosen."""
        choice, kernel = self._choice()
        reconciler = Reconciler(kernel, self.state, run=uninterrupted, notes=choice.notes)
        reconciler.begin(self._token)
        return reconciler

    def kernel(self) -> Iptables:
        """The kernel through the chosen backend, for those who only read."""
        return self._choice()[1]

    def cancel(self) -> None:
        """Nobody will ask: end what was started. Not needed once there is a reconciler or a kernel."""
        for kernel in self._kernels.values():
            kernel.cancel_reading()

    def _choice(self) -> tuple[Choice, Iptables]:
        try:
            choice, kernel = self._chosen()
        except BaseException:
            self.cancel()
            raise
        for other in self._kernels.values():
            if other is not kernel:
                other.cancel_reading()
        return choice, kernel

    def _chosen(self) -> tuple[Choice, Iptables]:
        failures: list[HardenError] = []
        holdings: dict[Backend, tuple[KernelFamily, ...]] = {}
        for name, kernel in self._kernels.items():
            try:
                holdings[name] = tuple(kernel.peek(family) for family in kernel.families())
            except HardenError as error:
                kernel.cancel_reading()
                if name == self.asked or (self.asked == "auto" and isinstance(error, UnreadableTableError)):
                    raise
                failures.append(error)
        if self.asked == "auto" and not holdings and failures:
            raise HardenError([m for e in failures for m in e.messages], [h for e in failures for h in e.hints])
        choice = choose(holdings, preferred_backend()) if self.asked == "auto" else confirm(self.asked, holdings)
        return choice, self._kernels[choice.backend]
