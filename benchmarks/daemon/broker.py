"""A mosquitto that remembers its sessions, and can be started again on its port."""

import getpass
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.broker.broker import find_mosquitto

START_S = 10


class Mosquitto:
    """Running while it is entered.

    Args:
        folder: for its configuration and its sessions.

    Raises:
        SystemExit: there is none here, or it does not start.
    """

    def __init__(self, folder: Path) -> None:
        found = find_mosquitto()
        if found is None:
            raise SystemExit("needs mosquitto: install the system's package `mosquitto`")
        self._program, self._folder = found, folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        # Started by root it would become another user, who may not write here. What waits for a
        # subscriber that is away has no bound, so that what is lost is lost by us.
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self._port} 127.0.0.1\nuser {getpass.getuser()}\nallow_anonymous true\n"
            f"persistence true\npersistence_location {folder}/\nmax_queued_messages 0\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """How clients reach it."""
        return f"mqtt://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def restart(self, away_s: float) -> None:
        """Stop it, which saves its sessions, and start it again after so long."""
        self._stop()
        time.sleep(away_s)
        self._start()

    def _start(self) -> None:
        with (self._folder / "mosquitto.log").open("ab") as log:
            command = [self._program, "-c", str(self._config)]
            self._process = subprocess.Popen(command, stderr=log)
        deadline = time.monotonic() + START_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            if time.monotonic() > deadline:
                raise SystemExit(f"mosquitto does not listen: {self._folder / 'mosquitto.log'}")
            time.sleep(0.05)

    def _stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()
            self._process = None
