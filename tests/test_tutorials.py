"""The tutorials, followed to the letter: each block is typed, what is shown is compared, what is promised is tried."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import yaml
from ansible_lab.editions import COLLECTION, environment
from ansible_lab.gateways import Fleet
from lab.tunnel import Keys
from tutorials.page import DOCS, Block, blocks, unlike
from tutorials.sandbox import Answer, Sandbox

from tests.harden_secrets.sshd_lab import SshdLab

# On a busy machine Ansible alone takes minutes.
pytestmark = [pytest.mark.kernel, pytest.mark.checkout, pytest.mark.timeout(900)]

POLICY = "/etc/harden/policy.yaml"
CONF = "/etc/wireguard/wg0.conf"
# What a restart does: no interface, and nobody's rules.
RESTART = r"""
wg-quick down wg0
for program in iptables-restore ip6tables-restore; do
    printf '*%s\nCOMMIT\n' filter mangle security | "$program"
done
"""

# What the reader has in /srv/infra.
REPOSITORY = """
git config --global user.name Anca
git config --global user.email anca@home.example
mkdir -p infra/keys infra/old && cd infra && git init -q -b main .
ssh-keygen -q -t ed25519 -N '' -C deploy -f keys/deploy
cp keys/deploy old/laptop-backup
printf '#!/bin/sh\\nexec ssh -i /srv/infra/keys/deploy app@web1.home.example uptime\\n' >deploy.sh
git add --all . && git commit -q -m 'All of it' && cd ..
"""
LOGIN_WITH_THE_OLD_KEY = "ssh -i /root/old -o IdentitiesOnly=yes -o BatchMode=yes app@web1.home.example uptime"
REFUSED = (
    'ssh -F none -p 2222 -i "$1" -o IdentitiesOnly=yes -o BatchMode=yes -o UserKnownHostsFile=known'
    " -o StrictHostKeyChecking=accept-new 127.0.0.1 echo yes"
)

LOCKED_OUT = "ansible-playbook harden.toolkit.gateway -e harden_confirm=10"
COLLECTION_INSTALLED = (
    "mkdir -p /root/.ansible/collections/ansible_collections/harden && "
    f"ln -s {COLLECTION} /root/.ansible/collections/ansible_collections/harden/toolkit"
)

IN_USE = """
mkdir /etc/harden
harden wg import /etc/wireguard/wg0.conf -o /etc/harden/policy.yaml
printf 'version: 1\nsecrets: {licence: {kind: opaque, path: licence}}\n' >/etc/harden/secrets.yaml
iptables -A INPUT -p tcp --dport 9 -j ACCEPT
harden wg apply
harden vault up
harden install-units wg rotate
"""
# What bears harden's name, wherever it may have put anything.
EVERYTHING = "find /etc /opt /srv /usr/local/bin /var/lib /var/log /root -iname '*harden*' | sort"


@pytest.fixture(name="sandbox")
def _sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "sandbox") as sandbox:
        yield sandbox


def follow(sandbox: Sandbox, page: str, steps: Iterable[Block], *, refused: Iterable[str] = ()) -> list[Answer]:
    """Type the blocks. What ends with another status than 0, or 3 of harden, is a command named in ``refused``."""
    answers, unexpected = [], []
    for block in steps:
        answer = sandbox.type(block.text, timeout=240)
        answers.append(answer)
        where = f"docs/{page}:{block.line}"
        unexpected += [
            f for f in answer.failures if not f.startswith("3 harden ") and f.split(" ", 1)[1] not in refused
        ]
        assert unexpected == [], f"{where}: {answer.printed}"
        differs = unlike(block.shown, answer.printed) if block.shown else ""
        assert differs == "", f"{where}: {differs}"
    return answers


def wg_conf() -> str:
    """The file of a gateway with the two clients of the page."""
    lines = ["[Interface]", "Address = 10.8.0.1/24, fd00:8::1/64", f"PrivateKey = {Keys.make().private}"]
    for number, name in enumerate(("me", "kitchen-tablet"), 2):
        lines += ["", f"# friendly_name = {name}", "[Peer]", f"PublicKey = {Keys.make().public}"]
        lines += [f"AllowedIPs = 10.8.0.{number}/32, fd00:8::{number}/128"]
    return "\n".join(lines) + "\n"


def test_getting_started(sandbox: Sandbox) -> None:
    """From a wg-quick file to a policy in force, which is there again before the interface is after a restart."""
    page = "getting-started.md"
    sandbox.type("ip link add lan type veth peer name nas && ip address add 192.168.1.1/24 dev lan")
    sandbox.write(CONF, wg_conf())
    sandbox.type("wg-quick up wg0")
    steps = blocks(page)
    (edited,) = (block for block in steps if block.language == "yaml")
    (kept,) = (block for block in steps if block.language == "ini")
    typed = [block for block in steps if block.typed]
    follow(sandbox, page, typed[:1])
    starting = yaml.safe_load(sandbox.read(POLICY))
    assert {client["profile"] for client in starting["clients"].values()} == {"quarantine"}
    sandbox.write(POLICY, yaml.safe_dump({**starting, **yaml.safe_load(edited.text)}, sort_keys=False))
    follow(sandbox, page, typed[1:])
    sandbox.write(CONF, sandbox.read(CONF).replace("PrivateKey", f"{kept.text}PrivateKey"))
    sandbox.type(RESTART)
    assert sandbox.type("harden wg status").failures == ("3 harden wg status",)
    assert sandbox.type("wg-quick up wg0").failures == ()
    assert "in sync" in sandbox.type("harden wg status").printed.splitlines()[-1]


def test_getting_started_with_keys(sandbox: Sandbox) -> None:
    """From keys in files to one in a Vault and a new one: the old is refused, the new one let in."""
    page = "getting-started-with-keys.md"
    steps = [block for block in blocks(page) if block.typed]
    last = follow(sandbox, page, steps, refused=["let_in key", REFUSED])[-1]
    assert "Permission denied" in last.printed
    assert last.printed.splitlines()[-1] == "yes"


def test_from_nothing_to_rotated_keys(tmp_path: Path) -> None:
    """One key from a repository to a schedule, with a host behind another sshd that lets it in."""
    page = "from-nothing-to-rotated-keys.md"
    with SshdLab(tmp_path / "lab") as lab, Sandbox(tmp_path / "sandbox", enter=lab.command()) as sandbox:
        host = lab.host()
        sandbox.type(f"printf '{host.address} web1.home.example\\n' >>/etc/hosts")
        sandbox.type(f"printf 'web1.home.example {host.host_key}\\n' >/root/.ssh/known_hosts")
        assert sandbox.type(REPOSITORY).failures == ()
        host.authorize(sandbox.read("infra/keys/deploy.pub").strip())
        steps = [block for block in blocks(page) if block.typed or block.file]
        for block in steps:
            if block.file is not None:
                sandbox.write(block.file, block.text.replace("ssh-ed25519 AAAA…", host.host_key))
            else:
                follow(sandbox, page, [block], refused=[LOGIN_WITH_THE_OLD_KEY])
        assert sandbox.type("systemd-analyze verify /etc/systemd/system/harden-rotate.timer").failures == ()


def test_roll_out_with_ansible(tmp_path: Path) -> None:
    """Three gateways by one command: through the VPN, by IPv6, behind another host; one locks us out, and heals."""
    page = "roll-out-with-ansible.md"
    settings = {"PATH": environment("newest", tmp_path)["PATH"]}
    with Fleet(tmp_path) as fleet:
        amsterdam = fleet.gateway("amsterdam")
        bucharest = fleet.gateway("bucharest", ipv6=True)
        cluj = fleet.gateway("cluj", behind=amsterdam)
        assert (amsterdam.vpn_address, bucharest.address, cluj.address) == ("10.8.2.1", "fd77::3", "10.78.4.2")
        with Sandbox(tmp_path / "sandbox", enter=fleet.command(), settings=settings) as sandbox:
            sandbox.write("/root/.ssh/known_hosts", fleet.known_hosts)
            sandbox.write("/root/.ssh/id_ed25519", fleet.private_key.read_text())
            sandbox.type(f"chmod 600 /root/.ssh/id_ed25519; {COLLECTION_INSTALLED}; mkdir fleet; cd fleet")
            for block in blocks(page):
                if block.file is not None:
                    # Installing a wheel is tried elsewhere; here harden is on the gateways already.
                    sandbox.write(block.file, re.sub(r"(?m)^ *harden_package: .*\n", "", block.text))
                elif block.typed:
                    follow(sandbox, page, [block], refused=[LOCKED_OUT])
            assert "HARDEN" not in amsterdam.rules()
            assert "HARDEN" in cluj.rules()
            assert "HARDEN" in bucharest.rules()
            assert not bucharest.path("/var/lib/harden/wg").exists()


def test_upgrade_and_uninstall(sandbox: Sandbox) -> None:
    """What the page takes off a host is all that was there; somebody else's rule and file stay."""
    page = "upgrade-and-uninstall.md"
    sandbox.write(CONF, wg_conf())
    before = sandbox.type(EVERYTHING).printed
    assert sandbox.type(IN_USE, timeout=240).failures == ()
    assert "harden" in sandbox.type(EVERYTHING).printed
    follow(sandbox, page, [block for block in blocks(page) if block.typed])
    left = [line for line in before.splitlines() if not line.startswith(("/opt/harden", "/usr/local/bin/harden"))]
    assert sandbox.type(EVERYTHING).printed.splitlines() == left
    assert "--dport 9 -j ACCEPT" in sandbox.type("iptables-save").printed
    assert "HARDEN" not in sandbox.type("iptables-save; ip6tables-save").printed


@pytest.mark.parametrize("page", ["threat-model.md"])
def test_what_is_said_to_show_something_is_there(page: str) -> None:
    """Each file of tests that a page names exists."""
    named = re.findall(r"\w+/test_\w+\.py", (DOCS / page).read_text())
    assert len(named) > 20
    assert [name for name in named if not (DOCS.parent / "tests" / name).exists()] == []
