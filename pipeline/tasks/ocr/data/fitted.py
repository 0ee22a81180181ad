"""`FittedTexts`: a split of texts at the network's size, its texts as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.manifest import InputSpec
from edge_agent.common.arrays import U8
from pipeline.models.text.ctc_small import time_steps
from pipeline.tasks.ocr.charset import Charset, check_lengths
from pipeline.tasks.ocr.data.dataset import TextSplit


@dataclass(frozen=True, eq=False)
class FittedTexts:
    """Images after `fit`, before `normalise`.

    Args:
        pixels: (N, H, W, C) uint8, RGB or grey.
        targets: (N, T) int64, the characters' numbers and then blanks; see `pad`.
        texts: what `targets` say.
    """

    pixels: U8
    targets: NDArray[np.int64]
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)


def split_targets(split: TextSplit, charset: Charset, spec: InputSpec) -> NDArray[np.int64]:
    """The texts of `split` as a network with the input `spec` learns them: (N, T), see `pad`.

    Raises:
        DataError: a text with a character outside the charset, or longer than the time steps
            of the network's width.
    """
    steps = time_steps(spec)
    check_lengths(split.labels, split.ids, steps, spec.width)
    return pad(split.labels, charset, steps, split.ids)


def pad(
    texts: Sequence[str], charset: Charset, steps: int, places: Sequence[str]
) -> NDArray[np.int64]:
    """`texts` as the numbers of their characters, each filled up with blanks: (N, `steps`).

    One array stands for targets and lengths: no text has a blank of its own, so the first
    one is where the filling begins.

    Raises:
        DataError: a character outside the charset; the message names its place.
    """
    targets = np.full((len(texts), steps), charset.blank, np.int64)
    for row, text, place in zip(targets, texts, places, strict=True):
        row[: len(text)] = charset.encode(text, place)
    return targets
