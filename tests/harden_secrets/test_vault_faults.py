"""What goes wrong between harden and a Vault: tried again where that helps, and said in words that help where not."""

import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from bao.devserver import QUICK, DevServer, dev_server, free_port
from bao.troubled import SPILT, Trouble, Troubled, troubled

from harden_secrets.confidential import Confidential
from harden_secrets.vault.auth.token import TokenLogin
from harden_secrets.vault.connection import Connection
from harden_secrets.vault.kv import KeyValue
from harden_secrets.vault.port import (
    CasMismatchError,
    VaultDeniedError,
    VaultError,
    VaultSealedError,
    VaultUnavailableError,
)
from harden_secrets.vault.session import Session
from harden_secrets.vault.transport import client

KEPT = "value-that-nobody-may-see"
VALUE = {"a": Confidential(KEPT.encode())}
FORBIDDEN = (KEPT, SPILT, "dmFsdWUtdGhhdC1ub2JvZHktbWF5LXNlZQ", "root-of-the-tests")


def vault_at(
    address: str, ca: Path | None = None, token: str = "root-of-the-tests", pauses: list[float] | None = None
) -> KeyValue:
    session = Session(client(address, ca=ca, environment=False), TokenLogin(Confidential(token.encode())))
    return KeyValue(Connection(session, QUICK, (pauses if pauses is not None else []).append))


@pytest.fixture
def before(bao: DevServer) -> Iterator[Troubled]:
    with troubled(bao) as made:
        yield made


@pytest.fixture
def store(before: Troubled) -> KeyValue:
    """A Vault whose mount has been looked at already, so that troubles hit what the test does."""
    made = vault_at(before.address)
    made.read("warm/up")
    before.only = "/v1/secret/"
    return made


def complaint(act: Callable[[], object], kind: type[VaultError]) -> str:
    """The error's messages and hints, after a look through all of it for what must not be there."""
    with pytest.raises(kind) as raised:
        act()
    error = raised.value
    assert type(error) is kind or kind is VaultError
    everything = "\n".join([*traceback.format_exception(error), repr(error), *error.hints, *chain(error)])
    assert [word for word in FORBIDDEN if word in everything] == []
    return "\n".join([*error.messages, *error.hints])


def chain(error: BaseException | None) -> Iterator[str]:
    """What hangs on an exception and could be printed by somebody."""
    while error is not None:
        yield f"{error!r} {error.args!r} {vars(error)!r}"
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    ("trouble", "kind", "says"),
    [
        (Trouble(status=503, message="Vault is sealed"), VaultSealedError, "the Vault is sealed"),
        (Trouble(status=503), VaultUnavailableError, "stands by and no active server answers"),
        (Trouble(status=429), VaultUnavailableError, "asks for fewer requests (status 429)"),
        (Trouble(status=473), VaultUnavailableError, "stands by"),
        (Trouble(status=412), VaultUnavailableError, "does not have the newest state yet"),
        (Trouble(status=500), VaultUnavailableError, "it failed (status 500), while asking to read secret/data/a"),
        (Trouble(status=502), VaultUnavailableError, "status 502"),
        (Trouble(status=504), VaultUnavailableError, "status 504"),
        (Trouble(status=500, message="active cluster node not found"), VaultUnavailableError, "stands by"),
        (Trouble(status=501), VaultError, "was never initialised"),
        (Trouble(status=413), VaultError, "larger than the store takes"),
        (Trouble(status=400), VaultError, "the request is not accepted (status 400)"),
        (Trouble(status=405), VaultError, "no such operation (status 405)"),
        (Trouble(kind="cut"), VaultUnavailableError, "the connection was cut"),
        (Trouble(kind="junk"), VaultError, "what answers there is no Vault"),
    ],
    ids=lambda value: f"{value.kind}{value.status}{value.message[:8]}" if isinstance(value, Trouble) else "",
)
def test_each_failure_has_words_of_its_own(
    before: Troubled, store: KeyValue, trouble: Trouble, kind: type[VaultError], says: str
) -> None:
    """After as many tries as make sense; nothing of the answer is in them, not even deep down."""
    before.plan = [trouble] * 9
    tries = len(before.seen)
    assert says in complaint(lambda: store.read("a"), kind)
    passing = kind in (VaultSealedError, VaultUnavailableError)
    assert len(before.seen) - tries == (QUICK.attempts if passing else 1)


