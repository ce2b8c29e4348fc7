"""Which cluster is meant, and as whom: kubeconfigs as kubectl reads them."""

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster.server import Server

from harden_secrets.cluster.access import choose, load
from harden_secrets.cluster.opening import open_cluster
from harden_secrets.cluster.port import ClusterDeniedError, ClusterError, ObjectName

TOKEN = "eyJhbGciOiJub25lIn0-secret-token"


def config(folder: Path, name: str, user: Any = None, **fields: Any) -> Path:
    path = folder / name
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}.example:6443"}}],
        "users": [{"name": name, "user": user or {"token": TOKEN}}],
        "current-context": name,
        **fields,
    }
    path.write_text(yaml.safe_dump(document))
    return path


def test_the_option_wins_over_the_environment(tmp_path: Path) -> None:
    """--kubeconfig, then KUBECONFIG, then the file in the home folder."""
    (tmp_path / ".kube").mkdir()
    config(tmp_path / ".kube", "config")
    option, variable = config(tmp_path, "option"), config(tmp_path, "variable")
    environment = {"HOME": str(tmp_path), "KUBECONFIG": str(variable)}
    assert choose(option, None, environment).context == "option"
    assert choose(None, None, environment).context == "variable"
    assert choose(None, None, {"HOME": str(tmp_path)}).context == "config"


def test_several_files_are_one(tmp_path: Path) -> None:
    """As with kubectl: the first that names a current context decides, a file that is missing is passed over."""
    first, second = config(tmp_path, "first"), config(tmp_path, "second")
    listed = {"KUBECONFIG": f"{tmp_path / 'absent'}:{first}:{second}"}
    assert load(choose(None, None, listed)).server == "https://first.example:6443"
    assert load(choose(None, "second", listed)).server == "https://second.example:6443"
    without = config(tmp_path, "without", **{"current-context": ""})
    chosen = choose(None, None, {"KUBECONFIG": f"{without}:{second}"})
    assert chosen.context == "second"
    assert load(chosen).server == "https://second.example:6443"


def test_the_namespace_of_the_context(tmp_path: Path) -> None:
    """Where it names none it is `default`."""
    named = [{"name": "a", "context": {"cluster": "a", "user": "a", "namespace": "media"}}]
    assert choose(config(tmp_path, "a", contexts=named), None, {}).namespace == "media"
    assert choose(config(tmp_path, "b"), None, {}).namespace == "default"


CONTEXT = "current-context: x, contexts: [{name: x, context: {cluster: c, user: u}}]"
CLUSTER = "clusters: [{name: c, cluster: {server: 'https://h'}}]"
BROKEN_CA = "clusters: [{name: c, cluster: {server: 'https://h', certificate-authority-data: '!!'}}]"
CERTIFICATE = f"{{client-certificate-data: {'QUFB' * 9}, client-key-data: {'QUFB' * 9}}}"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f"token: {TOKEN}\n  bad: [", "broken:2: is no YAML"),
        ("- a list", "is no kubeconfig"),
        ("", "is no kubeconfig"),
        ("{apiVersion: v1, kind: Config}", "no context is current"),
        ("{current-context: x, contexts: [{name: y}]}", "there is no context x"),
        ("{current-context: x, contexts: [{name: x}]}", "context x"),
        ("{current-context: x, contexts: 3}", "there is no context x"),
        (f"{{{CONTEXT}, {BROKEN_CA}, users: [{{name: u, user: {{token: {TOKEN}}}}}]}}", "context x"),
        (f"{{{CONTEXT}, {CLUSTER}, users: [{{name: u, user: {CERTIFICATE}}}]}}", "certificates or key are of no use"),
        ("\0\1\2", "is no YAML"),
    ],
)
def test_a_broken_file(tmp_path: Path, content: str, words: str) -> None:
    """It is told which and where, without what stands there."""
    path = tmp_path / "broken"
    path.write_text(content)
    with pytest.raises(ClusterError, match=words) as caught:
        load(choose(path, None, {}))
    assert TOKEN not in str(caught.value)
    assert "QUFB" not in str(caught.value)


def test_no_cluster_at_all(tmp_path: Path) -> None:
    """The hint says how to name one."""
    for environment in ({"HOME": str(tmp_path)}, {"HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "absent")}):
        with pytest.raises(ClusterError) as caught:
            choose(None, None, environment)
        assert "KUBECONFIG" in caught.value.hints[0]
    with pytest.raises(ClusterError, match="cannot be read"):
        choose(tmp_path / "absent", None, {})


def program(folder: Path, body: str) -> dict[str, Any]:
    path = folder / "login"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path), "interactiveMode": "Never"}}


def test_a_login_program_gives_the_token(tmp_path: Path) -> None:
    """Its token goes into the requests' headers."""
    answer = '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t0k3n"}}'
    access = load(choose(config(tmp_path, "a", program(tmp_path, f"echo '{answer}'")), None, {}))
    assert access.headers() == {"authorization": "Bearer t0k3n"}


def test_a_login_program_that_fails_is_an_error(tmp_path: Path) -> None:
    """Else the user would be nobody, and hear of missing rights."""
    path = config(tmp_path, "a", program(tmp_path, "echo not logged in >&2; exit 3"))
    with pytest.raises(ClusterError, match="not logged in"):
        load(choose(path, None, {}))


def files_of(folders: list[Path], known: set[Path]) -> Iterator[Path]:
    """What is new in these folders, at any depth; other tests may be at work in them as well."""
    for new in {path for folder in folders for path in folder.iterdir()} - known:
        yield new
        yield from (Path(folder, name) for folder, _, names in os.walk(new) for name in names)


def read_if_there(path: Path) -> bytes:
    """What is in a file; nothing where it has gone, or is none."""
    try:
        return path.read_bytes() if path.is_file() else b""
    except OSError:
        return b""


def test_no_credential_shows_and_no_file_stays(api_server: Server, tmp_path: Path) -> None:
    """The key of a client certificate lies nowhere after it was read, and repr() shows none."""
    folders = [Path("/tmp"), Path("/dev/shm")]
    before = {path for folder in folders for path in folder.iterdir()}
    access = load(choose(api_server.kubeconfig, None, {}))
    document = yaml.safe_load(api_server.kubeconfig.read_text())
    key = base64.b64decode(document["users"][0]["user"]["client-key-data"])
    assert b"PRIVATE KEY" in key
    assert [path for path in files_of(folders, before) if key in read_if_there(path)] == []
    assert "PRIVATE" not in repr(access)
    assert TOKEN not in repr(load(choose(config(tmp_path, "a"), None, {})))


def test_a_token_that_a_real_server_does_not_know(api_server: Server, tmp_path: Path) -> None:
    """401, told in words, with the context's name and without the token."""
    document = yaml.safe_load(api_server.kubeconfig.read_text())
    document["users"][0]["user"] = {"token": TOKEN}
    path = tmp_path / "unknown"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ClusterDeniedError, match="does not accept the credentials") as caught:
        open_cluster(path, None, {}, pytest.fail).get(ObjectName("v1", "Namespace", "", "default"))
    assert TOKEN not in str(caught.value)
