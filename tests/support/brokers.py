"""A real mosquitto on loopback, and waiting for things to happen."""

import getpass
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest


class Mosquitto:
    """A real mosquitto on a free loopback port, which a test may kill and start again.

    Args:
        folder: for its configuration, log and, with `persistence`, its sessions.
        lines: more lines for its configuration.
    """

    def __init__(self, folder: Path, binary: str, lines: tuple[str, ...] = ()) -> None:
        self._folder, self._binary = folder, binary
        self._lines = lines
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        """How clients reach it."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        config = self._folder / "mosquitto.conf"
        # Started by root it would become another user, who may not read a test's folder.
        lines = [f"listener {self.port} 127.0.0.1", f"user {getpass.getuser()}", *self._lines]
        lines.append(f"persistence_location {self._folder}/")
        if not any(line.startswith("allow_anonymous") for line in lines):
            lines.append("allow_anonymous true")
        config.write_text("\n".join(lines) + "\n")
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([self._binary, "-c", str(config)], stderr=log)
        wait_until(lambda: listens(self.port), "mosquitto listens")

    def kill(self) -> None:
        """SIGKILL it: no goodbye to its clients."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM it: it saves its sessions."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether something accepts connections on loopback `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
    """Return once `condition` holds; fail the test, naming `what`, if it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {timeout_s:g} s")
        time.sleep(0.01)


def mosquitto_binary() -> str:
    """Where mosquitto is; skips the test where it is not."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip("needs mosquitto: install the system's package `mosquitto`")
    return found
