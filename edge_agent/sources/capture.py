"""The camera's own process: `python -m edge_agent.sources.capture`, started by `process.py`.

It knows cameras and nothing else: no model, no outbox, no broker. It does what it is told, and
can be killed at any moment.
"""

import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeAlias, assert_never

from edge_agent.common.errors import SourceError
from edge_agent.sources.cameras.complaints import Complaints
from edge_agent.sources.cameras.grabber import Grabber
from edge_agent.sources.cameras.session import CameraSession, ReshapedError
from edge_agent.sources.config import CameraConfig, LiveConfig, PicameraConfig, StillConfig
from edge_agent.sources.memory.delivery import FrameDelivery
from edge_agent.sources.memory.wire import (
    MAX_REASON,
    Begin,
    CameraLost,
    GoneError,
    Link,
    ToCamera,
)
from edge_agent.sources.network.failures import BusyError

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
CameraOpener: TypeAlias = Callable[[LiveConfig, Callable[[], str]], AbstractContextManager[Grabber]]


def open_camera(config: LiveConfig, complaints: Callable[[], str]) -> Grabber:
    """The camera that `config` names, open; what drives it is imported here.

    Raises:
        SourceError: it does not open.
    """
    match config:
        case CameraConfig():
            from edge_agent.sources.cameras.camera import open_any

            return open_any(config, complaints)
        case PicameraConfig():
            from edge_agent.sources.cameras.picamera import Picamera

            return Picamera(config)
        case StillConfig():
            from edge_agent.sources.cameras.http_camera import open_still

            return open_still(config, complaints)
    assert_never(config)


class Capture(FrameDelivery):
    """Hands the frames of a camera over, opening it whenever that is asked for."""

    def run(self, opened: Callable[[], AbstractContextManager[Grabber]]) -> None:
        """Until the other side hangs up, or only another process can help.

        Raises:
            GoneError: the other side has hung up.
        """
        while True:
            self.begin()
            try:
                with opened() as camera:
                    CameraSession(self, camera).run()
            except ReshapedError as error:
                self.send(CameraLost(_reason(error), over=True))
                return
            except BusyError as error:
                self.send(CameraLost(_reason(error), wait_s=error.wait_s))
            except SourceError as error:
                self.send(CameraLost(_reason(error)))
            while not self.reopens(None):
                pass


def _reason(error: SourceError) -> str:
    return str(error)[:MAX_REASON]


def die_with_parent(parent: int) -> None:
    """Be killed when the thread that started us ends; at once if it has."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def main(argv: Sequence[str], opens: CameraOpener = open_camera) -> int:
    """Capture until the parent hangs up; the exit status.

    Args:
        argv: the socket's file descriptor, the memory's, the parent's process id.
        opens: how to open a camera.
    """
    end, memory, parent = (int(number) for number in argv)
    die_with_parent(parent)
    # Who is told to stop is the agent; it ends us.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=end) as connection, Complaints() as complaints:
        link: Link[ToCamera] = Link(connection, ToCamera)
        try:
            begin = link.receive(None)
            if isinstance(begin, Begin):
                config = begin.config
                # Perhaps nobody has said how long a still may last that was taken for a stream.
                repeats = isinstance(config, CameraConfig) and config.frozen_after_s is None
                capture = Capture(link, memory, config.place, stills_may_repeat=repeats)
                capture.run(lambda: opens(config, complaints.take))
        except GoneError:
            pass
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
