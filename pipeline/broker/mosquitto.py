"""mosquitto on a free port of the loopback interface: found, configured, started and awaited.

The commands, the tests and the benchmarks all start theirs here.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from edge_agent.common.errors import BrokerError
from edge_agent.mqtt.endpoint import Endpoint

HOST = "127.0.0.1"
START_TIMEOUT_S = 15.0
# Debian installs mosquitto where the PATH of a user who is not root does not look.
_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin")


class Mosquitto:
    """A mosquitto that can be stopped or killed, and started again on its port.

    It ends when it is told to, not with the process that started it. Entered it runs.

    Args:
        folder: for its configuration, its log and what it remembers.
        program: where mosquitto is, as `find_mosquitto` says.
        lines: more lines for its configuration; without one on it anybody may connect.
    """

    def __init__(self, folder: Path, program: str, lines: Sequence[str] = ()) -> None:
        self._folder, self._program = folder, program
        # Started by root it would become another user, who may not write to the folder.
        more = [f"user {getpass.getuser()}", *lines, f"persistence_location {folder}/"]
        if not any(line.startswith("allow_anonymous") for line in lines):
            more.append("allow_anonymous true")
        self._lines = more
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = free_endpoint()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.endpoint.port

    @property
    def url(self) -> str:
        """How clients reach it."""
        return str(self.endpoint)

    def start(self) -> None:
        """Start it and wait until it listens.

        Raises:
            BrokerError: it does not.
        """
        config = write_config(self._folder, self.endpoint, self._lines)
        log = self._folder / "mosquitto.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen([self._program, "-c", str(config)], stderr=output)
        await_ready(self._process, self.endpoint, log, START_TIMEOUT_S)

    def stop(self) -> None:
        """SIGTERM it: it saves its sessions."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL it: no goodbye to its clients."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None


def find_mosquitto() -> str | None:
    """The mosquitto program on the PATH or in a system folder, if there is one."""
    folders = (os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS)
    return shutil.which("mosquitto", path=os.pathsep.join(folders))


def free_endpoint() -> Endpoint:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return Endpoint(HOST, int(probe.getsockname()[1]), tls=False)


def write_config(folder: Path, endpoint: Endpoint, lines: Sequence[str]) -> Path:
    """A configuration in `folder` that listens at `endpoint`, with more `lines`."""
    config = folder / "mosquitto.conf"
    config.write_text("\n".join([f"listener {endpoint.port} {endpoint.host}", *lines]) + "\n")
    return config


def await_ready(
    process: subprocess.Popen[bytes], endpoint: Endpoint, log: Path, timeout_s: float
) -> None:
    """Return once something listens at `endpoint`.

    Raises:
        BrokerError: `process` ends, or nothing listens in time; with the last line of `log`.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection((endpoint.host, endpoint.port), timeout=1).close()
        except OSError:
            pass
        else:
            return
        status = process.poll()
        if status is not None or time.monotonic() > deadline:
            found = "no answer" if status is None else f"its end with status {status}"
            last = log.read_text(errors="replace").strip().rpartition("\n")[2] or "it said nothing"
            raise BrokerError(f"broker {endpoint}: expected it to start, found {found} ({last})")
        time.sleep(0.02)
