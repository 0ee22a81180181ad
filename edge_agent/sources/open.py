"""From a stream's configuration to its source: the only place that knows every kind."""

from edge_agent.common.stop import Stop
from edge_agent.sources.base import FrameSource, Report, unreported
from edge_agent.sources.config import (
    ImagesConfig,
    SourceConfig,
    VideoConfig,
)
from edge_agent.sources.files import ImageSource
from edge_agent.sources.live import Cameras, at_once
from edge_agent.sources.supervision.watch import Pace
from edge_agent.sources.video import VideoSource


def open_source(
    config: SourceConfig,
    stop: Stop,
    report: Report = unreported,
    cameras: Cameras | None = None,
    pace: Pace = at_once,
) -> FrameSource:
    """The source `config` describes; it opens when entered.

    Args:
        config: which.
        stop: ends its iteration.
        report: told when frames come and when they fail to.
        cameras: shared by all sources of an agent: two that name the same camera share it.
        pace: how far apart looks at a camera are, in seconds, as things stand.
    """
    match config:
        case ImagesConfig():
            return ImageSource(config.path, stop, loop=config.loop, report=report)
        case VideoConfig():
            return VideoSource(config.path, stop, loop=config.loop, report=report)
    return (cameras or Cameras()).source(config, stop, report, pace)
