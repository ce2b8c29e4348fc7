"""What an API server may answer besides success, and what a person then reads; no value among it."""

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harden_secrets.cluster.access import choose, load
from harden_secrets.cluster.client import KubernetesCluster
from harden_secrets.cluster.port import (
    AccessQuestion,
    ClusterDeniedError,
    ClusterError,
    ClusterUnavailableError,
    ConflictError,
    Manifest,
    MissingError,
    ObjectName,
    RefusedError,
)
from harden_secrets.cluster.transport import ATTEMPTS, LONGEST_WAIT, Transport
from tests.harden_secrets.scripted_server import CUT, Answer, Scripted, scripted_server, status

NAME = ObjectName("v1", "Secret", "a", "x")
VALUE = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU"
MANIFEST: Manifest = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "x", "namespace": "a", "resourceVersion": "7", "uid": "u"},
    "stringData": {"key": VALUE},
}


@pytest.fixture
def script() -> Iterator[Scripted]:
    with scripted_server() as found:
        yield found


@pytest.fixture
def slept() -> list[float]:
    """How long it waited between attempts."""
    return []


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def cluster(script: Scripted, tmp_path: Path, slept: list[float], warnings: list[str]) -> KubernetesCluster:
    chosen = choose(script.kubeconfig(tmp_path), None, {})
    return KubernetesCluster(Transport(lambda: load(chosen), slept.append), warnings.append, page=2)


def test_the_context_is_named(cluster: KubernetesCluster, script: Scripted) -> None:
    """Context, namespace and server come from the kubeconfig, the token goes with each request."""
    assert (cluster.context, cluster.namespace, cluster.server) == ("scripted", "here", script.url)
    script.answers = [Answer(document=MANIFEST)]
    assert cluster.get(NAME) == MANIFEST
    assert set(script.tokens) == {"Bearer nothing-to-hide"}


@pytest.mark.parametrize("passing", [429, 500, 502, 503, 504, CUT])
def test_what_passes_is_tried_again(
    cluster: KubernetesCluster, script: Scripted, slept: list[float], passing: int
) -> None:
    """Reading, and what only asks, is repeated with growing pauses."""
    script.answers = [status(passing), status(passing), Answer(document=MANIFEST)]
    assert cluster.get(NAME) == MANIFEST
    assert len(slept) == 2
    assert slept[0] < slept[1]
    script.answers = [status(passing), Answer(document={"status": {"allowed": True}})]
    assert cluster.allowed(AccessQuestion("eve", ("g",), "get", "", "secrets"))


@pytest.mark.parametrize("passing", [429, 500, 503, CUT])
def test_what_does_not_pass_is_told(
    cluster: KubernetesCluster, script: Scripted, slept: list[float], passing: int
) -> None:
    """After all attempts: ClusterUnavailableError that says what was wanted."""
    script.answers = [status(passing, "too busy")]
    with pytest.raises(ClusterUnavailableError, match="secret a/x"):
        cluster.get(NAME)
    assert len(slept) == ATTEMPTS - 1
    assert max(slept) <= LONGEST_WAIT


def test_the_server_says_how_long_to_wait(cluster: KubernetesCluster, script: Scripted, slept: list[float]) -> None:
    """Retry-After is heeded, with a limit; a date in it is no error."""
    for value, least in (("3", 3.0), ("86400", LONGEST_WAIT), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.1)):
        slept.clear()
        script.answers = [Answer(429, {}, {"Retry-After": value}), Answer(document=MANIFEST)]
        cluster.get(NAME)
        assert least <= slept[0] <= LONGEST_WAIT


