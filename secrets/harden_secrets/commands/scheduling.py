"""``harden secrets schedule``."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from harden.document.wording import quote
from harden.errors import HardenError, UsageError
from harden.filesystem import FileSystem
from harden.output import Output
from harden.program import installed, program
from harden.state import DEFAULT_ROOT
from harden_secrets.commands.workplace import Workplace
from harden_secrets.durable import write_file
from harden_secrets.inventory.model import Inventory
from harden_secrets.inventory.terms import namespace_fault
from harden_secrets.rotate.units import cronjob, podfit, systemd
from harden_secrets.rotate.units.demands import Demands, demands
from harden_secrets.rotate.units.pace import pace
from harden_secrets.rotate.units.yamlstream import stream
from harden_secrets.vault.settings import ADDRESS, CA, NAMESPACE, TOKEN

Form = Literal["systemd", "cronjob"]

MANIFEST = "harden-rotate.yaml"
_KUBECONFIG = "KUBECONFIG"
_AT_HOME = ".kube/config"
_CA_FILE = "vault-ca.pem"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for on the command line."""

    form: Form
    to: Path | None = None
    image: str = ""
    namespace: str = ""
    claims: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.form == "systemd" and (self.image or self.namespace or self.claims):
            raise UsageError("--image, --namespace and --claim are for --format cronjob", "leave them out")
        if self.form == "cronjob" and not self.image:
            raise UsageError("which image has harden in it?", "name it with --image IMAGE")
        if self.form == "cronjob" and (fault := namespace_fault(self.namespace or "harden")):
            raise UsageError(fault, "name another one with --namespace N")


def schedule(asked: Asked, place: Workplace, output: Output, *, dry_run: bool) -> int:
    """Prints, or writes into a folder, what runs `rotate --due` regularly."""
    inventory = place.inventory
    if not any(entry.rotate is not None for entry in inventory.secrets.values()):
        hint = "say with rotate: {every: 30d} when one does, and where the inventory is with --inventory FILE"
        raise HardenError(f"{place.inventory_path}: no secret in it has a rotate", hint)
    if asked.form == "systemd":
        files = _units(inventory, place, output)
    else:
        files = {MANIFEST: _manifests(asked, inventory, place, output)}
    if asked.to is None:
        _print(files, output)
    else:
        _write(asked.to, files, output, dry_run=dry_run)
    return 0


def _units(inventory: Inventory, place: Workplace, output: Output) -> Mapping[str, str]:
    warn_of_token(output)
    host, needs = survey(inventory, place, output, Site(str(program()), installed()))
    return systemd.units(host, needs, pace(inventory))


@dataclass(frozen=True, slots=True)
class Site:
    """Where units are to run: the command there, the folders that it lies in, and the files that are there."""

    command: str
    installed: tuple[str, ...]
    files: FileSystem = field(default_factory=FileSystem)


def survey(inventory: Inventory, place: Workplace, output: Output, site: Site) -> tuple[systemd.Host, Demands]:
    """What a rotation finds there, and what it needs. The environment is that of this process."""
    needs = demands(inventory)
    environment = dict(_environment(needs, place, site.files))
    more = [value for name, value in environment.items() if name in (CA, _KUBECONFIG)]
    if site.files.outer(f"{systemd.HOME}/.gitconfig").exists() and needs.repositories:
        more.append("~/.gitconfig")
    others = [folder for folder in needs.writes if _is_of_another(site.files.outer(folder))]
    for folder in others:
        output.note(f"{folder} belongs to another user than root: the service may write over the files of all users")
    state = site.files.inner(place.state or Path(os.environ.get("HARDEN_STATE") or DEFAULT_ROOT))
    known = site.files.inner(place.inventory_path)
    host = systemd.Host((site.command,), site.installed, known, state, environment, bool(others))
    return host, replace(needs, reads=(*needs.reads, *more))


def warn_of_token(output: Output) -> None:
    """Says so where a token will be missed."""
    if os.environ.get(TOKEN):
        output.warning(f"{TOKEN} is not carried over: a token in a unit can be read by everybody; put it in a file")


def _environment(needs: Demands, place: Workplace, files: FileSystem) -> Iterator[tuple[str, str]]:
    for name in (ADDRESS, NAMESPACE):
        if value := os.environ.get(name):
            yield name, value
    if ca := os.environ.get(CA):
        yield CA, files.inner(ca)
    if needs.cluster:
        named = place.kubeconfig or os.environ.get(_KUBECONFIG)
        at_home = f"{systemd.HOME}/{_AT_HOME}"
        if named:
            yield _KUBECONFIG, ":".join(files.inner(one) for one in str(named).split(":") if one)
        elif files.outer(at_home).exists():
            yield _KUBECONFIG, at_home


def _is_of_another(folder: Path) -> bool:
    try:
        return folder.stat().st_uid != 0
    except OSError:
        return False  # not there yet: made by root, it is root's


def _manifests(asked: Asked, inventory: Inventory, place: Workplace, output: Output) -> str:
    claims = dict(_claims(asked.claims))
    if faults := [f"{where}: {words}" for where, words in podfit.obstacles(inventory, claims)]:
        hint = "give the CronJob an inventory of its own; leave what is on a host to a timer there: --format systemd"
        raise HardenError(faults, hint)
    for remark in podfit.remarks(inventory):
        output.warning(remark)
    files = {"secrets.yaml": _read(place.inventory_path)}
    environment = {}
    if inventory.vault is not None and inventory.vault.ca_file:
        files[_CA_FILE] = _read(Path(inventory.vault.ca_file))
        environment[CA] = f"{cronjob.FOLDER}/{_CA_FILE}"
    pod = cronjob.Pod(asked.namespace or "harden", asked.image, files, environment, claims)
    return stream(cronjob.manifests(pod, inventory, pace(inventory)))


def _claims(texts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for text in texts:
        name, colon, path = text.partition(":")
        if not (name and colon and path.startswith("/")):
            raise UsageError(f"--claim {quote(text)} names no claim and path", "write it as --claim CLAIM:/srv/infra")
        yield path, name


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise HardenError(f"{path}: {getattr(error, 'strerror', None) or 'is no text'}") from error


def _print(files: Mapping[str, str], output: Output) -> None:
    if len(files) == 1:
        output.raw(next(iter(files.values())))
        return
    output.raw("\n".join(f"# {name}\n{text}" for name, text in files.items()))


def _write(folder: Path, files: Mapping[str, str], output: Output, *, dry_run: bool) -> None:
    for name, text in files.items():
        path = folder / name
        try:
            there = path.read_bytes() if path.exists() else None
            if there == text.encode():
                output.line(f"{path}: up to date")
                continue
            if not dry_run:
                folder.mkdir(parents=True, exist_ok=True)
                write_file(path, text.encode(), 0o644)
        except OSError as error:
            raise HardenError(f"{path}: {error.strerror}", "write it into another folder with -o DIR") from error
        done = "made" if there is None else "changed"
        output.line(f"{path}: {'would be ' if dry_run else ''}{done}")
    if systemd.TIMER in files and not dry_run:
        output.note(f"next: systemctl daemon-reload && systemctl enable --now {systemd.TIMER}")
