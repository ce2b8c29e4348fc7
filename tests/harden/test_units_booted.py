"""The units at work: a host boots, loses its power, boots again, and systemd starts what `install-units` installed."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.booted import HARDEN, BootedHost, wait_for
from lab.tunnel import Keys

from tests.harden_secrets.rotate_programs import kept_in_a_file

POLICY = """version: 1
interface: wg0
peers: /etc/wireguard/wg0.conf
networks: {nas: [192.168.1.10]}
clients:
  anca: CLIENT
"""
ALLOWED = "{profile: quarantine, allow: [{to: nas, services: [tcp/445]}]}"
FORGE = "/srv/forge"
SECRETS = f"""version: 1
secrets:
  token: {{kind: command, path: ci/forge, command: [{FORGE}/program], rotate: {{every: 30d, overlap: 1s}}}}
"""
STORE = """
from harden.output import Output
from harden_secrets.commands.workplace import Workplace
from harden_secrets.confidential import Confidential
Workplace().vault(Output()).write("ci/forge", {"value": Confidential(b"old")}, cas=0)
"""
KEEPER = "/usr/local/lib/harden/keeper"
METRICS = "/var/lib/prometheus/node-exporter"


def conf() -> str:
    """A wg-quick file that notes which rules there are before it makes the interface."""
    return f"""[Interface]
PrivateKey = {Keys.make().private}
Address = 10.8.0.1/24
PreUp = for one in nft legacy; do iptables-$one-save; ip6tables-$one-save; done >/run/before-up
PreUp = ip link >/run/links-before-up

# anca
[Peer]
PublicKey = {Keys.make().public}
AllowedIPs = 10.8.0.2/32
"""


class Host(BootedHost):
    """A host with harden on it. ``backend`` is that of its rules."""

    backend = "nft"

    def allow(self, client: str) -> None:
        """Have the policy say that of its one client."""
        self.run("tee", "/etc/harden/policy.yaml", text=POLICY.replace("CLIENT", client))

    def harden(self, *arguments: str, status: int = 0) -> str:
        """Its answer. Raises AssertionError where it ends with another status."""
        done = self.run(str(HARDEN), *arguments, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def install(self, *arguments: str) -> None:
        self.harden("install-units", *arguments)

    def rules(self) -> str:
        """Those in the kernel, without their counters."""
        said = "".join(self.run(f"{one}-{self.backend}-save").stdout for one in ("iptables", "ip6tables"))
        return "".join(line + "\n" for line in re.sub(r" ?\[\d+:\d+\]", "", said).splitlines() if line[0] != "#")

    def restart(self) -> None:
        self.cut_power()
        self.boot()

    def drop_in(self, unit: str, *lines: str) -> None:
        """Have a unit otherwise, as ``systemctl edit`` does."""
        self.run("mkdir", "-p", f"/etc/systemd/system/{unit}.d")
        self.run("tee", f"/etc/systemd/system/{unit}.d/override.conf", text="\n".join(lines))
        self.run("systemctl", "daemon-reload")

    def hurry(self, timer: str) -> None:
        """Have a timer come every second."""
        often = ("OnActiveSec=", "OnCalendar=", "OnCalendar=*:*:0/1", "RandomizedDelaySec=0", "AccuracySec=1ms")
        self.drop_in(timer, "[Timer]", *often)
        self.run("systemctl", "restart", timer)


@pytest.fixture
def host() -> Iterator[Host]:
    """A gateway that is on, with a policy and the rules that it means."""
    with Host() as made:
        made.write("/etc/wireguard/wg0.conf", conf())
        made.write("/etc/harden/policy.yaml", POLICY.replace("CLIENT", "{profile: quarantine}"))
        made.boot()
        made.harden("wg", "apply")
        yield made


@pytest.fixture
def rotator(tmp_path: Path) -> Iterator[Host]:
    """A host that is on, with a Vault and a secret in it, which a program of its own keeps in a file."""
    program = kept_in_a_file(tmp_path).read_text().replace(str(tmp_path), FORGE)
    with Host() as made:
        made.write(f"{FORGE}/program", program)
        made.path(f"{FORGE}/program").chmod(0o755)
        made.write(f"{FORGE}/store", "b2xk\n")
        made.write("/etc/harden/secrets.yaml", SECRETS)
        made.boot()
        made.run("ip", "link", "set", "lo", "up")
        made.harden("vault", "up")
        made.run(sys.executable, "-c", STORE)
        yield made


def is_up(host: Host) -> bool:
    return host.run("ip", "link", "show", "wg0", check=False).returncode == 0


@pytest.mark.parametrize("backend", ["nft", "legacy"])
def test_rules_are_there_before_the_interface(host: Host, backend: str) -> None:
    """At the moment in which wg-quick begins, before there is a wg0, the rules are the confirmed ones."""
    if backend == "legacy":
        host.harden("wg", "remove")
        host.harden("wg", "apply", "--backend", "legacy")
        host.backend = backend
    before = host.rules()
    assert "HARDEN-WG-" in before
    host.install()
    host.run("systemctl", "enable", "wg-quick@wg0.service")
    assert not is_up(host)
    host.restart()
    assert is_up(host)
    assert "wg0" not in host.run("cat", "/run/links-before-up").stdout
    noted = host.run("cat", "/run/before-up").stdout
    assert [line for line in before.splitlines() if line not in noted] == []
    assert host.rules() == before
    assert f"in sync ({backend})" in host.harden("wg", "status")
    ends = [host.show(unit, "ActiveEnterTimestampMonotonic") for unit in ("harden-wg.service", "network-pre.target")]
    times = [*map(int, ends), int(host.show("wg-quick@wg0.service", "InactiveExitTimestampMonotonic"))]
    assert 0 < times[0] <= times[1] <= times[2]


def test_without_its_rules_the_interface_stays_down(host: Host) -> None:
    """Closed, not open: what was remembered is damaged, so that the rules cannot be put in force."""
    host.install()
    host.run("systemctl", "enable", "wg-quick@wg0.service")
    host.cut_power()
    host.write("/var/lib/harden/wg/host/current", "nonsense\n")
    host.boot()
    assert not is_up(host)
    assert host.show("harden-wg.service", "ActiveState") == "failed"
    assert host.show("wg-quick@wg0.service", "ActiveState") == "inactive"
    assert "harden: error: " in host.journal("harden-wg.service")


def test_what_somebody_changed_is_put_right(host: Host) -> None:
    """By the timer, and at once where the host's own firewall is loaded anew, which throws all rules away."""
    host.install()
    before = host.rules()
    host.hurry("harden-wg-repair.timer")
    host.run("iptables", "-D", *_a_rule(before))
    wait_for(lambda: host.rules() == before, "the timer")
    host.run("systemctl", "stop", "harden-wg-repair.timer")
    host.run("systemctl", "start", "harden-wg.service", "nftables.service")
    host.run("systemctl", "reload", "nftables.service")
    wait_for(lambda: host.rules() == before, "the reload")


