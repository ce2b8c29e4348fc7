"""The names that a person uses for clients, networks and services of one policy."""

from collections.abc import Mapping

from harden.document.wording import did_you_mean, quote
from harden.errors import HardenError
from wgfw.intervals import IntervalSet
from wgfw.policy.document import Network
from wgfw.policy.model import Client, Policy
from wgfw.policy.terms import parse_service


class Directory:
    """Looks up what questions name. ``networks`` and ``services`` are those that the policy file defines."""

    def __init__(
        self,
        policy: Policy,
        networks: Mapping[str, Network] | None = None,
        services: Mapping[str, IntervalSet] | None = None,
    ) -> None:
        self.policy = policy
        self.networks = networks or {}
        self._own_services = services or {}
        self._services: dict[str, IntervalSet] = dict(self._own_services)
        self._clients = {client.name: client for client in policy.clients}
        # Where two interfaces have an anca, the clients are wg0/anca and wg1/anca. With its interface, any name works.
        self._of_interfaces: dict[str, list[Client]] = {}
        for client in policy.clients:
            bare = client.name.removeprefix(f"{client.interface}/")
            self._clients.setdefault(f"{client.interface}/{bare}", client)
            if bare != client.name:
                self._of_interfaces.setdefault(bare, []).append(client)

    def client(self, name: str) -> Client:
        """The client of that name, alone or with its interface. Raises HardenError."""
        found = self._clients.get(name)
        if found is not None:
            return found
        if name in self._of_interfaces:
            those = sorted(client.name for client in self._of_interfaces[name])
            raise HardenError(f"more than one client is called {quote(name)}", f"say which: {', '.join(those)}")
        raise HardenError(f"unknown client {quote(name)}{did_you_mean(name, self._clients)}")

    def service(self, name: str) -> IntervalSet:
        """The points of a service's name or notation. Raises HardenError."""
        found = self._services.get(name)
        if found is None:
            try:
                found = self._services[name] = parse_service(name, self._own_services)
            except ValueError as error:
                raise HardenError(str(error)) from error
        return found
