"""hvac's way to a server, made quiet: an answer that is a failure becomes a :class:`Trouble` and its body is dropped.

hvac's own exceptions carry the answer's text, and answers quote requests; so none of them is let come to life.
"""

import contextlib
import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hvac
import requests
import urllib3.exceptions
from hvac.adapters import JSONAdapter

from harden_secrets.vault.port import VaultError
from harden_secrets.vault.trouble import Kind, Trouble, classified

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
_PLAIN_ANSWERS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")  # OpenSSL's words for an answer without TLS
_LONGEST_WAIT = 30.0  # seconds; a server may ask for any number


class TroubleError(Exception):
    """Carries a trouble from where it shows to where it is put into words or tried again."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.kind.name)
        self.trouble = trouble


class _NoSuchPathError(Exception):
    """404: there is nothing."""


class _QuietAdapter(JSONAdapter):
    """Turns statuses into ours before hvac can make an exception of the body."""

    def request(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["raise_exception"] = False
        answer = super().request(*args, **kwargs)
        if not isinstance(answer, requests.Response):
            return answer
        if answer.status_code == 404:
            raise _NoSuchPathError
        if not answer.ok:
            kind = classified(answer.status_code, answer.text)
            raise TroubleError(Trouble(kind, answer.status_code, wait=_wait_of(answer)))
        if answer.status_code == 200:  # a body that is not JSON
            raise TroubleError(Trouble(Kind.NO_VAULT, 200))
        return answer


class _Session(requests.Session):
    """With limits of its own, and without following a redirect from TLS to plain text.

    The token travels in a header that requests would send along.
    """

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["timeout"] = (CONNECT_SECONDS, ANSWER_SECONDS)  # hvac knows only one number for both
        return super().request(*args, **kwargs)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target: str | None = super().get_redirect_target(resp)
        scheme = urlsplit(target).scheme if target else ""
        if scheme == "http" and urlsplit(resp.url).scheme == "https":
            raise TroubleError(Trouble(Kind.REDIRECT))
        return target


def client(address: str, *, namespace: str = "", ca: Path | None = None, environment: bool = True) -> hvac.Client:
    """A client without a token. ``environment`` lets proxies of the environment count.

    Raises VaultError for a CA file that is none.
    """
    session = _Session()
    session.trust_env = environment
    if ca is not None:
        _check_authority(ca)
        session.verify = str(ca)
    return hvac.Client(
        url=address,
        token="",
        verify=str(ca) if ca is not None else True,
        session=session,
        adapter=_QuietAdapter,
        namespace=namespace or None,
    )


def _check_authority(ca: Path) -> None:
    try:
        ssl.create_default_context(cafile=str(ca))
    except ssl.SSLError:
        reason = "is no PEM file with certificates"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    else:
        return
    raise VaultError(f"{ca}: {reason}", "VAULT_CACERT names the file with the authority of the Vault's certificate")


def exchanged(call: Callable[[hvac.Client], Any], vault: hvac.Client) -> Any:
    """What ``call`` gives, or None where the path is not there. Raises TroubleError, and nothing of the libraries'."""
    trouble: Trouble | None = None
    try:
        return call(vault)
    except _NoSuchPathError:
        return None
    except TroubleError as error:
        trouble = error.trouble
    except requests.RequestException as error:
        trouble = _of_transport(error)
    # Raised out here, so that it has no context: those exceptions may hold requests and answers.
    raise TroubleError(trouble)


def answered(call: Callable[[hvac.Client], Any], vault: hvac.Client) -> Mapping[str, Any]:
    """The JSON that ``call`` gives, where its absence is a failure too."""
    answer = exchanged(call, vault)
    if not isinstance(answer, Mapping):
        raise TroubleError(Trouble(Kind.MISSING if answer is None else Kind.NO_VAULT))
    return answer


def _of_transport(error: requests.RequestException) -> Trouble:
    for cause in _causes(error):
        if trouble := _of_cause(cause):
            return trouble
    if isinstance(error, requests.Timeout):
        return Trouble(Kind.TIMEOUT)
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return Trouble(Kind.NO_ADDRESS)
    return Trouble(Kind.UNREACHABLE)


def _of_cause(cause: BaseException) -> Trouble | None:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Trouble(Kind.TLS, detail=cause.verify_message)
    if isinstance(cause, ssl.SSLError):
        reason = cause.reason or "TLS failed"
        kind = Kind.NOT_TLS if reason in _PLAIN_ANSWERS else Kind.UNREACHABLE
        return Trouble(kind, detail=reason.replace("_", " ").lower())
    if isinstance(cause, ConnectionRefusedError):
        return Trouble(Kind.REFUSED_CONNECTION)
    if isinstance(cause, socket.gaierror | urllib3.exceptions.NameResolutionError):
        return Trouble(Kind.NO_ADDRESS)
    return None


def _causes(error: BaseException) -> list[BaseException]:
    """The exception and all that it wraps, in whichever of the three ways the libraries do that."""
    found: list[BaseException] = []
    waiting: list[BaseException] = [error]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        found.append(one)
        inner = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        waiting.extend(item for item in inner if isinstance(item, BaseException))
    return found


def _wait_of(answer: requests.Response) -> float:
    with contextlib.suppress(ValueError):
        return max(0.0, min(_LONGEST_WAIT, float(answer.headers.get("Retry-After", "0"))))
    return 0.0