@pytest.mark.parametrize("ambiguous", [500, 503, 504, CUT])
def test_a_write_that_may_have_been_done_is_not_repeated(
    cluster: KubernetesCluster, script: Scripted, ambiguous: int
) -> None:
    """Whoever asked has to look first. A dry run changes nothing and may be repeated."""
    script.answers = [status(ambiguous)]
    for write in (lambda: cluster.create(MANIFEST), lambda: cluster.replace(MANIFEST), lambda: cluster.patch(NAME, [])):
        script.asked.clear()
        with pytest.raises(ClusterUnavailableError):
            write()
        assert len(script.asked) == 1
    script.answers = [status(ambiguous), Answer(document=MANIFEST)]
    assert cluster.create(MANIFEST, dry_run=True) == MANIFEST
    assert "dryRun=All" in script.asked[-1][1]


def test_a_write_that_was_turned_away_is_repeated(cluster: KubernetesCluster, script: Scripted) -> None:
    """429 says that nothing was done."""
    script.answers = [status(429), Answer(201, MANIFEST)]
    assert cluster.create(MANIFEST) == MANIFEST
    assert len(script.asked) == 2


DENIED = 'secrets "x" is forbidden: User "eve" cannot get resource "secrets" in API group "" in the namespace "a"'


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (status(401, "Unauthorized"), ClusterDeniedError, "does not accept the credentials of context scripted"),
        (status(403, DENIED, "Forbidden"), ClusterDeniedError, 'User "eve" cannot get resource "secrets"'),
        (status(403, 'pods "x" is forbidden: violates PodSecurity "restricted"'), RefusedError, "violates PodSecurity"),
        (status(403, 'admission webhook "w.example" denied the request: no'), RefusedError, '"w.example" denied'),
        (Answer(403, b"<html>forbidden by the proxy</html>"), RefusedError, "HTTP status 403"),
        (status(400, "bad"), RefusedError, "bad"),
        (status(409, "modified", "Conflict"), ConflictError, "has changed meanwhile"),
        (status(413, "too large"), RefusedError, "too large"),
        (status(418, "tea"), ClusterError, "418"),
        (Answer(302, b"", {"Location": "http://elsewhere/"}), ClusterError, "302"),
        (Answer(200, b"<html>log in here</html>"), ClusterError, "no JSON"),
        (status(410, "gone", "Expired"), ClusterError, "no longer kept"),
    ],
)
def test_refusals(
    cluster: KubernetesCluster, script: Scripted, answer: Answer, error: type[ClusterError], words: str
) -> None:
    """Each says what was wanted and what the server said, and is of the class that is acted on."""
    script.answers = [answer]
    with pytest.raises(error, match=words) as caught:
        cluster.get(NAME)
    assert "secret a/x" in str(caught.value)


def test_a_denial_says_which_right_is_missing(cluster: KubernetesCluster, script: Scripted) -> None:
    """As RBAC spells it, for the role that somebody has to write."""
    script.answers = [status(403, DENIED, "Forbidden")]
    with pytest.raises(ClusterDeniedError) as caught:
        cluster.get(NAME)
    assert caught.value.hints == ("this needs the right to get on secrets in namespace a",)


def test_credentials_that_ran_out_are_loaded_again(script: Scripted, tmp_path: Path) -> None:
    """A token in a file, or of a login program, may have been renewed meanwhile."""
    tokens = iter(["old", "new"])

    def again() -> Any:
        return load(choose(script.kubeconfig(tmp_path, next(tokens)), None, {}))

    cluster = KubernetesCluster(Transport(again, pytest.fail), pytest.fail)
    script.answers = [status(401), Answer(document=MANIFEST)]
    assert cluster.get(NAME) == MANIFEST
    assert script.tokens[-2:] == ["Bearer old", "Bearer new"]


QUOTING = [
    status(422, f'Secret "x" is invalid: data[key]: Invalid value: "{VALUE}": must be something', "Invalid"),
    status(422, 'Secret "x" is invalid: patch: Invalid value: "{\\"data\\":{\\"key\\":\\"' + VALUE + '\\"}}": wrong'),
    status(422, f'x: Invalid value: "{VALUE}', "Invalid"),
    status(422, f"x: Invalid value: v1.Secret{{Data: {VALUE}}}: wrong", "Invalid"),
    status(422, "bad", "Invalid", causes=[{"message": f"the key {VALUE} is bad", "field": "data"}]),
    status(400, f'error found in #10 byte of ...|"key":"{VALUE}"|...'),
    status(403, f'admission webhook "w" denied the request: {VALUE[5:25]} is a key'),
    status(500, f"panic while storing {base64.b64encode(VALUE.encode()).decode()}"),
    status(409, f"conflict near {VALUE[3:14]}"),
]


