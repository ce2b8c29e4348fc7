"""A policy together with the gateway it is for."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from harden.errors import HardenError
from harden.output import Output
from harden.progress import progress
from wgfw.addresses import AddressSet
from wgfw.compiler import compile_policy
from wgfw.directory import Directory
from wgfw.evaluate import Evaluator
from wgfw.explain import Explainer
from wgfw.kernel.namespace import incarnation, path_of
from wgfw.kernel.opening import Opening, state_directory
from wgfw.kernel.plan import Plan
from wgfw.kernel.programs import require_root
from wgfw.kernel.reconcile import Reconciler
from wgfw.kernel.state import StateDirectory
from wgfw.kernel.trial import Moment
from wgfw.kernel.trials import now_here
from wgfw.peers.links import local_addresses
from wgfw.peers.state import SOURCE
from wgfw.policy.document import Document
from wgfw.policy.elsewhere import with_peers
from wgfw.policy.gather import read_peers
from wgfw.policy.loader import load
from wgfw.policy.model import Policy
from wgfw.policy.resolve import resolve
from wgfw.policy.snapshot import from_json, gateway_in, to_json

READDRESSED = "the gateway's own addresses have changed since the last apply; the next one takes them in"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A policy file and what it means for the peers that are there."""

    document: Document
    policy: Policy

    def explainer(self, now: datetime) -> Explainer:
        """Answers questions about this policy."""
        return Explainer(Evaluator(self.policy, now), self.directory())

    def directory(self) -> Directory:
        """Looks up the names that a person uses."""
        return Directory(self.policy, self.document.networks, self.document.services)


def now() -> datetime:
    """This moment; the one place where the commands look at the clock."""
    return datetime.now(UTC)


def load_policy(path: str, netns: str | None, *, on_gateway: bool | None = None, peers: tuple[str, ...] = ()) -> Loaded:
    """The policy at ``path``, with the peers of ``peers`` (options `[INTERFACE=]FILE`) in place of its own.

    The host's own addresses count as the gateway's if it is the gateway: None means that this is so if one of the
    managed interfaces is here and nobody says where else its peers are. Raises HardenError with all that is wrong.
    """
    document = with_peers(load(path), peers, _folder_of_this()) if peers else load(path)
    found = read_peers(document, netns)
    # Who renders for a gateway may well be one of its clients, with a wg0 and with addresses that come and go.
    elsewhere = bool(peers) and any(entry.peers != SOURCE for entry in document.interfaces.values())
    here = _is_gateway(document, netns, elsewhere=elsewhere) if on_gateway is None else on_gateway
    return Loaded(document, resolve(document, found, local_addresses(netns) if here else AddressSet()))


def _folder_of_this() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError as error:
        raise HardenError("the folder in which this runs was deleted", "run it in another one") from error


def _is_gateway(document: Document, netns: str | None, *, elsewhere: bool) -> bool:
    there = {name for _, name in socket.if_nameindex()}  # of this network namespace; /sys may show another one's
    return netns is not None or (not elsewhere and not there.isdisjoint(document.interfaces))


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where the kernel, its peers and what is remembered of it are to be found.

    ``peers``: options `[INTERFACE=]FILE`, for peers that are not where the policy says.
    """

    netns: str | None = None
    backend: Literal["auto", "nft", "legacy"] = "auto"
    state: Path | None = None
    peers: tuple[str, ...] = ()

    @contextmanager
    def opened(self) -> Iterator[Opening]:
        """Reads the kernel in the background while the block does something else, such as compiling the policy."""
        opening = Opening(self.backend, self.netns, self.state)
        try:
            yield opening
        finally:
            opening.cancel()

    def state_directory(self) -> StateDirectory:
        """What is remembered of it. Raises HardenError without root or where there is no such namespace."""
        if self.netns is not None:
            path_of(self.netns)
        require_root()
        return state_directory(self.netns, self.state)

    def moment(self) -> Moment:
        """This moment in its present life."""
        return now_here(incarnation(self.netns))


@dataclass(frozen=True, slots=True)
class Prospect:
    """A policy, and the plan that brings the kernel in line with it.

    ``readdressed`` says that only the gateway's own addresses have changed since the last apply: interfaces come and
    go on many hosts, and that alone is no reason for alarm.
    """

    loaded: Loaded
    plan: Plan
    readdressed: AddressSet | None = None

    @property
    def in_sync(self) -> bool:
        """Whether the kernel does what the policy says, own addresses aside."""
        return self.plan.in_sync or self.readdressed is not None


def look_ahead(loaded: Loaded, reconciler: Reconciler, output: Output) -> Prospect:
    """What an apply of this policy would do."""
    with progress(output, "comparing the kernel with the policy"):
        rules = compile_policy(loaded.policy)
        plan = reconciler.plan(rules, lambda: to_json(loaded.policy))
    before = gateway_in(plan.current.policy) if plan.current else None
    if plan.in_sync or before is None or before == loaded.policy.gateway:
        return Prospect(loaded, plan)
    as_before = compile_policy(replace(loaded.policy, gateway=before))
    return Prospect(loaded, plan, before if reconciler.plan(as_before, plan.policy_of).in_sync else None)


def stored_policy(text: str, output: Output) -> Policy | None:
    """The policy that is remembered with rules, if one is. A damaged memory of it is worth a warning and no more."""
    if not text:
        return None
    try:
        return from_json(text, "the state of the last apply")
    except HardenError as error:
        output.warning("; ".join((*error.messages, *error.hints)))
        return None
