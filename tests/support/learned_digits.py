"""What the tests of reports know of the small network that has learnt scikit-learn's digits."""

from dataclasses import dataclass

import numpy as np
from torch import nn

from edge_agent.bundle.metrics import Score
from edge_agent.common.arrays import F32
from pipeline.data.classes import ClassDataset
from pipeline.report.data import NetworkRow, Phase


@dataclass(frozen=True)
class Problem:
    """A trained network with its data; `logits` are the test split's."""

    dataset: ClassDataset
    module: nn.Sequential
    phase: Phase
    logits: F32
    temperature: float

    def inputs(self, index: int) -> F32:
        """The test image `index` as the network takes it, (1, 1, 8, 8)."""
        image = self.dataset.test.images[index]
        return np.asarray(image[None, None] / 255, np.float32)


def on_test(rung: NetworkRow) -> Score:
    """What a rung that was tested scored on the test split."""
    assert rung.test is not None
    return rung.test