def _a_rule(rules: str) -> list[str]:
    """A jump to ours in the table filter, without its -A."""
    table = rules.partition("*filter\n")[2]
    jump = re.search(r"^-A (FORWARD .*-j HARDEN-WG-\S+)$", table, re.MULTILINE)
    assert jump, rules
    return jump[1].split()


def test_a_trial_ends_by_itself_whatever_becomes_of_who_began_it(host: Host) -> None:
    """Its session is killed with all that is in it; the watchdog is none of that, and brings the old rules back."""
    before = host.rules()
    host.allow(ALLOWED)
    script = f"{HARDEN} wg apply --confirm 4; sleep 600"
    host.run("systemd-run", "--quiet", "--unit=session", "sh", "-c", script)
    wait_for(lambda: host.rules() != before and _trials(host), "the trial")
    host.run("systemctl", "kill", "--signal=KILL", "session.service")
    assert host.rules() != before
    wait_for(lambda: host.rules() == before, "the end of the trial")
    wait_for(lambda: not _trials(host), "the watchdog to end")


def _trials(host: Host) -> str:
    """The watchdogs that systemd runs."""
    return host.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "harden-wg-trial-*").stdout


def test_a_host_that_restarts_during_a_trial_has_the_old_rules(host: Host) -> None:
    """What boots is what was confirmed last."""
    before = host.rules()
    host.install()
    host.run("systemctl", "enable", "wg-quick@wg0.service")
    host.allow(ALLOWED)
    host.harden("wg", "apply", "--confirm", "600")
    assert host.rules() != before
    host.restart()
    assert host.rules() == before
    assert is_up(host)
    assert "were not confirmed" in host.journal("harden-wg.service")


def test_metrics_are_written_in_sync_or_not(host: Host) -> None:
    """For everybody to read; that rules are not in sync is no failure of the unit."""
    host.run("mkdir", "-p", METRICS)
    host.install("metrics")
    host.run("systemctl", "start", "harden-wg-metrics.service")
    assert host.run("stat", "--format=%a", f"{METRICS}/harden-wg.prom").stdout == "644\n"
    assert 'harden_wg_in_sync{backend="nft"} 1' in host.run("cat", f"{METRICS}/harden-wg.prom").stdout
    host.run("iptables", "-D", *_a_rule(host.rules()))
    host.run("systemctl", "start", "harden-wg-metrics.service")
    assert 'harden_wg_in_sync{backend="nft"} 0' in host.run("cat", f"{METRICS}/harden-wg.prom").stdout
    assert host.run("ls", METRICS).stdout == "harden-wg.prom\n"


