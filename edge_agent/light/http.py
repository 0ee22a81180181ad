"""A lamp that is switched by HTTP."""

import threading
import urllib.error
import urllib.request

from edge_agent.common.errors import SourceError
from edge_agent.light.config import HttpLight
from edge_agent.sources.network.address import shown


class HttpLamp:
    """Asks for one address to switch on and for another to switch off.

    Args:
        config: which.
    """

    def __init__(self, config: HttpLight) -> None:
        self._config = config
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
        method = self._config.method
        request = urllib.request.Request(
            address, method=method, data=None if method == "GET" else b""
        )
        try:
            with self._opener.open(request, timeout=timeout_s):
                return ""
        except urllib.error.HTTPError as error:
            error.close()
            return f"status {error.code}"
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", error)  # urllib's own wrap those of the system
            return f"no answer in {timeout_s:g} s" if isinstance(why, TimeoutError) else str(why)
