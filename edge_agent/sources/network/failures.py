"""Why a camera in the network does not answer as one: each failure by its name."""

import http.client
import socket
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from edge_agent.common.errors import SourceError

# Nobody is left alone for longer, whatever he asks for: the watchdog's slack is a minute.
MOST_WAIT_S = 50.0

STATUSES = {
    403: "this user may not see it",
    404: "nothing is at this path",
    429: "it is asked too often",
    453: "the network to it is full",
    454: "it has forgotten the session",
    461: "it does not speak over TCP",
    503: "it is busy, perhaps with others who look",
}


class BusyError(SourceError):
    """A camera asks to be left alone for `wait_s`."""

    def __init__(self, message: str, wait_s: float) -> None:
        super().__init__(message)
        self.wait_s = wait_s


def wait_s(retry_after: str) -> float:
    """How long `Retry-After` (RFC 9110, seconds or a date) asks us to wait; 0 if it does not."""
    if retry_after.isascii() and retry_after.isdecimal() and len(retry_after) < len("1000000"):
        return min(float(retry_after), MOST_WAIT_S)
    try:
        left = parsedate_to_datetime(retry_after) - datetime.now(UTC)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(0.0, left.total_seconds()), MOST_WAIT_S)


def failure(error: Exception, host: str, port: int, waited_s: float) -> str:
    """What was found where a connection was expected.

    Args:
        error: of a socket, of TLS, or of `http.client`.
        host: who was to answer.
        port: where.
        waited_s: for how long.
    """
    where = f"{host}:{port}"
    match error:
        case socket.gaierror() if error.errno == socket.EAI_AGAIN:
            return f"no name server that says where {host!r} is"
        case socket.gaierror():
            return f"no host of the name {host!r}"
        case TimeoutError():
            return f"no answer from {where} within {waited_s:g} s"
        case ConnectionRefusedError():
            return f"nobody who listens at {where} (connection refused)"
        case ssl.SSLCertVerificationError():
            return f"a certificate that is not trusted: {error.verify_message}"
        case ssl.SSLError():
            return f"no TLS at {where}: {(error.reason or 'broken').replace('_', ' ').lower()}"
        case ConnectionError() | http.client.IncompleteRead():
            return f"that {where} hangs up"
        case http.client.InvalidURL():
            return "an address that is none"
        case http.client.HTTPException():
            return f"that {where} speaks no HTTP"
        case ValueError():  # of the codec for names in other letters, or of TLS
            return f"no host of the name {host!r}"
        case OSError():
            return f"no way to {where}: {error.strerror or error}"
    return f"{type(error).__name__} from {where}"


def refusal(status: int, *, known: bool) -> str:
    """What was found where success was expected.

    Args:
        status: of HTTP or RTSP, which share the common ones.
        known: whether a user and a password were given.
    """
    if status == HTTPStatus.UNAUTHORIZED:
        why = "it refuses this user or password" if known else "it wants a user and a password"
    elif status in STATUSES:
        why = STATUSES[status]
    else:
        try:
            why = HTTPStatus(status).phrase
        except ValueError:
            why = "whatever that means there"
    return f"status {status}: {why}"
