"""One fleet for all of these tests, and one controller for each Ansible: what differs is what is on the gateways."""

from collections.abc import Iterator

import pytest
from ansible_lab.collection import archive, installed
from ansible_lab.controller import Controller, Inventory
from ansible_lab.editions import EDITIONS
from ansible_lab.gateways import Fleet

NAMES = ("amsterdam", "bucharest", "cluj")


@pytest.fixture(name="fleet", scope="session")
def _fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Three gateways with tunnels, and three that are hard to get at."""
    with Fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        for name in NAMES:
            fleet.gateway(name, "PermitRootLogin no" if name == "cluj" else "")
        fleet.gateway("six", ipv6=True)
        fleet.gateway("behind", behind=fleet.gateways[NAMES[0]])
        fleet.gateway("bare", harden=False)
        yield fleet


@pytest.fixture(name="inventory")
def _inventory(fleet: Fleet) -> Inventory:
    """The three with tunnels, as they were made. They are reached as ops, who has sudo, since one refuses root."""
    gateways = tuple(fleet.gateways[name] for name in NAMES)
    for gateway in gateways:
        gateway.reset()
    return Inventory(gateways, become=True)


@pytest.fixture(name="controllers", scope="session")
def _controllers(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Controller]]:
    """One for each Ansible, with the collection as it is installed from its archive."""
    folder = tmp_path_factory.mktemp("controllers")
    made = archive(folder)
    controllers = {
        edition: Controller(fleet, folder / edition, edition, collections=installed(made, folder / f"{edition}-has"))
        for edition in EDITIONS
    }
    yield controllers
    for controller in controllers.values():
        controller.close()


@pytest.fixture(name="controller", params=EDITIONS)
def _controller(controllers: dict[str, Controller], request: pytest.FixtureRequest) -> Controller:
    """The test is run with each Ansible."""
    return controllers[request.param]


@pytest.fixture(name="newest")
def _newest(controllers: dict[str, Controller]) -> Controller:
    """The newest Ansible is enough for what does not depend on it."""
    return controllers["newest"]
