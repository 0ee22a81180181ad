"""A service manager that listens, as systemd does: a datagram socket and what came through it."""

import os
import socket
import time
from pathlib import Path

import pytest

# A word that has not come by then does not come, however busy the machine is.
PATIENCE_S = 60.0


class ServiceManager:
    """Listens where NOTIFY_SOCKET says; a context manager.

    Args:
        address: a path, or `@name` in the abstract name space.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def __enter__(self) -> "ServiceManager":
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()

    def hear(self, timeout_s: float = PATIENCE_S) -> dict[str, str]:
        """The next message's variables; fails the test if there is none in time."""
        self._socket.settimeout(timeout_s)
        try:
            lines = self._socket.recv(65536).decode().split("\n")
        except TimeoutError:
            pytest.fail(f"no word to the service manager within {timeout_s:g} s")
        return dict(line.split("=", 1) for line in lines)

    def hear_until(
        self, name: str, value: str, timeout_s: float = PATIENCE_S
    ) -> list[dict[str, str]]:
        """All messages up to the one in which `name` has `value`."""
        heard: list[dict[str, str]] = []
        end = time.monotonic() + timeout_s
        while not heard or value not in heard[-1].get(name, "\0"):
            heard.append(self.hear(max(0.01, end - time.monotonic())))
        return heard

    def forget(self) -> None:
        """Drop what has come so far."""
        self._socket.setblocking(False)
        try:
            while True:
                self._socket.recv(65536)
        except BlockingIOError:
            pass


def short_address(folder: Path) -> str:
    """A path for a socket: the system allows 107 characters, a test's folder may have more."""
    path = folder / "n"
    return str(path) if len(str(path)) < 100 else f"@edgeward-test-{os.getpid()}-{id(folder)}"
