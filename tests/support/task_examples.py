"""One example of each task of the device: what its contract is tried on."""

from dataclasses import dataclass

import numpy as np

from edge_agent.common.arrays import F32
from edge_agent.stream.config import StreamConfig
from edge_agent.tasks.classify.options import ClassifyOptions
from edge_agent.tasks.classify.spec import ClassifySpec
from edge_agent.tasks.kinds import OutputSpec
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.ocr.spec import TextSpec
from edge_agent.tasks.places import Region
from edge_agent.tasks.registry import Options
from edge_agent.tasks.regress.options import RegressOptions
from edge_agent.tasks.regress.spec import Quantity, RegressSpec


@dataclass(frozen=True)
class TaskExample:
    """A small network's outputs, twice, which say different things.

    Args:
        spec: what the outputs mean.
        options: of a stream that looks at the middle of a frame of 64x64.
        outputs, others: what a network might give.
        unknown: keys that the task's options must refuse.
    """

    spec: OutputSpec
    options: Options
    outputs: tuple[F32, ...]
    others: tuple[F32, ...]
    unknown: tuple[str, ...] = ("regionz", "(task)", "")


def scores(*rows: tuple[float, ...]) -> tuple[F32, ...]:
    """One output of so many rows, for one image."""
    return (np.array([rows], np.float32),)


def specified(*streams: StreamConfig) -> list[tuple[StreamConfig, OutputSpec]]:
    """Each of `streams` with what the outputs of a bundle for its task might mean."""
    return [(stream, EXAMPLES[stream.task].spec) for stream in streams]


MIDDLE = Region(x=16, y=16, w=32, h=8)
EXAMPLES = {
    "classify": TaskExample(
        ClassifySpec(labels=("cat", "dog")),
        ClassifyOptions(region=MIDDLE),
        scores((4, 0)),
        scores((0, 4)),
    ),
    "ocr": TaskExample(
        TextSpec(charset=("1", "2"), steps=2),
        TextOptions(regions=(TextRegion(name="water", rect=MIDDLE),)),
        scores((9, 0, 0), (0, 9, 0)),
        scores((9, 0, 0), (0, 0, 9)),
    ),
    "regress": TaskExample(
        RegressSpec(quantities=(Quantity(name="pressure", unit="bar", low=0, high=10),)),
        RegressOptions(region=MIDDLE),
        scores((0.25,)),
        scores((0.75,)),
    ),
}
