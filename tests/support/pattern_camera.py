"""A camera's process for tests: real in all but its camera, which does as its URL says.

`fast`: as many frames as it can, all bytes of one equal to its number. `hang`: gives one frame and
reads for ever. `hang-open`: opens for ever. `crash`: dies of a bug; `exit`: of a signal. `static`:
the same frame for ever. `mixed`: every second one cannot be decoded.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Self

import numpy as np

from edge_agent.common.arrays import U8
from edge_agent.sources.cameras.grabber import CorruptFrameError
from edge_agent.sources.capture import main
from edge_agent.sources.config import CameraConfig, LiveConfig

SHAPE = (90, 160, 3)
PERIOD = 120  # so that no frame is the grey of a truncated one
FOR_EVER_S = 3600


class PatternCamera:
    """Does what it is called."""

    def __init__(self, behaviour: str) -> None:
        self._behaviour, self._number = behaviour, -1
        if behaviour == "hang-open":
            time.sleep(FOR_EVER_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    still = False

    def pace(self, interval_s: float) -> None:
        pass

    def grab(self) -> float:
        self._number += 1
        if self._behaviour != "fast":
            time.sleep(0.01)
        if self._number:
            match self._behaviour:
                case "hang":
                    time.sleep(FOR_EVER_S)
                case "crash":
                    raise ZeroDivisionError("a bug")
                case "exit":
                    os.kill(os.getpid(), signal.SIGSEGV)
        return time.monotonic()

    def retrieve(self, into: U8 | None) -> U8:
        number = self._number
        if self._behaviour == "mixed" and number % 2:
            raise CorruptFrameError("every second one")
        if self._behaviour == "static":
            number = 0
        if into is None:
            return np.full(SHAPE, number % PERIOD, np.uint8)
        # In two halves and backwards, so that a reader in between would see a torn frame.
        into[SHAPE[0] // 2 :] = number % PERIOD
        into[: SHAPE[0] // 2] = number % PERIOD
        return into


def opens(config: LiveConfig, complaints: Callable[[], str]) -> PatternCamera:
    """A camera whose behaviour is the host of its URL."""
    assert isinstance(config, CameraConfig)
    assert config.url is not None
    return PatternCamera(config.url.removeprefix("test://"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], opens))
