"""Sources whose camera's process is `pattern_camera.py`."""

import sys
from functools import partial
from pathlib import Path

from edge_agent.sources.base import Report, unreported
from edge_agent.sources.config import CameraConfig
from edge_agent.sources.live import Cameras, LiveSource
from edge_agent.sources.process import CameraProcess
from edge_agent.stop import Stop

COMMAND = (sys.executable, str(Path(__file__).with_name("pattern_camera.py")))


def pattern_source(
    behaviour: str, stop: Stop | None = None, report: Report = unreported, **options: float
) -> LiveSource:
    """A live source of a camera that behaves so."""
    config = CameraConfig(url=f"test://{behaviour}", **options)
    cameras = Cameras(partial(CameraProcess, command=COMMAND))
    return cameras.source(config, stop or Stop(), report)
