"""Sources whose camera's process is `pattern_camera.py`."""

import sys
from functools import partial
from pathlib import Path
from typing import TypedDict, Unpack

import cv2
import numpy as np

from edge_agent.common.stop import Stop
from edge_agent.sources.base import Report, unreported
from edge_agent.sources.config import CameraConfig
from edge_agent.sources.live import Cameras, LiveSource
from edge_agent.sources.process import CameraProcess

FADING = 60
COMMAND = (sys.executable, str(Path(__file__).with_name("pattern_camera.py")))


class Timeouts(TypedDict, total=False):
    """What of a live camera's timeouts a test sets, in seconds."""

    open_timeout_s: float
    read_timeout_s: float
    frozen_after_s: float


def write_video(path: Path, count: int, size: tuple[int, int] = (64, 48)) -> Path:
    """A video in MPEG-4, 25 frames a second, of (width, height); its kind is its suffix.

    It is red, and fades from frame to frame, `FADING` times before it begins anew.
    """
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, size)
    for number in range(count):
        image = np.zeros((size[1], size[0], 3), np.uint8)
        image[:, :, 2] = 255 - number % FADING
        writer.write(image)
    writer.release()
    return path


def pattern_cameras() -> Cameras:
    """For sources that share a camera."""
    return Cameras(partial(CameraProcess, command=COMMAND))


def pattern_source(
    behaviour: str,
    report: Report = unreported,
    cameras: Cameras | None = None,
    **timeouts: Unpack[Timeouts],
) -> LiveSource:
    """A live source of a camera that behaves so."""
    config = CameraConfig(url=f"test://{behaviour}", **timeouts)
    return (cameras or pattern_cameras()).source(config, Stop(), report)
