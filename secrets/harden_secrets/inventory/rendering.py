"""Entries as YAML, block style with short mappings on one line, as people write them."""

from collections.abc import Iterator, Mapping

from harden.document.yamlscalar import yaml_scalar
from harden_secrets.inventory.blackouts import blackout_text
from harden_secrets.inventory.model import (
    DEFAULT_TIMEOUT,
    Delivery,
    Jump,
    KeySource,
    PasswordRules,
    Repository,
    Rotate,
    SecretEntry,
    Target,
)
from harden_secrets.inventory.passwords import PASSWORD_KEYS
from harden_secrets.inventory.spans import duration_text

STEP = "  "
_UNSET = Delivery("direct")


def block(entry: SecretEntry, indent: str) -> str:
    """The entry with its name, each line behind ``indent`` and with a line feed."""
    inner = indent + STEP
    lines = [f"{indent}{yaml_scalar(entry.name)}:", *(f"{inner}{key}: {value}" for key, value in _scalars(entry))]
    for key, items in (("deliver", _deliveries(entry)), ("targets", _targets(entry))):
        if items:
            lines.append(f"{inner}{key}:")
            lines += [f"{inner}{STEP}- {item}" for item in items]
    lines += [f"{inner}{key}: {value}" for key, value in _mappings(entry)]
    return "".join(f"{line}\n" for line in lines)


def flow(entry: SecretEntry) -> str:
    """The entry with its name on one line, for a place between braces."""
    lists = (("deliver", _deliveries(entry)), ("targets", _targets(entry)))
    pairs = [
        *_scalars(entry),
        *((key, f"[{', '.join(items)}]") for key, items in lists if items),
        *_mappings(entry),
    ]
    return f"{yaml_scalar(entry.name)}: {_braces(dict(pairs))}"


def _scalars(entry: SecretEntry) -> Iterator[tuple[str, str]]:
    yield "kind", str(entry.kind)
    yield "path", yaml_scalar(entry.path)
    if entry.description:
        yield "description", yaml_scalar(entry.description)
    if entry.command:
        yield "command", _list(entry.command)
    if entry.timeout != DEFAULT_TIMEOUT:
        yield "timeout", duration_text(entry.timeout)


def _mappings(entry: SecretEntry) -> Iterator[tuple[str, str]]:
    if entry.repository is not None:
        yield "repository", _repository(entry.repository)
    if entry.password is not None:
        yield "password", _password(entry.password)
    if entry.rotate is not None:
        yield "rotate", _rotate(entry.rotate)


def _deliveries(entry: SecretEntry) -> list[str]:
    return [delivery_text(delivery) for delivery in entry.deliver]


def _targets(entry: SecretEntry) -> list[str]:
    return [_target(target) for target in entry.targets]


def delivery_text(delivery: Delivery) -> str:
    """A delivery between braces."""
    pairs = {"to": yaml_scalar(delivery.to)}
    for name in ("namespace", "secret", "type", "path", "owner", "group", "auth", "store", "store_kind"):
        value = getattr(delivery, name)
        if value != getattr(_UNSET, name):
            pairs[name] = yaml_scalar(value)
    if delivery.mode != _UNSET.mode:
        pairs["mode"] = f'"{delivery.mode:04o}"'
    if delivery.refresh is not None:
        pairs["refresh"] = duration_text(delivery.refresh)
    if delivery.restart:
        pairs["restart"] = "true"
    if delivery.reload:
        pairs["reload"] = _list(delivery.reload)
    if delivery.keys:
        pairs["keys"] = _braces({yaml_scalar(key): _source(source) for key, source in delivery.keys.items()})
    return _braces(pairs)


def _source(source: KeySource) -> str:
    name = yaml_scalar(source.field)
    return name if source.form == "raw" else _braces({"field": name, "form": source.form})


def _target(target: Target) -> str:
    pairs = _host_pairs(target)
    for name in ("interface", "authorized_keys", "login", "login_key"):
        if value := getattr(target, name):
            pairs[name] = yaml_scalar(value)
    if target.jump:
        pairs["jump"] = f"[{', '.join(_braces(_host_pairs(jump)) for jump in target.jump)}]"
    if target.sudo:
        pairs["sudo"] = "true"
    if target.log != "auto":
        pairs["log"] = yaml_scalar(target.log)
    return _braces(pairs)


def _host_pairs(host: Target | Jump) -> dict[str, str]:
    pairs = {"host": yaml_scalar(host.host)}
    if host.user:
        pairs["user"] = yaml_scalar(host.user)
    if host.port != 22:
        pairs["port"] = str(host.port)
    keys = host.host_keys
    if keys:
        pairs["host_key"] = yaml_scalar(keys[0]) if len(keys) == 1 else _list(keys)
    return pairs


def _repository(repository: Repository) -> str:
    pairs = {"path": yaml_scalar(repository.path)}
    if repository.branches:
        pairs["branches"] = _list(repository.branches)
    if repository.keys != "replace":
        pairs["keys"] = repository.keys
    for name in ("key_name", "remote"):
        if value := getattr(repository, name):
            pairs[name] = yaml_scalar(value)
    if repository.departed:
        pairs["departed"] = _list(repository.departed)
    return _braces(pairs)


def _password(rules: PasswordRules) -> str:
    usual = PasswordRules()
    changed = {name: getattr(rules, name) for name in PASSWORD_KEYS if getattr(rules, name) != getattr(usual, name)}
    return _braces({name: _list(value) if isinstance(value, tuple) else _one(value) for name, value in changed.items()})


def _one(value: str | int) -> str:
    return str(value) if isinstance(value, int) else yaml_scalar(value)


def _rotate(rotate: Rotate) -> str:
    pairs = {"every": duration_text(rotate.every)}
    if rotate.overlap:
        pairs["overlap"] = duration_text(rotate.overlap)
    if rotate.window is not None:
        pairs["window"] = yaml_scalar(str(rotate.window))
    if rotate.jitter:
        pairs["jitter"] = duration_text(rotate.jitter)
    if rotate.blackout:
        pairs["blackout"] = _list(tuple(blackout_text(blackout) for blackout in rotate.blackout))
    return _braces(pairs)


def _list(items: tuple[str, ...]) -> str:
    return f"[{', '.join(yaml_scalar(item) for item in items)}]"


def _braces(pairs: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in pairs.items()) + "}"