@pytest.mark.parametrize("answer", QUOTING)
def test_no_value_that_was_sent_is_in_an_error(cluster: KubernetesCluster, script: Scripted, answer: Answer) -> None:
    """Servers and webhooks quote what they were sent, whole or in part, as it is or encoded."""
    script.answers = [answer]
    for write in (
        lambda: cluster.create(MANIFEST),
        lambda: cluster.replace(MANIFEST),
        lambda: cluster.patch(NAME, [{"op": "add", "path": "/stringData/key", "value": VALUE}]),
    ):
        with pytest.raises(ClusterError) as caught:
            write()
        shown = " ".join([*caught.value.messages, *caught.value.hints, repr(caught.value)])
        assert not any(VALUE[at : at + 8] in shown for at in range(len(VALUE) - 8))
        assert base64.b64encode(VALUE.encode()).decode()[:12] not in shown


def test_names_are_left_in_errors(cluster: KubernetesCluster, script: Scripted) -> None:
    """An error without the names of what is wrong would be of no use."""
    script.answers = [status(422, 'Secret "x" is invalid: metadata.namespace: Invalid value: "a": no such namespace')]
    with pytest.raises(RefusedError, match=r"metadata.namespace: Invalid value: no such namespace"):
        cluster.create(MANIFEST)


def page(*names: str, token: str = "") -> Answer:
    items = [{"metadata": {"name": name, "uid": f"uid-{name}"}} for name in names]
    return Answer(document={"metadata": {"continue": token} if token else {}, "items": items})


def test_lists_come_in_pages(cluster: KubernetesCluster, script: Scripted) -> None:
    """Each page is asked for with the token of the one before."""
    script.answers = [page("a", "b", token="t+1"), page("c")]
    assert [one["metadata"]["name"] for one in cluster.list("v1", "Secret", "a")] == ["a", "b", "c"]
    assert [path for _, path, _ in script.asked] == [
        "/api/v1/namespaces/a/secrets?limit=2",
        "/api/v1/namespaces/a/secrets?limit=2&continue=t%2B1",
    ]


def test_an_expired_page_starts_the_list_anew(cluster: KubernetesCluster, script: Scripted) -> None:
    """Nothing is given twice, and what came meanwhile is seen."""
    script.answers = [page("a", "b", token="t"), status(410, "gone", "Expired"), page("a", "new", token="u"), page("c")]
    assert [one["metadata"]["name"] for one in cluster.list("v1", "Secret")] == ["a", "b", "new", "c"]


def test_a_list_that_always_expires_ends(cluster: KubernetesCluster, script: Scripted) -> None:
    """It is told, and never takes half a list for the whole."""
    script.answers = [status(410, "gone", "Expired")]
    with pytest.raises(ClusterUnavailableError, match="secrets in all namespaces"):
        list(cluster.list("v1", "Secret"))


def test_deleting_what_is_gone_is_fine(cluster: KubernetesCluster, script: Scripted) -> None:
    """404, and also when only the answer to the first attempt was lost. The very object is named by its uid."""
    script.answers = [status(CUT), status(404, "not found", "NotFound")]
    cluster.delete(NAME, uid="u")
    assert json.loads(script.asked[0][2])["preconditions"] == {"uid": "u"}


def test_names_are_data(cluster: KubernetesCluster, script: Scripted) -> None:
    """A name cannot lead to another path."""
    script.answers = [status(404)]
    cluster.get(ObjectName("v1", "Secret", "a/../b", "x?y=/../z"))
    assert script.asked[0][1] == "/api/v1/namespaces/a%2F..%2Fb/secrets/x%3Fy%3D%2F..%2Fz"


