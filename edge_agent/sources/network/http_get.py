"""`HttpPlace`: asks a camera over HTTP for what is at its address."""

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from edge_agent.common.errors import SourceError
from edge_agent.mqtt.endpoint import Credentials
from edge_agent.sources.network.failures import BusyError, failure, refusal, wait_s
from edge_agent.sources.network.login import Login, as_header, from_header

MAX_REDIRECTS = 5
PORTS = {"http": 80, "https": 443}
# What stays as it is in an address (RFC 3986), also what is quoted already.
RESERVED = "%/?&=;:@!$'()*+,~[]"
BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
MOVED = frozenset({301, 302, 303, 307, 308})


class HttpAnswer:
    """What a camera answers, its body not read yet; a context manager that hangs up.

    Args:
        response: from it.
        connection: to it, which the response may outlive.
        sock: beneath both.
    """

    def __init__(
        self,
        response: http.client.HTTPResponse,
        connection: http.client.HTTPConnection,
        sock: socket.socket,
    ) -> None:
        self.response, self._connection, self.socket = response, connection, sock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self.response.close()
        self._connection.close()

    @property
    def content_type(self) -> str:
        """Without its parameters, in small letters; empty if none is said."""
        return self.header("Content-Type").partition(";")[0].strip().lower()

    def header(self, name: str) -> str:
        """A header's value; empty without it."""
        return self.response.headers.get(name, "")


class HttpPlace:
    """Where a camera is; no proxy is asked.

    User and password go to the host of the address alone, wherever it sends us.

    Args:
        url: http:// or https://, without user and password.
        credentials: these.
        ca_file: who has signed its certificate; None believes any, as those of cameras are
            signed by nobody.
        place: names it in errors.

    Raises:
        SourceError: `ca_file` is missing, or holds no certificates.
    """

    def __init__(
        self, url: str, credentials: Credentials | None, ca_file: Path | None, place: str
    ) -> None:
        self._url, self._place = url, place
        # Also for a camera without TLS: it may send us to where there is some.
        self._tls = self._context(ca_file)
        self._login, self._stranger = Login(credentials), Login(None)

    def get(self, headers: Mapping[str, str], budget_s: float) -> HttpAnswer:
        """Its answer, after whatever redirections and challenges; of status 200 or 304.

        Args:
            headers: of the request.
            budget_s: how long all of it may take; each read of the body as long again.

        Raises:
            SourceError: it does not answer, or not with success; the message names what is wrong.
        """
        url, deadline = self._url, time.monotonic() + budget_s
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._ask(urlsplit(url), headers, deadline, budget_s)
            if answer.response.status not in MOVED:
                return self._checked(answer, url)
            with answer:
                url = self._following(url, answer.header("Location"))
        raise self._error("an answer", f"more than {MAX_REDIRECTS} redirections")

    def _following(self, url: str, location: str) -> str:
        """Where it sends us from `url`."""
        if not location:
            raise self._error("HTTP", "that it sends us away, and does not say where to")
        try:
            following = urljoin(url, location)
            parts = urlsplit(following)
        except ValueError as error:
            raise self._error("HTTP", "that it sends us to what is no address") from error
        if parts.scheme not in PORTS or not parts.hostname:
            raise self._error("HTTP", "that it sends us to what is none")
        return following

    def _checked(self, answer: HttpAnswer, url: str) -> HttpAnswer:
        """`answer`, from `url`, if it is of success."""
        status = answer.response.status
        if status in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
            return answer
        with answer:
            if status == HTTPStatus.UNAUTHORIZED and not self._is_ours(urlsplit(url)):
                why = "it sends us to another address, which wants a user and a password"
                raise self._error("a picture", f"status {status}: {why}")
            error = self._error(
                "a picture", refusal(status, known=self._login.credentials is not None)
            )
            if status in BUSY:
                raise BusyError(str(error), wait_s(answer.header("Retry-After")))
            raise error

    def _is_ours(self, parts: SplitResult) -> bool:
        ours = urlsplit(self._url)
        return (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc)

    def _ask(
        self, parts: SplitResult, headers: Mapping[str, str], deadline: float, budget_s: float
    ) -> HttpAnswer:
        login = self._login if self._is_ours(parts) else self._stranger
        answer = self._request(parts, headers, login, deadline, budget_s)
        asked = answer.response.headers.get_all("WWW-Authenticate", [])
        if answer.response.status == HTTPStatus.UNAUTHORIZED and login.learn(
            [from_header(text) for text in asked]
        ):
            answer.__exit__()
            answer = self._request(parts, headers, login, deadline, budget_s)
        return answer

    def _request(
        self,
        parts: SplitResult,
        headers: Mapping[str, str],
        login: Login,
        deadline: float,
        budget_s: float,
    ) -> HttpAnswer:
        host, target = parts.hostname or "", parts.path or "/"
        target = quote(f"{target}?{parts.query}" if parts.query else target, safe=RESERVED)
        try:
            port = parts.port or PORTS[parts.scheme]
        except ValueError as error:
            raise self._error("an address", "one with an impossible port") from error
        said = {"User-Agent": "edgeward-agent", "Accept": "*/*", "Connection": "close", **headers}
        authorization = login.header("GET", target)
        if authorization is not None:
            said["Authorization"] = as_header(authorization)
        left_s = max(0.05, deadline - time.monotonic())
        connection = self._connection(parts.scheme, host, port, left_s)
        try:
            connection.connect()
            sock: socket.socket = connection.sock
            sock.settimeout(max(0.05, deadline - time.monotonic()))
            connection.request("GET", target, headers=said)
            response = connection.getresponse()
            sock.settimeout(budget_s)
        except (OSError, ValueError, http.client.HTTPException) as error:
            connection.close()
            raise self._error("a camera", failure(error, host, port, budget_s)) from error
        return HttpAnswer(response, connection, sock)

    def _connection(
        self, scheme: str, host: str, port: int, timeout_s: float
    ) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=timeout_s)
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=self._tls)

    def _context(self, ca_file: Path | None) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=ca_file)
        except ssl.SSLError as error:
            raise self._error("certificates in ca_file", f"none in {ca_file}") from error
        except OSError as error:
            found = f"{ca_file}: {error.strerror}"
            raise self._error("certificates in ca_file", found) from error
        if ca_file is None:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def _error(self, expected: str, found: str) -> SourceError:
        return SourceError(f"{self._place}: expected {expected}, found {found}")