@pytest.mark.parametrize("status", [412, 429, 473, 500, 502, 503])
def test_what_passes_is_waited_for(before: Troubled, store: KeyValue, status: int) -> None:
    """Twice wrong, then right: nobody hears of it."""
    for act in (lambda: store.read("none"), lambda: store.metadata("none")):
        before.plan = [Trouble(status=status), Trouble(status=status)]
        assert act() is None
        assert before.plan == []


def test_a_server_that_asks_for_time_gets_it(before: Troubled) -> None:
    """Retry-After, up to half a minute, is the least pause."""
    pauses: list[float] = []
    made = vault_at(before.address, pauses=pauses)
    before.plan = [
        Trouble(status=429, headers={"Retry-After": "7"}),
        Trouble(status=429, headers={"Retry-After": "900"}),
    ]
    made.read("a")
    assert pauses == [7.0, 30.0]


def test_a_write_whose_answer_was_lost_is_recognised(before: Troubled, store: KeyValue) -> None:
    """The try after it finds a newer version, which is our own; nothing is written twice."""
    before.plan = [Trouble(kind="lost")]
    assert store.write("lost/one", VALUE, cas=0) == 1
    before.plan = [Trouble(kind="lost"), Trouble(status=503)]
    assert store.write("lost/one", VALUE, cas=1) == 2
    known = store.metadata("lost/one")
    assert known is not None
    assert known.current == 2


def test_a_version_of_somebody_else_is_never_taken_for_ours(bao: DevServer, before: Troubled, store: KeyValue) -> None:
    """The first try did not arrive, and then another wrote: that is a mismatch, whatever we tried."""
    before.plan = [Trouble(kind="cut")]
    bao.vault().write("lost/two", {"a": Confidential(b"theirs")}, cas=0)
    with pytest.raises(CasMismatchError):
        store.write("lost/two", VALUE, cas=0)


def test_metadata_whose_answer_was_lost(bao: DevServer, before: Troubled, store: KeyValue) -> None:
    """The change is there once, and what others noted too."""
    other = bao.vault()
    other.annotate("lost/three", {"theirs": "1"})
    before.only = "/v1/secret/metadata/"
    before.plan = [Trouble(kind="lost"), Trouble(kind="lost")]
    store.annotate("lost/three", {"ours": "2"})
    known = other.metadata("lost/three")
    assert known is not None
    assert dict(known.custom) == {"theirs": "1", "ours": "2"}


def test_others_metadata_is_not_overwritten(bao: DevServer, before: Troubled, store: KeyValue) -> None:
    """Somebody changes another key at the same moment: both changes are there."""
    other = bao.vault()
    other.annotate("race/one", {"a": "1"})
    read = store._raw_metadata

    def slow(path: str) -> object:
        data = read(path)
        if "b" not in (data or {}).get("custom_metadata", {}):
            other.annotate(path, {"b": "2"})
        return data

    store._raw_metadata = slow  # type: ignore[method-assign, assignment]
    store.annotate("race/one", {"c": "3"})
    known = other.metadata("race/one")
    assert known is not None
    assert dict(known.custom) == {"a": "1", "b": "2", "c": "3"}


def test_what_reads_back_differently_is_no_success(before: Troubled, store: KeyValue, bao: DevServer) -> None:
    """A store that answers "written" and holds something else is told of."""
    read = store.read

    def forged(path: str, version: int | None = None) -> object:
        found = read(path, version)
        return found and replace(found, fields={"a": Confidential(b"other")})

    store.read = forged  # type: ignore[method-assign, assignment]
    assert "reads back differently" in complaint(lambda: store.write("forged", VALUE, cas=0), VaultError)


def test_another_version_is_said(store: KeyValue) -> None:
    """With the path, and what to do."""
    store.write("cas/one", VALUE, cas=0)
    words = complaint(lambda: store.write("cas/one", VALUE, cas=0), CasMismatchError)
    assert "secret/data/cas/one: has another version than expected" in words


def test_kv_version_1_is_refused(bao: DevServer) -> None:
    """It would ignore cas without a word."""
    bao.root().sys.enable_secrets_engine("kv", path="old", options={"version": "1"})
    words = complaint(lambda: bao.vault("old").write("a", VALUE, cas=0), VaultError)
    assert 'the mount "old" is KV version 1' in words
    bao.root().sys.enable_secrets_engine("transit", path="not-kv")
    assert 'is of type "transit", not kv' in complaint(lambda: bao.vault("not-kv").read("a"), VaultError)


