"""`CameraRecord`: what is remembered of a camera, whichever process captures it."""

import logging
import time
from dataclasses import dataclass

from edge_agent.common.backoff import Backoff
from edge_agent.common.errors import SourceError
from edge_agent.sources.network.failures import MOST_WAIT_S, BusyError

log = logging.getLogger(__name__)

# So often in a row the camera is opened again before its process is replaced.
REOPENS = 3
# A camera that gives frames for so long works: the next wait is short again.
STEADY_S = 10.0
# Corrupt frames come in heaps; the log has one line for so long, `health` the count.
CORRUPT_LOG_S = 60.0


@dataclass
class CameraCounts:
    """What happened so far.

    Args:
        passed_over: frames that no source was offered.
        corrupt: damaged frames.
        frozen: frames that had not changed for too long.
        reopened: how often the camera was opened again by the same process.
        started: how many processes were started.
    """

    passed_over: int = 0
    corrupt: int = 0
    frozen: int = 0
    reopened: int = 0
    started: int = 0


class CameraRecord:
    """Counts, and what decides how long to wait and whether a process is replaced.

    Args:
        place: the camera, for the log.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self.counts = CameraCounts()
        self.next_seq = 0
        self.backoff = Backoff()
        self._lost_in_a_row = 0
        self._corrupt_told_at = self._opened_s = self.replaced_at = -float("inf")

    def opened(self) -> None:
        """A process has opened the camera."""
        self._opened_s = time.monotonic()

    def works(self) -> None:
        """The camera has given a frame that is right."""
        self._lost_in_a_row = 0
        if time.monotonic() - self._opened_s >= STEADY_S:
            self.backoff.reset()

    def corrupt(self, reason: str) -> None:
        """A frame is damaged."""
        self.counts.corrupt += 1
        now = time.monotonic()
        if now - self._corrupt_told_at >= CORRUPT_LOG_S:
            self._corrupt_told_at = now
            count = self.counts.corrupt
            log.warning("%s: a corrupt frame, %d so far: %s", self._place, count, reason)

    def frozen(self, frozen_s: float) -> bool:
        """A frame has not changed for too long; whether the process is to be replaced for it."""
        self.counts.frozen += 1
        now = time.monotonic()
        if now - self.replaced_at < frozen_s:
            return False
        self.replaced_at = now
        return True

    def lost(self) -> bool:
        """The process has lost the camera; whether it is to be replaced."""
        self._lost_in_a_row += 1
        return self._lost_in_a_row % (REOPENS + 1) == 0

    def delay_s(self, error: SourceError) -> float:
        """How long to wait after `error`: longer each time, and as long as the camera asks for."""
        delay_s = self.backoff.next()
        return (
            max(delay_s, min(error.wait_s, MOST_WAIT_S))
            if isinstance(error, BusyError)
            else delay_s
        )
