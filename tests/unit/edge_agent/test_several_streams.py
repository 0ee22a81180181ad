"""Several streams and several models in one agent, two of them on one camera."""

from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from support.agents import Agent, hear
from support.brokers import Mosquitto
from support.mjpeg import mjpeg_camera
from support.stripes import stripes

from edge_agent.client import Ledger, Subscriber
from edge_agent.contract.messages import AvailabilityMessage, HealthMessage, ResultMessage
from edge_agent.tasks.classify.answer import Classification
from edge_agent.tasks.ocr.answer import Reading

CONFIG = """
[device]
name = "gate"
[broker]
url = "{url}"
[outbox]
path = "outbox.db"
[health]
interval_s = 0.5
[snapshots]
folder = "snapshots"
[[stream]]
name = "light"
bundle = "{bright}"
source = {{ kind = "camera", url = "{camera}" }}
relative_region = {{ x = 0, y = 0.8, w = 1, h = 0.2 }}
frames_per_s = 20
publish = {{ when = "changed", settle = 2 }}
snapshot = {{ on = ["changed"], max_kb = 16, interval_s = 0 }}
[[stream]]
name = "display"
task = "ocr"
bundle = "{stripes}"
source = {{ kind = "camera", url = "{camera}" }}
interval_s = 0.05
[[stream.regions]]
name = "text"
rect = {{ x = 16, y = 8, w = 128, h = 32 }}
[[stream]]
name = "files"
bundle = "{bright}"
source = {{ kind = "images", path = "{images}", loop = true }}
frames_per_s = 10
"""


def picture(text: str, light: int) -> bytes:
    """A display, and below it a field that is dark or bright; (240, 160)."""
    image = np.full((240, 160, 3), 255, np.uint8)
    image[8:40, 16:144] = stripes(text, scale=2)[:, :, np.newaxis]
    image[180:] = light
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()


def write_config(folder: Path, url: str, bright: Path, text: Path, camera: str) -> Path:
    images = folder / "images"
    images.mkdir()
    cv2.imwrite(str(images / "0.png"), np.full((24, 32, 3), 20, np.uint8))
    config = folder / "agent.toml"
    config.write_text(
        CONFIG.format(url=url, bright=bright, stripes=text, images=images, camera=camera)
    )
    return config


def test_each_stream_looks_with_its_own_model_at_its_own_source(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, stripes_path: Path
) -> None:
    """One camera, opened once, two models; files beside it; each numbered by itself."""
    seen: dict[str, list[ResultMessage]] = defaultdict(list)
    ledger = Ledger()
    with mjpeg_camera() as camera:
        camera.jpeg = picture("012", light=20)
        config = write_config(tmp_path, mosquitto.url, bright_path, stripes_path, camera.url)
        with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
            while len(seen["display"]) < 5 or not seen["light"] or len(seen["files"]) < 3:
                message = hear(subscriber, ResultMessage, 60)
                ledger.record(message)
                seen[message.stream].append(message)
            camera.jpeg = picture("321", light=235)
            # What waited for the connection may come behind what is new.
            while len(seen["light"]) < 2 or ledger.total().lost:
                message = hear(subscriber, ResultMessage, 60)
                ledger.record(message)
                seen[message.stream].append(message)
            counted = {s.name: s for s in hear(subscriber, HealthMessage, 60).streams}
            while counted["light"].results < 2:
                counted = {s.name: s for s in hear(subscriber, HealthMessage, 60).streams}
            assert agent.terminate() == 0
        assert camera.asked == 1
    labels = [m.result.label for m in seen["light"] if isinstance(m.result, Classification)]
    assert labels == ["dark", "bright"]
    texts = [m.result.text for m in seen["display"] if isinstance(m.result, Reading)]
    assert texts[0] == "012"
    assert set(texts) <= {"012", "321"}
    files = {m.result.label for m in seen["files"] if isinstance(m.result, Classification)}
    assert files == {"dark"}
    assert ledger.total().lost == ledger.total().duplicated == 0
    assert counted["light"].frames > counted["light"].results == 2
    assert counted["files"].capture_rss_mb is None
    for message in seen["light"]:
        assert message.snapshot is not None
        file = tmp_path / "snapshots" / message.snapshot.file
        assert file.stat().st_size == message.snapshot.bytes <= 16 * 1024


def test_a_camera_that_is_lost_is_lost_to_all_its_streams_and_to_no_other(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, stripes_path: Path
) -> None:
    """Both say so; the files go on."""
    with mjpeg_camera() as camera:
        camera.jpeg = picture("012", light=20)
        config = write_config(tmp_path, mosquitto.url, bright_path, stripes_path, camera.url)
        with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
            online: set[str] = set()
            while online != {"light", "display", "files"}:
                online.add(hear(subscriber, AvailabilityMessage, 60).stream)
            camera.hang_up.set()
            offline: set[str] = set()
            while offline != {"light", "display"}:
                message = hear(subscriber, AvailabilityMessage, 60)
                if message.state == "offline":
                    assert message.reason == f"camera {camera.url}: no more frames from the camera"
                    offline.add(message.stream)
            while hear(subscriber, ResultMessage, 60).stream != "files":
                pass
            assert agent.terminate() == 0