def test_a_mount_that_is_not_there(bao: DevServer) -> None:
    """The server does not say whether it is missing or forbidden, so both are said."""
    assert 'there is no mount "nope", or' in complaint(lambda: bao.vault("nope").read("a"), VaultDeniedError)


def test_nothing_listens() -> None:
    """Said with the way to start one."""
    words = complaint(lambda: vault_at(f"http://127.0.0.1:{free_port()}").read("a"), VaultUnavailableError)
    assert "nothing listens there" in words
    assert "harden vault up" in words


def test_a_name_that_does_not_resolve() -> None:
    """At once, and not as a failure of the server."""
    assert "cannot be resolved" in complaint(lambda: vault_at("https://vault.invalid").read("a"), VaultUnavailableError)


def test_silence_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the connection and says nothing."""
    monkeypatch.setattr("harden_secrets.vault.transport.ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert "did not answer in time" in complaint(lambda: vault_at(address).read("a"), VaultUnavailableError)


def test_a_certificate_of_nobody_we_know(bao: DevServer) -> None:
    """Why, and what names the authority; it is not tried again."""
    words = complaint(lambda: vault_at(bao.address).read("a"), VaultError)
    assert "its certificate is not accepted" in words
    assert "VAULT_CACERT" in words


def test_plain_text_where_tls_was_asked(before: Troubled, bao: DevServer) -> None:
    """And the other way round."""
    assert "check http or https" in complaint(
        lambda: vault_at(before.address.replace("http:", "https:")).read("a"), VaultError
    )
    assert "check http or https" in complaint(
        lambda: vault_at(bao.address.replace("https:", "http:")).read("a"), VaultError
    )


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_that_is_no_authority(bao: DevServer, tmp_path: Path, content: str | None) -> None:
    """Named, with the reason."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    words = complaint(lambda: vault_at(bao.address, file).read("a"), VaultError)
    assert str(file) in words


def test_no_redirect_out_of_tls(bao: DevServer, tmp_path: Path) -> None:
    """The token travels in a header: it is not carried on to a plain address."""
    certificate = bao.ca.with_name("vault-cert.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, bao.ca.with_name("vault-key.pem"))
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as plain, socket.create_server(("127.0.0.1", 0)) as listener:
        plain.settimeout(0.5)
        target = f"http://127.0.0.1:{plain.getsockname()[1]}/v1/x"

        def serve() -> None:
            with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
                connection.recv(65536)
                answer = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n"
                connection.sendall(answer.encode())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        address = f"https://127.0.0.1:{listener.getsockname()[1]}"
        assert "redirects to an address without TLS" in complaint(
            lambda: vault_at(address, bao.ca).read("a"), VaultError
        )
        thread.join(5)
        with pytest.raises(TimeoutError):
            heard.append(plain.accept()[0].recv(1000))
    assert heard == []


def test_a_seal_that_is_real() -> None:
    """The same words for a real one, and it works again when it is undone."""
    with dev_server() as server:
        made = vault_at(server.address, server.ca)
        made.read("a")
        server.root().adapter.put("/v1/sys/seal")
        assert "the Vault is sealed" in complaint(lambda: made.read("a"), VaultSealedError)


def test_a_value_too_large_is_said(bao: DevServer) -> None:
    """40 MB do not go into one request."""
    large = {"a": Confidential(b"x" * 40_000_000)}
    complaint(lambda: bao.vault().write("large", large, cas=0), VaultError)


def test_values_of_others_are_read_as_they_are(bao: DevServer) -> None:
    """Without our marker: texts as UTF-8, anything else as its JSON. With a wrong marker, words and no value."""
    root, vault = bao.root(), bao.vault()
    root.secrets.kv.v2.create_or_update_secret("foreign/a", {"t": "ț", "n": 1, "l": [1, {"a": None}], "b": True})
    found = vault.read("foreign/a")
    assert found is not None
    assert {name: value.reveal() for name, value in found.fields.items()} == {
        "t": "ț".encode(), "n": b"1", "l": b'[1,{"a":null}]', "b": b"true",
    }  # fmt: skip
    root.secrets.kv.v2.create_or_update_secret("foreign/b", {"a": KEPT, "harden_encoding": "base64"})
    assert 'the field "a" is not the base64' in complaint(lambda: vault.read("foreign/b"), VaultError)
    root.secrets.kv.v2.create_or_update_secret("foreign/c", {"a": KEPT, "harden_encoding": "rot13"})
    assert "its harden_encoding is not base64" in complaint(lambda: vault.read("foreign/c"), VaultError)
