"""Which task a stream is about, and by which threshold its answers are sure."""

from dataclasses import replace

import numpy as np
import pytest

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import F32, I8, U8
from edge_agent.sources.base import bgr_frame
from edge_agent.tasks.classify.options import ClassifyOptions
from edge_agent.tasks.classify.spec import ClassifySpec
from edge_agent.tasks.registry import open_looker
from edge_agent.tasks.task import Opening

IMAGE = InputSpec(height=8, width=8, colour="rgb", mean=(0, 0, 0), std=(1, 1, 1))


class Undecided:
    """A network to which both classes are as probable."""

    def prepare(self, image: U8, order: ColourOrder = "rgb") -> I8:
        return np.zeros((1, 8, 8, 3), np.int8)

    def scores(self, x: I8) -> tuple[F32, ...]:
        return (np.zeros((1, 2), np.float32),)


@pytest.mark.parametrize(("least", "sure"), [(None, True), (0.6, False), (0.4, True)])
def test_a_stream_may_ask_for_more_confidence_than_the_bundle(
    least: float | None, sure: bool
) -> None:
    """Or for less; without a word of it the bundle's own threshold stands."""
    spec = ClassifySpec(labels=("a", "b"), min_confidence=0.45)
    looker = open_looker(Opening("s", spec, IMAGE, ClassifyOptions(), Undecided()), least, "b")
    frame = bgr_frame(np.zeros((20, 30, 3), np.uint8), 0)
    (seen,) = looker.answers(frame, looker.prepare(frame))
    assert seen.answer.sure is sure


def test_a_frame_in_doubt_gives_no_sure_answer() -> None:
    """However probable the class is: the camera has moved."""
    opening = Opening("s", ClassifySpec(labels=("a", "b")), IMAGE, ClassifyOptions(), Undecided())
    looker = open_looker(opening, None, "b")
    frame = replace(bgr_frame(np.zeros((20, 30, 3), np.uint8), 0), doubt="not aligned")
    (seen,) = looker.answers(frame, looker.prepare(frame))
    assert not seen.answer.sure
