"""`RunTask`: a task in one run, with the run's data."""

from collections.abc import Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from edge_agent.common.arrays import F32, U8
from edge_agent.tasks.kinds import OutputSpec
from pipeline.data.base import Dataset, SplitName
from pipeline.measure.truth import Truth
from pipeline.models import ModelSpec
from pipeline.training.objective import TrainingData

SPLIT_FILE = "split.json"


class RunTask(Protocol):
    """What a run is about."""

    @property
    def dataset(self) -> Dataset[Any]:
        """The recipe's data, loaded once."""

    @property
    def model(self) -> ModelSpec:
        """The network that is trained."""

    def data_identity(self) -> Mapping[str, object]:
        """What beside the data themselves decides what the data stage records."""

    def identity(self) -> Mapping[str, object]:
        """What of the recipe's own table decides what a network learns.

        As values msgspec can encode; it goes into the fingerprints of the stages that train.
        """

    def record(self, folder: Path) -> None:
        """Write what the data stage leaves to the others into `folder`."""

    def truth(self, name: SplitName) -> Truth:
        """The right answers of the split `name`."""

    def pixels(self, name: SplitName) -> U8:
        """The images of the split `name` at the network's size: (N, H, W, C) uint8."""

    def training_data(self) -> AbstractContextManager[TrainingData]:
        """What a network learns from, for as long as it learns."""

    def output(self, scores: F32 | None = None) -> OutputSpec:
        """What the device makes of the scores, with all that is chosen on validation data.

        Args:
            scores: of the quantised network on the validation split; None leaves out what is
                chosen by them.
        """

    def answers(self, scores: F32) -> Sequence[Hashable]:
        """What each row of scores says, whatever its confidence."""

    def margin(self, output: F32) -> float:
        """How far two outputs of one image have to come together before the answer may change.

        Args:
            output: raw outputs for one image, (K,) or (T, K); the margin is in their unit.
        """
