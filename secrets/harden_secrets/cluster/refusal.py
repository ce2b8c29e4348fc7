"""From an answer of the API server that is no success to the error that says what it means.

The body is a Status object (Kubernetes API conventions, "Response Status Kind"): ``reason`` and ``details`` say more
than the HTTP status does.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harden_secrets.cluster.port import (
    AlreadyExistsError,
    ClusterDeniedError,
    ClusterError,
    ClusterUnavailableError,
    ConflictError,
    MissingError,
    RefusedError,
)
from harden_secrets.cluster.redaction import without_values

# The authoriser's words; any other 403 comes from an admission plugin, a quota or a webhook.
_NOT_AUTHORISED = re.compile(r" cannot \S+ (?:resource|path) ")
# All that a server says of a JSON patch that does not apply, be it for a test or for a path that is not there.
_INAPPLICABLE = "the server rejected our request due to an error in our request"
_IS_FORBIDDEN = re.compile(r"^.*? is forbidden: ", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was wanted, in words and as RBAC sees it: ``verb`` on ``resource`` (``pods/exec``) in ``namespace``."""

    what: str  # "configmap openclaw/git-crypt-key", "secrets in all namespaces"
    verb: str
    resource: str
    group: str = ""
    namespace: str = ""
    patches: bool = False
    sent: Any = field(default=None, repr=False)  # may hold values

    @property
    def permission(self) -> str:
        """What a role would have to allow."""
        of = f" of {self.group}" if self.group else ""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} on {self.resource}{of}{where}"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with an error status."""

    status: int
    body: bytes = field(repr=False)


class ExpiredError(ClusterError):
    """410: the page, or the version, that was asked for is gone."""


_REFUSED = (RefusedError, " is refused")
_MEANINGS: Mapping[int, tuple[type[ClusterError], str]] = {
    400: _REFUSED,
    404: (MissingError, " is not there"),
    405: _REFUSED,
    409: (ConflictError, " has changed meanwhile"),
    410: (ExpiredError, ": what was asked for is no longer kept"),
    413: _REFUSED,
    415: _REFUSED,
    422: _REFUSED,
}


def refusal(answer: Answer, wish: Wish, user: str = "") -> ClusterError:
    """The error for an answer. No value that was sent is in its words. ``user`` names whose credentials were used."""
    document = _document(answer.body)
    message = _message(document, answer, wish)
    if answer.status == 401:
        return _unauthorised(wish, user)
    if answer.status == 403:
        return _forbidden(message, wish)
    if answer.status == 409 and document.get("reason") == "AlreadyExists":
        return AlreadyExistsError(f"{wish.what} exists already")
    if answer.status == 422 and wish.patches and message == _INAPPLICABLE:
        return ConflictError(f"{wish.what} is not what the patch was made for: the patch does not apply")
    kind, words = _other(answer.status)
    return kind(f"{wish.what}{words}: {message}")


def _other(status: int) -> tuple[type[ClusterError], str]:
    """What an HTTP status means by itself."""
    if status in _MEANINGS:
        return _MEANINGS[status]
    if status == 429 or status >= 500:
        return ClusterUnavailableError, f": the API server failed ({status})"
    return ClusterError, f": the API server answered {status}"


def _unauthorised(wish: Wish, user: str) -> ClusterError:
    whose = f" of {user}" if user else ""
    return ClusterDeniedError(
        f"{wish.what}: the API server does not accept the credentials{whose} (401)",
        "log in anew, or choose another context with --context",
    )


def _forbidden(message: str, wish: Wish) -> ClusterError:
    if _NOT_AUTHORISED.search(message) or not message:
        words = _IS_FORBIDDEN.sub("", message) or "the API server says no more"
        return ClusterDeniedError(f"{wish.what} is denied: {words}", f"this needs the right to {wish.permission}")
    return RefusedError(f"{wish.what} is refused: {message}")


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _message(document: Mapping[str, Any], answer: Answer, wish: Wish) -> str:
    """What the server said: the message and those causes that it does not hold already; or the number alone."""
    message = document.get("message")
    if not isinstance(message, str) or not message:
        return f"HTTP status {answer.status}"
    details = document.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    texts = [one.get("message") for one in causes or () if isinstance(one, dict)]
    more = [text for text in texts if isinstance(text, str) and text and text not in message]
    return without_values("; ".join([message, *more]), wish.sent)
