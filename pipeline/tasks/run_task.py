"""`RunTask`: a task in one run, with the run's data."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from torch import nn

from edge_agent.bundle.archive import Bundle
from edge_agent.common.arrays import F32, U8
from edge_agent.common.errors import TaskError
from edge_agent.tasks.kinds import OutputSpec
from pipeline.data.base import Dataset, SplitName
from pipeline.measure.gates import Gate
from pipeline.measure.truth import Truth
from pipeline.models import ModelSpec
from pipeline.report.page import ReportPage
from pipeline.training.objective import TrainingData

SPLIT_FILE = "split.json"

_Spec = TypeVar("_Spec", bound=OutputSpec)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a report shows its task's side of.

    Args:
        bundle: what ships, or was refused.
        float_scores, int8_scores: on the test split, of the network before quantisation and of
            the bundle.
        network: the one before quantisation.
    """

    bundle: Bundle
    float_scores: F32
    int8_scores: F32
    network: nn.Module


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

    def brief(self, name: SplitName) -> Sequence[str]:
        """What the right answer to each image of the split `name` says, as the device has it."""
        ...

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

    def kept_identity(self) -> object:
        """What beside its bundle decides what of an older network has to be kept; None if nothing.

        As a value msgspec can encode; it goes into the fingerprint of `verify`.
        """
        return None

    def kept_gates(self, _candidate: Bundle, _old: Bundle) -> Iterator[Gate]:
        """What an older bundle could do beside its golden frames, and the candidate must."""
        return iter(())

    def report(self, evidence: Evidence, **shared: Any) -> ReportPage:
        """The report of the run.

        Args:
            evidence: what was measured.
            shared: the fields of `ReportData`, the same for every task.

        Raises:
            TaskError: the bundle is for another task.
        """


def spec_of(bundle: Bundle, kind: type[_Spec]) -> _Spec:
    """What a bundle makes of its outputs, which has to be of `kind`.

    Raises:
        TaskError: the bundle is for another task.
    """
    spec = bundle.manifest.output
    if not isinstance(spec, kind):
        wanted = kind.__struct_config__.tag
        raise TaskError(f"{bundle.path}: expected a bundle for the task {wanted}, found another")
    return spec
