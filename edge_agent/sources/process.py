"""`CameraProcess`: the process that looks at a camera, from the side that can kill it."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from edge_agent.common.errors import SourceError
from edge_agent.sources.cameras.environment import camera_environment
from edge_agent.sources.config import LiveConfig
from edge_agent.sources.memory.ring import RingReader, make_memory
from edge_agent.sources.memory.wire import (
    Begin,
    CameraOpened,
    FromCamera,
    GoneError,
    Link,
    ToCamera,
    pair,
)

log = logging.getLogger(__name__)

# `-P`: what lies in the working folder is nobody's module.
COMMAND = (sys.executable, "-P", "-m", "edge_agent.sources.capture")
# A process that has hung up ends at once; one that sits in a driver may not even when killed.
END_S = 1.0


class CameraProcess:
    """A running process; a context manager that kills it.

    One thread starts it and ends it: the system kills it when that thread is no more. It
    inherits its socket, its memory and standard error, and no other file of ours.

    Args:
        config: the camera.
        command: what to run.

    Raises:
        SourceError: it cannot be started.
    """

    def __init__(self, config: LiveConfig, command: Sequence[str] = COMMAND) -> None:
        self._config = config
        self._end, theirs = pair()
        self.link: Link[FromCamera] = Link(self._end, FromCamera)
        self._memory = make_memory()
        numbers = (theirs.fileno(), self._memory)
        try:
            self._process = subprocess.Popen(
                [*command, *map(str, (*numbers, os.getpid()))],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=numbers,
                # A Ctrl-C in the terminal is for the agent, which then ends us.
                start_new_session=True,
                env=camera_environment(config, os.environ),
            )
        except OSError as error:
            self._close()
            raise SourceError(
                f"{config.place}: expected to start a process for it, found: {error.strerror}"
            ) from error
        finally:
            theirs.close()
        self.tell(Begin(config))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            log.error("%s: process %d cannot be killed", self._config.place, self.pid)
        self._close()

    @property
    def lives(self) -> bool:
        """Whether it runs, also after it was killed: one that sits in a driver may."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def tell(self, message: ToCamera) -> None:
        """Send `message`; a process that is gone needs not be told anything."""
        with suppress(GoneError):
            self.link.send(message)

    def ring(self, opened: CameraOpened) -> RingReader:
        """Where its frames are.

        Raises:
            SourceError: it has not made the memory for them.
        """
        return RingReader(self._memory, (opened.height, opened.width, 3))

    def how_it_ended(self) -> str:
        """Of a process that has hung up: what became of it, in words."""
        try:
            status = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            return "hung up"
        if status >= 0:
            return f"ended with status {status}"
        try:
            return f"was killed by {signal.Signals(-status).name}"
        except ValueError:
            return f"was killed by signal {-status}"

    def rss_bytes(self) -> int | None:
        """How much memory it has, the shared part included; None where the system has no /proc."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return None
        return pages * os.sysconf("SC_PAGE_SIZE")

    def _close(self) -> None:
        self._end.close()
        os.close(self._memory)
