"""How soon after its start an agent has its first result."""

import time
from dataclasses import dataclass
from pathlib import Path

from daemon.running import DEVICE, running_agent, write_config
from daemon.throughput import finished

from edge_agent.client import Subscriber
from edge_agent.contract.messages import ResultMessage
from edge_agent.sources.cameras.camera import OpencvCamera
from edge_agent.sources.config import CameraConfig

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Starts:
    """Seconds from starting the process to its first answer.

    Args:
        first: where the outbox and the thread count are not there yet.
        later: where they are.
    """

    first: float
    later: list[float]


def starts(folder: Path, url: str, bundle: Path, source: str, later: int) -> Starts:
    """Start the agent in an empty `folder`, and then `later` times again."""
    folder.mkdir()
    config = write_config(folder, url, bundle, source)
    first = first_result_s(config, url)
    return Starts(first, [first_result_s(config, url) for _ in range(later)])


def first_result_s(config: Path, url: str) -> float:
    """From starting the process to the moment the first answer is ready.

    Raises:
        SystemExit: there is none.
    """
    with Subscriber(url, DEVICE) as subscriber:
        while subscriber.receive(0.3) is not None:
            pass  # what is retained from before
        start = time.time()
        with running_agent(config):
            while (delivery := subscriber.receive(PATIENCE_S)) is not None:
                message = delivery.message
                # What waited in the outbox since the last start comes first.
                if isinstance(message, ResultMessage) and message.captured_at.timestamp() > start:
                    return finished(message).timestamp() - start
    raise SystemExit(f"no result within {PATIENCE_S:g} s")


def opening_s(url: str) -> float:
    """How long OpenCV takes to open the camera and to give a frame of it, in this process."""
    start = time.perf_counter()
    with OpencvCamera(CameraConfig(url=url)) as camera:
        camera.grab()
        camera.retrieve(None)
        return time.perf_counter() - start
