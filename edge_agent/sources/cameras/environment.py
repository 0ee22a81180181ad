"""What the camera's process finds in its environment: OpenCV can be told some things only there."""

import math
from collections.abc import Mapping

from edge_agent.sources.config import CameraConfig, LiveConfig


def camera_environment(config: LiveConfig, ours: Mapping[str, str]) -> dict[str, str]:
    """`ours`, and what is not said there yet."""
    # V4L2 has one timeout for all; it counts in whole seconds and should come before our own.
    seconds = max(1, math.ceil(config.read_timeout_s) - 1)
    defaults = {
        "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": str(seconds),
        "OPENCV_FFMPEG_LOGLEVEL": "-8",  # AV_LOG_QUIET: a lost camera would fill the log
        # Nothing here calculates; a pool of threads would only take memory.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    if isinstance(config, CameraConfig) and (config.url or "").startswith("rtsp"):
        # A datagram that is lost is a damaged picture, and many networks let none through; a
        # server without TCP is spoken to in UDP after all.
        defaults["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "rtsp_flags;prefer_tcp"
    return defaults | dict(ours)