def test_a_gateway_without_harden_keeps_its_rules(tmp_path: Path) -> None:
    """With the keeper and a rendered script on it, and units that somebody else's host has made for it."""
    (tmp_path / "wg0.conf").write_text(conf())
    (tmp_path / "policy.yaml").write_text(POLICY.replace("CLIENT", ALLOWED).replace("/etc/wireguard", str(tmp_path)))
    with Host() as gateway:
        gateway.write("/etc/wireguard/wg0.conf", (tmp_path / "wg0.conf").read_text())
        for form, name in (("keeper", KEEPER), ("script", "/root/rules")):
            words = (HARDEN, "wg", "render", "--policy", str(tmp_path / "policy.yaml"), "--format", form)
            gateway.write(name, subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout)
        root = ("--root", str(gateway.path("/")), "--interface", "wg0")
        subprocess.run((HARDEN, "install-units", "keeper", *root), capture_output=True, check=True, timeout=60)
        gateway.boot()
        gateway.run("sh", KEEPER, "apply", "/root/rules")
        before = gateway.rules()
        gateway.run("systemctl", "enable", "wg-quick@wg0.service")
        gateway.restart()
        assert is_up(gateway)
        assert "HARDEN-WG-" in gateway.run("cat", "/run/before-up").stdout
        assert gateway.rules() == before
        gateway.hurry("harden-wg-keeper-repair.timer")
        gateway.run("iptables", "-D", *_a_rule(before))
        wait_for(lambda: gateway.rules() == before, "the timer")


def test_the_timer_goes_on_with_a_rotation(rotator: Host) -> None:
    """Confined as it is: it reaches the Vault of this host, runs the program, and the old value is good no more."""
    rotator.run("mkdir", "-p", METRICS)
    rotator.harden("secrets", "rotate", "token")
    assert "b2xk" in rotator.run("cat", f"{FORGE}/store").stdout
    rotator.install()
    rotator.drop_in("harden-rotate.service", "[Service]", f"ReadWritePaths={FORGE}")  # the program's own business
    rotator.hurry("harden-rotate.timer")
    wait_for(lambda: "b2xk" not in rotator.run("cat", f"{FORGE}/store").stdout, "the timer",
             lambda: rotator.journal("harden-rotate.service"))  # fmt: skip
    rotator.run("systemctl", "stop", "harden-rotate.timer")
    rotator.run("systemctl", "start", "harden-rotate.service", "harden-rotate-metrics.service")
    metrics = rotator.run("cat", f"{METRICS}/harden-secrets.prom").stdout
    assert re.search(r'^harden_secret_version{secret="token",.*} 2$', metrics, re.MULTILINE)
    assert re.search(r'^harden_secret_rotation_open{secret="token",.*} 0$', metrics, re.MULTILINE)


def test_what_is_removed_leaves_nothing_and_does_not_touch_the_interface(host: Host) -> None:
    """All files and links are as before, systemd knows of no unit, and wg0 has been up all the time."""
    host.run("mkdir", "-p", METRICS)
    host.run("systemctl", "enable", "--now", "wg-quick@wg0.service")
    since = host.show("wg-quick@wg0.service", "ActiveEnterTimestampMonotonic")
    before = files(host)
    first = json.loads(host.harden("install-units", "--json"))
    assert first["changed"] is True
    assert json.loads(host.harden("install-units", "--json"))["changed"] is False
    host.run("systemctl", "start", "harden-wg.service", "harden-wg-metrics.service")
    host.run("systemctl", "restart", "harden-wg-repair.timer")
    timers = host.run("systemctl", "list-timers", "--all", "--no-legend", "--plain").stdout
    assert {name for name in ("harden-wg-repair", "harden-wg-metrics") if name in timers} == {
        "harden-wg-repair",
        "harden-wg-metrics",
    }
    assert json.loads(host.harden("install-units", "--remove", "--json"))["changed"] is True
    assert files(host) == before
    assert host.run("systemctl", "list-units", "--all", "--no-legend", "--plain", "harden-*").stdout == ""
    assert host.show("wg-quick@wg0.service", "ActiveEnterTimestampMonotonic") == since
    assert host.show("wg-quick@wg0.service", "ActiveState") == "active"
    assert json.loads(host.harden("install-units", "--remove", "--json")) == {"changed": False, "units": []}


def files(host: Host) -> set[Path]:
    """All that was written on the disk, harden's state, the journal and what is temporary aside."""
    layer = host.path("/")
    aside = {Path("var/lib/harden"), Path("var/log"), Path("var/tmp")}
    found = {path.relative_to(layer) for path in layer.rglob("*")}
    return {path for path in found if not any(path.is_relative_to(one) for one in aside)}
