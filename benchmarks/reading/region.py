"""What a meter's region costs beside the bare invoke of its network."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import matplotlib
import numpy as np

from edge_agent.bundle.archive import Bundle
from edge_agent.bundle.ports import Ports
from edge_agent.bundle.preprocess import to_grey
from edge_agent.common.arrays import U8
from edge_agent.inference.network import Network
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.sources.base import Frame, bgr_frame
from edge_agent.tasks.ocr.answer import Reading
from edge_agent.tasks.ocr.decode.ctc import read_text
from edge_agent.tasks.ocr.look import TextLooker
from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.picture.quality import quality
from edge_agent.tasks.ocr.picture.rectify import rectify
from edge_agent.tasks.ocr.regions import TextRegion, allowed_texts
from edge_agent.tasks.ocr.spec import TextSpec
from edge_agent.tasks.task import Opening
from pipeline.tasks.ocr.drawing.fonts import Font
from pipeline.tasks.ocr.drawing.marks.odometer import WheelStyle, draw_wheels, wheel_turns

SHOWN, DIGITS = 12345, 5
FRAMES, ROUNDS, WARM_UP = 20, 1000, 30
REGION = TextRegion(
    name="counter",
    corners=((200, 150), (360, 160), (358, 205), (198, 195)),
    pattern="[0-9?]{5}",
    meter=MeterRules(digits=DIGITS, unit="kWh", max_per_hour=10.0),
)


@dataclass(frozen=True)
class RegionCost:
    """Medians in microseconds.

    Args:
        invoke_us: of the interpreter alone, its input prepared.
        region_us: of everything from the frame to the answer.
        steps_us: of the parts of `region_us`, by their names.
        text: what was read at the end, and `state` what was made of it.
    """

    invoke_us: float
    region_us: float
    steps_us: dict[str, float]
    text: str
    state: str

    @property
    def ratio(self) -> float:
        """The whole region over the bare invoke."""
        return self.region_us / self.invoke_us


def region_cost(bundle: Bundle) -> RegionCost:
    """Read a counter of five digits out of noisy 640x480 frames, invoking barely in turn."""
    frames = [counter_frame(seq) for seq in range(FRAMES)]
    spec, manifest = bundle.manifest.output, bundle.manifest
    assert isinstance(spec, TextSpec)  # `tested` refuses others
    allowed = allowed_texts(REGION, spec, "bench")
    image = rectify(frames[0].image, REGION, "bench").image
    network = Network(bundle.model, Ports.of(manifest), 1, str(bundle.path))
    with network, TfliteRecognizer(bundle) as recognize:
        options = TextOptions(regions=(REGION,))
        looker = TextLooker(Opening("bench", spec, manifest.input, options, recognize))
        x = network.prepare(image, "bgr")
        (scores,) = recognize.scores(x)
        calls: dict[str, Callable[[Frame], object]] = {
            "region": lambda frame: list(looker.answers(frame, looker.prepare(frame))),
            "invoke": lambda _: network.infer(x),
            "rectify": lambda frame: rectify(frame.image, REGION, "bench"),
            "gates": lambda _: quality(to_grey(image, "bgr")).problem(),
            "prepare": lambda _: recognize.prepare(image, "bgr"),
            "decode": lambda _: read_text(scores, spec, allowed),
        }
        took = medians_us(calls, frames)
        (seen,) = looker.answers(frames[0], looker.prepare(frames[0]))
    assert isinstance(seen.answer, Reading)  # the region is no page
    return RegionCost(
        took.pop("invoke"), took.pop("region"), took, seen.answer.text, seen.answer.state
    )


def medians_us(
    calls: dict[str, Callable[[Frame], object]], frames: list[Frame]
) -> dict[str, float]:
    """The median of each call, one round of all after the other."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(WARM_UP + ROUNDS):
        frame = frames[number % len(frames)]
        for name, call in calls.items():
            start = time.perf_counter()
            call(frame)
            taken[name].append(time.perf_counter() - start)
    return {name: 1e6 * float(np.median(each[WARM_UP:])) for name, each in taken.items()}


def counter_frame(seq: int) -> Frame:
    """Frame `seq` of a camera that looks at the counter: grey wall, noise that always differs."""
    rng = np.random.default_rng(seq)
    picture = _counter()
    height, width = picture.shape
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, np.array(REGION.outline(), np.float32))
    wall = np.full((480, 640), 120, np.uint8)
    cv2.warpPerspective(picture, matrix, (640, 480), wall, borderMode=cv2.BORDER_TRANSPARENT)
    noisy = wall[:, :, np.newaxis] + rng.normal(0, 4, (480, 640, 3))
    return bgr_frame(np.clip(noisy, 0, 255).astype(np.uint8), seq)


def _counter() -> U8:
    style = WheelStyle(
        aspect=0.7, digit=0.7, pitch=1.0, ink=235, face=30, last_face=30, frame=10, bar=4, shade=0.3
    )
    font = Font(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", "")
    return draw_wheels(wheel_turns(SHOWN, 0.0, DIGITS), 0, font, style)
