"""`TextTruth`: what the images of a split say, and how readings are marked against it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.metrics import Score
from edge_agent.common.arrays import F32
from edge_agent.tasks.ocr.decode.ctc import best_path, text_probability
from edge_agent.tasks.softmax import softmax
from pipeline.measure.truth import Truth
from pipeline.tasks.ocr.charset import Charset
from pipeline.tasks.ocr.measure.calibrate import fit_text_temperature
from pipeline.tasks.ocr.measure.metrics import exact_match


@dataclass(frozen=True, eq=False)
class TextTruth(Truth):
    """The texts of a split; see `Truth`. A reading is right if it has no error at all.

    Args:
        charset: the network's characters.
        texts: what each of N images says.
        targets: the same as (N, T) numbers, filled up with blanks.
    """

    charset: Charset
    texts: tuple[str, ...]
    targets: NDArray[np.int64]

    def score(self, scores: F32) -> Score:
        """See `Truth`."""
        found = readings(scores, self.charset)
        return Score.of("exact match", exact_match(found, self.texts))

    def temperature(self, scores: F32) -> float:
        """See `Truth`."""
        return fit_text_temperature(scores, self.targets)

    def agreement(self, a: F32, b: F32) -> float:
        """See `Truth`."""
        pairs = zip(readings(a, self.charset), readings(b, self.charset), strict=True)
        return sum(mine == others for mine, others in pairs) / len(self.texts)

    def expected_drop(self, real: F32, other: F32, temperature: float) -> float:
        """See `pipeline.measure.evaluate.expected_drop`: chances are those of whole texts."""
        lost = 0.0
        for mine, others in zip(real, other, strict=True):
            p = softmax(mine.astype(np.float64), temperature)
            kept, changed = best_path(p), best_path(others)
            if kept != changed:
                # The best single path may write a text that has less probability than another.
                lost += max(0.0, text_probability(p, kept) - text_probability(p, changed))
        return lost / len(self.texts)


def readings(scores: F32, charset: Charset) -> Sequence[str]:
    """What (N, T, K) scores say, as the device reads them without a pattern."""
    return [charset.collapse(best) for best in scores.argmax(axis=2)]
