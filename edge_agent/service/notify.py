"""Words to the service manager: the protocol of sd_notify(3), in datagrams, without a library."""

import logging
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from edge_agent.common.errors import printable

log = logging.getLogger(__name__)

# The manager reads at once or is itself in trouble: the agent does not wait for it.
SEND_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class Notifier:
    """Where the service manager listens, if there is one.

    Args:
        address: a socket's path, with `@` in front for one in the abstract name space;
            None where nobody listens: every word is then dropped.
        watchdog_s: how long silence may last before the manager kills us; None for ever.
    """

    address: str | None = None
    watchdog_s: float | None = None

    def ready(self, status: str) -> None:
        """Everything runs, after a start or after a reload."""
        self._send("READY=1", _status(status))

    def reloading(self, status: str) -> None:
        """A reload begins; `ready` ends it."""
        # The manager tells by the time which reload this is the beginning of.
        now_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={now_us}", _status(status))

    def stopping(self, status: str) -> None:
        """The end has begun."""
        self._send("STOPPING=1", _status(status))

    def status(self, status: str) -> None:
        """How it goes, in one line for people."""
        self._send(_status(status))

    def alive(self) -> None:
        """Feed the watchdog; only where one asks for it."""
        if self.watchdog_s is not None:
            self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if self.address is None:
            return
        name = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(SEND_TIMEOUT_S)
                sock.sendto("\n".join(lines).encode(), name)
        except OSError as error:
            # Not the agent's trouble: what it does, it does without a manager too.
            log.warning("the service manager at %s does not listen: %s", self.address, error)


def notifier(environ: Mapping[str, str] = os.environ) -> Notifier:
    """The notifier that systemd's variables NOTIFY_SOCKET and WATCHDOG_USEC ask for."""
    address = environ.get("NOTIFY_SOCKET") or None
    if address is not None and address[0] not in "/@":
        log.warning("NOTIFY_SOCKET: expected a path or @name, found %r; not used", address)
        address = None
    return Notifier(address, _watchdog_s(environ))


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    text = environ.get("WATCHDOG_USEC")
    # WATCHDOG_PID names whom it is meant for; a parent's is not ours.
    if text is None or environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    if not text.isdecimal() or int(text) == 0:
        log.warning("WATCHDOG_USEC: expected microseconds above 0, found %r; not fed", text)
        return None
    return int(text) / 1e6


def _status(text: str) -> str:
    # A line end would begin another word of the protocol.
    return f"STATUS={printable(text)}"
