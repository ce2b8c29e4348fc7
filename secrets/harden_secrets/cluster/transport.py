"""Requests to the API server: limits of time, retries, and errors in words."""

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests.utils
import tenacity
import urllib3

import harden
from harden_secrets.cluster.access import Access
from harden_secrets.cluster.port import ClusterError, ClusterUnavailableError
from harden_secrets.cluster.refusal import Answer, Wish, refusal

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
ATTEMPTS = 6
LONGEST_WAIT = 20.0  # seconds between two attempts, whatever the server asks for
_TIMES = urllib3.Timeout(connect=10, read=60)
_PASSING = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``repeatable``: doing it twice is the same as doing it once, so it may be retried at will."""

    method: str
    path: str
    wish: Wish
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = field(default=None, repr=False)  # may hold values
    content_type: str = JSON
    accept: str = JSON
    repeatable: bool = True


class _PassingError(ClusterUnavailableError):
    """What may be gone at the next attempt; ``after`` seconds at the earliest."""

    after: float = 0.0
    safe = False  # whether it is certain that the server did nothing


class Transport:
    """Sends requests with the credentials of ``load()``, which is asked again when they are refused.

    ``sleep`` waits between attempts. Safe to use from several threads.
    """

    def __init__(self, load: Callable[[], Access], sleep: Callable[[float], None] = time.sleep) -> None:
        self._load = load
        self._sleep = sleep
        self.access = load()
        self._pool = _pool(self.access)

    def json(self, request: Request) -> Any:
        """The document in the answer. Raises ClusterError."""
        content = self._answer(request)
        try:
            return json.loads(content)
        except ValueError:
            raise ClusterError(f"{request.wish.what}: {self.access.server} answered with what is no JSON") from None

    def _answer(self, request: Request) -> bytes:
        attempts = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: _again(error, request)),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        return attempts(self._renewed, request)

    def _renewed(self, request: Request) -> bytes:
        """One attempt, or two when the credentials had run out."""
        status, content, error = self._once(request)
        if status == 401:
            self.access = self._load()
            self._pool = _pool(self.access)
            status, content, error = self._once(request)
        if error is not None:
            raise error
        return content

    def _once(self, request: Request) -> tuple[int, bytes, ClusterError | None]:
        url = self.access.server + request.path + ("?" + urlencode(request.query) if request.query else "")
        body = None if request.body is None else json.dumps(request.body).encode()
        try:
            answer = self._pool.request(
                request.method,
                url,
                body=body,
                headers=self._headers(request, body),
                timeout=_TIMES,
                retries=False,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise _unreachable(error, self.access, request.wish) from None
        if answer.status < 300:
            return answer.status, answer.data, None
        return answer.status, b"", self._refused(answer, request.wish)

    def _headers(self, request: Request, body: bytes | None) -> dict[str, str]:
        kind = {"Content-Type": request.content_type} if body is not None else {}
        said = {"Accept": request.accept, "User-Agent": f"harden/{harden.__version__}", **kind}
        return {**said, **self.access.headers()}

    def _refused(self, answer: urllib3.BaseHTTPResponse, wish: Wish) -> ClusterError:
        error = refusal(Answer(answer.status, answer.data), wish, f"context {self.access.context}")
        if answer.status not in _PASSING:
            return error
        passing = _PassingError(error.messages, "try again later; the API server is overloaded or has a fault")
        passing.after = _seconds(answer.headers.get("Retry-After"))
        passing.safe = answer.status == 429
        return passing


def _again(error: BaseException, request: Request) -> bool:
    return isinstance(error, _PassingError) and (request.repeatable or error.safe)


def _wait(state: tenacity.RetryCallState) -> float:
    """Twice as long each time, with a jitter so that many clients do not come back at once; or what the server asks."""
    outcome = state.outcome
    error = outcome.exception() if outcome is not None else None
    asked = error.after if isinstance(error, _PassingError) else 0.0
    backoff = 0.2 * 2.0**state.attempt_number
    return min(LONGEST_WAIT, max(asked, backoff) * random.uniform(1.0, 1.5))  # noqa: S311 - a pause, not a secret


def _seconds(text: str | None) -> float:
    try:
        return max(0.0, float(text)) if text else 0.0
    except ValueError:
        return 0.0  # a date: as long as we wait anyway


def _unreachable(error: urllib3.exceptions.HTTPError, access: Access, wish: Wish) -> _PassingError:
    where = f"{wish.what}: the API server {access.server} of context {access.context}"
    if isinstance(error, urllib3.exceptions.SSLError):
        return _PassingError(
            f"{where} has a certificate that is not trusted, or speaks no TLS: {_reason(error)}",
            "the kubeconfig's certificate-authority must be the one that signed it",
        )
    if isinstance(error, urllib3.exceptions.ReadTimeoutError):
        return _PassingError(f"{where} did not answer within {_TIMES.read_timeout:g} seconds")
    passing = _PassingError(
        f"{where} cannot be reached: {_reason(error)}", "is it running, and is this the right context?"
    )
    never = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        urllib3.exceptions.ProxyError,
    )
    passing.safe = isinstance(error, never)
    return passing


def _reason(error: BaseException) -> str:
    """The innermost cause, in its own words; they name hosts and errors of the system, and no body."""
    while error.__context__ is not None or error.__cause__ is not None:
        error = error.__cause__ or error.__context__ or error
    return str(getattr(error, "strerror", None) or getattr(error, "verify_message", None) or error)


def _pool(access: Access) -> urllib3.PoolManager:
    options: dict[str, Any] = {"ssl_context": access.tls, "maxsize": 8}
    if access.server_name:
        options |= {"server_hostname": access.server_name}
    if not access.proxy or requests.utils.should_bypass_proxies(access.server, access.no_proxy):
        return urllib3.PoolManager(**options)
    if urlsplit(access.proxy).scheme.startswith("socks"):
        raise ClusterError(f"context {access.context}: a SOCKS proxy is not spoken to")
    return urllib3.ProxyManager(access.proxy, **options)
