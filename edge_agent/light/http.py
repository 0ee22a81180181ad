"""A lamp that is switched by HTTP."""

import http.client
import threading
import urllib.error
import urllib.request
from http import HTTPStatus
from urllib.parse import urlsplit

from edge_agent.common.errors import ConfigError, SourceError
from edge_agent.light.config import HttpLight
from edge_agent.mqtt.endpoint import read_credentials
from edge_agent.sources.network.address import shown
from edge_agent.sources.network.failures import failure, refusal
from edge_agent.sources.network.login import Login, as_header, from_header


class HttpLamp:
    """Asks for one address to switch on and for another to switch off.

    Args:
        config: which.

    Raises:
        SourceError: its credentials file is missing, or no such file.
    """

    def __init__(self, config: HttpLight) -> None:
        self._config = config
        try:
            path = config.credentials_file
            credentials = None if path is None else read_credentials(path)
        except ConfigError as error:
            raise SourceError(f"light {shown(config.on)}: {error}") from error
        # A lamp may have another for each of its addresses; what one has asked for is remembered.
        self._logins = {address: Login(credentials) for address in (config.on, config.off)}
        # A lamp is in the house: no proxy of the environment is asked.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def switch(self, on: bool, timeout_s: float | None = None) -> None:
        """As `Lamp.switch`.

        Raises:
            SourceError: there was no answer in time, or one that refuses.
        """
        config = self._config
        address = config.on if on else config.off
        within_s = config.timeout_s if timeout_s is None else min(timeout_s, config.timeout_s)
        problems: list[str] = []
        # A socket's timeout is for each packet; an answer that comes in drops is bounded so.
        thread = threading.Thread(
            target=lambda: problems.append(self._ask(address, within_s)), daemon=True
        )
        thread.start()
        thread.join(within_s)
        problem = problems[0] if problems else f"no answer in {within_s:g} s"
        if problem:
            raise SourceError(
                f"light {shown(address)}: expected to switch it {'on' if on else 'off'}, "
                f"found {problem}"
            )

    def close(self) -> None:
        """As `Lamp.close`."""

    def _ask(self, address: str, timeout_s: float) -> str:
        """Why it did not work; empty if it did."""
        login = self._logins[address]
        problem, challenges = self._request(address, login, timeout_s)
        if challenges and login.learn(challenges):
            problem, _ = self._request(address, login, timeout_s)
        return problem

    def _request(self, address: str, login: Login, timeout_s: float) -> tuple[str, list[str]]:
        """Why it did not work, empty if it did, and by what we are asked who we are."""
        method = self._config.method
        try:
            request = urllib.request.Request(
                address, method=method, data=None if method == "GET" else b""
            )
            authorization = login.header(method, request.selector)
            if authorization is not None:
                # Not for whomever it sends us to.
                request.add_unredirected_header("Authorization", as_header(authorization))
            with self._opener.open(request, timeout=timeout_s):
                return "", []
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != HTTPStatus.UNAUTHORIZED:
                return f"status {error.code}", []
            asked = error.headers.get_all("WWW-Authenticate", [])
            known = login.credentials is not None
            return refusal(error.code, known=known), [from_header(text) for text in asked]
        except urllib.error.URLError as error:
            # urllib's own wrap those of the system
            why = error.reason if isinstance(error.reason, Exception) else error
            return _failed(why, address, timeout_s), []
        except (OSError, ValueError, http.client.HTTPException) as error:
            return _failed(error, address, timeout_s), []


def _failed(error: Exception, address: str, timeout_s: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer in {timeout_s:g} s"
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "an address that is none"
    return failure(error, host, port, timeout_s)
