"""`Prediction`: what a bundle answers for one picture."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import U8
from edge_agent.tasks.kinds import Result

NOT_SURE = "not sure"


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a bundle answers for one picture.

    Args:
        answer: what it says and no more; empty where nothing can be read.
        confidence: its calibrated probability, in [0, 1]; None where answers have none.
        sure: whether the device would take it for a sure, or accepted, answer.
        why: why not; empty where it is.
        result: the whole answer, as on the device.
    """

    answer: str
    confidence: float | None
    sure: bool
    why: str
    result: Result


Answerer: TypeAlias = Callable[[U8, ColourOrder], Prediction]
"""(H, W, 3) in some order, or (H, W) grey, to what the device would answer."""
