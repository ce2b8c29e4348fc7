"""The names that a person uses for clients, networks and services of one policy."""

from collections import Counter
from collections.abc import Mapping

from harden.errors import HardenError
from wgfw.intervals import IntervalSet
from wgfw.policy.document import Network
from wgfw.policy.model import Client, Policy
from wgfw.policy.terms import parse_service
from wgfw.policy.wording import did_you_mean, quote


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
        self._twice = {name for name, count in Counter(c.name for c in policy.clients).items() if count > 1}
        self._clients: dict[str, Client] = {}
        for client in policy.clients:
            self._clients.setdefault(f"{client.interface}/{client.name}", client)
        for client in policy.clients:
            if client.name not in self._twice:
                self._clients[client.name] = client

    def label(self, client: Client) -> str:
        """The client's name; ``wg1/anca`` where another interface has an ``anca`` too."""
        return f"{client.interface}/{client.name}" if client.name in self._twice else client.name

    def client(self, name: str) -> Client:
        """The client of that name, alone or with its interface. Raises HardenError."""
        found = self._clients.get(name)
        if found is not None:
            return found
        if name in self._twice:
            those = sorted(self.label(c) for c in self.policy.clients if c.name == name)
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