def test_a_server_that_is_not_there(tmp_path: Path, slept: list[float]) -> None:
    """ClusterUnavailableError with its address; writes are tried again too, for nothing was sent."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        chosen = choose(Scripted(url).kubeconfig(tmp_path), None, {})
        cluster = KubernetesCluster(Transport(lambda: load(chosen), slept.append), pytest.fail)
        with pytest.raises(ClusterUnavailableError, match="Connection refused") as caught:
            cluster.create(MANIFEST)
    assert url in str(caught.value)
    assert len(slept) == ATTEMPTS - 1


def test_a_server_that_speaks_no_tls(script: Scripted, tmp_path: Path, slept: list[float]) -> None:
    """It is told apart from one that is not there."""
    script.url = script.url.replace("http:", "https:")
    chosen = choose(script.kubeconfig(tmp_path), None, {})
    cluster = KubernetesCluster(Transport(lambda: load(chosen), slept.append), pytest.fail)
    with pytest.raises(ClusterUnavailableError, match="certificate that is not trusted, or speaks no TLS"):
        cluster.get(NAME)


def test_plain_discovery_survives_a_dead_part(
    cluster: KubernetesCluster, script: Scripted, warnings: list[str]
) -> None:
    """An older server has no aggregated discovery; a part of its API that is down is left out with a warning."""
    groups = [
        {
            "name": "apps",
            "versions": [{"groupVersion": "apps/v1beta1"}, {"groupVersion": "apps/v1"}],
            "preferredVersion": {"groupVersion": "apps/v1"},
        },
        {"name": "metrics.k8s.io", "versions": [{"groupVersion": "metrics.k8s.io/v1"}]},
    ]
    deployment = {"name": "deployments", "kind": "Deployment", "namespaced": True, "verbs": ["list"]}
    scale = {"name": "deployments/scale", "kind": "Scale", "namespaced": True, "verbs": ["get"]}
    down = [status(503, "the server is currently unable to handle the request")] * ATTEMPTS
    script.answers = [
        Answer(document={"kind": "APIVersions", "versions": ["v1"]}),
        Answer(document={"kind": "APIGroupList", "groups": groups}),
        Answer(document={"resources": [deployment, scale]}),
        Answer(document={"resources": [deployment]}),
        *down,
    ]
    found = [(one.api_version, one.kind) for one in cluster.resources()]
    assert found == [("v1", "Secret"), ("apps/v1", "Deployment")]
    assert len(warnings) == 1
    assert "metrics.k8s.io/v1" in warnings[0]


def test_aggregated_discovery_survives_a_dead_part(
    cluster: KubernetesCluster, script: Scripted, warnings: list[str]
) -> None:
    """The server says that what it knows of a part is stale."""
    secret = {
        "resource": "secrets",
        "responseKind": {"group": "", "version": "", "kind": "Secret"},
        "scope": "Namespaced",
        "verbs": ["list"],
    }
    core = {"metadata": {}, "versions": [{"version": "v1", "freshness": "Current", "resources": [secret]}]}
    dead = {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1", "freshness": "Stale"}]}
    script.answers = [Answer(document={"items": [core]}), Answer(document={"items": [dead]})]
    assert [(one.api_version, one.kind, one.namespaced) for one in cluster.resources()] == [("v1", "Secret", True)]
    assert len(warnings) == 1
    assert "metrics.k8s.io/v1" in warnings[0]


def test_an_unknown_kind_is_asked_for_again(cluster: KubernetesCluster, script: Scripted) -> None:
    """A definition may come at any time."""
    script.answers = [status(404)]
    for _ in range(2):
        with pytest.raises(MissingError):
            cluster.get(ObjectName("x.example/v1", "Thing", "a", "x"))
    assert [path for _, path, _ in script.asked] == ["/apis/x.example/v1"] * 2
