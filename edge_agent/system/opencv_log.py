"""OpenCV's own log, silenced: what goes wrong is in our errors, once.

The one place that knows where each OpenCV has the level: 4.12 and older in `cv2` itself, 4.13 and
newer in `cv2.utils.logging`. One that has it nowhere keeps what `OPENCV_LOG_LEVEL` says.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import cv2

# LOG_LEVEL_SILENT of OpenCV's `LogLevel`.
SILENT = 0


def silence_opencv() -> None:
    """No line of OpenCV's log from here on, in this process."""
    _set_level(SILENT)


@contextmanager
def silent_opencv() -> Iterator[None]:
    """No line of OpenCV's log inside the block, of any thread; the level of before after it."""
    home = _home(cv2)
    level = None if home is None else home.getLogLevel()
    _set_level(SILENT)
    try:
        yield
    finally:
        if level is not None:
            _set_level(level)


def _set_level(level: int) -> None:
    home = _home(cv2)
    if home is not None:
        home.setLogLevel(level)


def _home(opencv: ModuleType) -> ModuleType | None:
    """The module that has `setLogLevel` and `getLogLevel`; None where there is none."""
    candidates = (getattr(getattr(opencv, "utils", None), "logging", None), opencv)
    for module in candidates:
        if isinstance(module, ModuleType) and hasattr(module, "setLogLevel"):
            return module
    return None
