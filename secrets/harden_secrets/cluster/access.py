"""How to reach an API server and as whom: what a kubeconfig, or a pod's surroundings, say.

The library ``kubernetes`` reads them: several files, contexts, login programs, OIDC. It leaves key files in the
temporary folder until the process ends; here they are gone as soon as they were read.
"""

import contextlib
import importlib
import logging
import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from harden_secrets.cluster.port import ClusterError

IN_CLUSTER = "in-cluster"
_TOKEN_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - where it lies
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_ADVICE = "name a kubeconfig with --kubeconfig or KUBECONFIG"


@dataclass(frozen=True)
class Access:
    """How to reach a server. ``headers()`` gives the credentials of the moment, for they may be renewed."""

    server: str
    context: str
    namespace: str
    tls: ssl.SSLContext = field(repr=False)
    headers: Callable[[], Mapping[str, str]] = field(repr=False)
    server_name: str | None = None  # that its certificate is for, where it is not the host in ``server``
    proxy: str | None = None
    no_proxy: str | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which server is meant. ``kubeconfig``: paths joined by colons; empty for the pod's own surroundings."""

    kubeconfig: str
    context: str
    namespace: str


def choose(kubeconfig: Path | None, context: str | None, environment: Mapping[str, str]) -> Chosen:
    """As kubectl chooses: the option, KUBECONFIG, ``~/.kube/config``, a pod's surroundings. Raises ClusterError."""
    default = Path(environment.get("HOME") or "~").expanduser() / ".kube/config"
    if kubeconfig is not None:
        return _from_files([kubeconfig], context, must=True)
    listed = [Path(path).expanduser() for path in environment.get("KUBECONFIG", "").split(":") if path]
    if listed:
        return _from_files(listed, context, must=False)
    if default.is_file():
        return _from_files([default], context, must=True)
    if context is None and environment.get("KUBERNETES_SERVICE_HOST") and Path(_TOKEN_FILE).is_file():
        return Chosen("", IN_CLUSTER, _own_namespace())
    raise ClusterError(f"which cluster? There is no {default}", _ADVICE)


def load(chosen: Chosen) -> Access:
    """Read the credentials; may run a login program. Raises ClusterError, never with a credential in its words."""
    with tempfile.TemporaryDirectory(prefix="harden-", dir=_in_memory()) as folder, _remarks() as remarks:
        configuration = _configuration(chosen, folder)
        if remarks:
            # A failed login program is only logged by the library, and the user would then be nobody.
            raise ClusterError(
                f"context {chosen.context}: no credentials: {remarks[0]}", "log in by hand, and try again"
            )
        tls = _tls(configuration, chosen)
    return Access(
        server=configuration.host.rstrip("/"),
        context=chosen.context,
        namespace=chosen.namespace,
        tls=tls,
        headers=lambda: _headers(configuration),
        server_name=configuration.tls_server_name or None,
        proxy=configuration.proxy or None,
        no_proxy=configuration.no_proxy or None,
    )


def _from_files(paths: list[Path], context: str | None, *, must: bool) -> Chosen:
    """The context that is current: of several files the first that names one decides, as with kubectl."""
    found = [(path, _document(path)) for path in paths if must or path.is_file()]
    if not found:
        raise ClusterError(f"none of these is there: {', '.join(map(str, paths))}", _ADVICE)
    current = context or next(
        (text for _, one in found if isinstance(text := one.get("current-context"), str) and text), ""
    )
    if not current:
        raise ClusterError(f"{found[0][0]}: no context is current", "choose one with --context")
    for _, one in found:
        for entry in _mappings(one.get("contexts")):
            if entry.get("name") == current:
                inner = entry.get("context")
                namespace = inner.get("namespace") if isinstance(inner, dict) else None
                joined = ":".join(str(path) for path, _ in found)
                return Chosen(joined, current, namespace if isinstance(namespace, str) and namespace else "default")
    raise ClusterError(f"{found[0][0]}: there is no context {current}", "`kubectl config get-contexts` lists them")


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    except OSError as error:
        raise ClusterError(f"{path}: cannot be read: {error.strerror}", _ADVICE) from None
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark is not None else ""
        raise ClusterError(f"{path}{where}: is no YAML") from None  # without the line itself: it may be a token
    if not isinstance(document, dict):
        raise ClusterError(f"{path}: is no kubeconfig")
    return document


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    return (entry for entry in value if isinstance(entry, dict)) if isinstance(value, list) else iter(())


def _configuration(chosen: Chosen, folder: str) -> Any:
    # Imported here: it takes longer than a short command does; and its configuration part says nothing of its types.
    config: Any = importlib.import_module("kubernetes.config")
    client: Any = importlib.import_module("kubernetes.client")
    configuration = client.Configuration()
    try:
        if not chosen.kubeconfig:
            config.load_incluster_config(client_configuration=configuration)
        else:
            config.load_kube_config(
                config_file=chosen.kubeconfig,
                context=chosen.context,
                client_configuration=configuration,
                persist_config=False,
                temp_file_path=folder,
            )
    except config.ConfigException as error:
        raise ClusterError(f"context {chosen.context}: {error}") from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        # What is wrong with it may be a credential, so only the kind of the error is told.
        raise ClusterError(f"context {chosen.context}: the kubeconfig is broken ({type(error).__name__})") from None
    return configuration


def _tls(configuration: Any, chosen: Chosen) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        # Authorities that Kubernetes' own tools made lack what the strict mode of newer Pythons wants.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if not configuration.verify_ssl:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if configuration.cert_file:
            context.load_cert_chain(configuration.cert_file, configuration.key_file, password=_no_password)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ClusterError(f"context {chosen.context}: its certificates or key are of no use: {reason}") from None
    return context


def _no_password() -> str:
    raise ValueError("a key with a passphrase")


def _headers(configuration: Any) -> Mapping[str, str]:
    with _remarks() as remarks:
        settings = configuration.auth_settings().values()
        headers = {one["key"]: one["value"] for one in settings if one["in"] == "header" and one["value"]}
        if remarks:
            raise ClusterError(f"the credentials cannot be renewed: {remarks[0]}", "log in by hand, and try again")
    return headers


@contextlib.contextmanager
def _remarks() -> Iterator[list[str]]:
    """What the library logs as an error meanwhile, instead of raising it."""
    heard: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    root, listener = logging.getLogger(), Listener(logging.ERROR)
    root.addHandler(listener)
    try:
        yield heard
    finally:
        root.removeHandler(listener)


def _in_memory() -> str | None:
    """A folder that is no disk, where there is one."""
    folder = Path("/dev/shm")  # noqa: S108 - a folder with a name of its own is made in it, mode 0700
    return str(folder) if folder.is_dir() else None


def _own_namespace() -> str:
    try:
        return _NAMESPACE_FILE.read_text().strip() or "default"
    except OSError:
        return "default"
