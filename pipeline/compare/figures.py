"""`RunFigures`: what is known of one run, finished or not; and whether two can be compared."""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import msgspec

from edge_agent.bundle.metrics import Score
from pipeline.measure.gates import Gate
from pipeline.report.data import Phase

State: TypeAlias = Literal["proven", "refused", "unfinished"]
"""Every gate held; one did not; or a stage is still to be done."""


class RunFigures(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The figures of one run; what is not measured yet is None.

    Args:
        name: how the run is called among those that it is compared with.
        folder: of the run, as it was given.
        state: how far it came.
        waits_for: of an unfinished run, the stage that is next.
        stopped: why its build ended, where that is known and no gate did it.
        outdated: whether its recipe was changed after this was measured.
        task: what kind of answers its network gives.
        data: the data set's name.
        arch: the architecture.
        width: its width multiplier.
        weights: what the training began with; None from scratch.
        side: height and width of the input in pixels.
        trained, pruned, int8: scores on the test split; `pruned` is None where nothing was pruned.
        macs: multiply-accumulates of one inference of the network that ships.
        parameters: its learned numbers.
        size_bytes: its TFLite file.
        latency_ms: median of one int8 inference in milliseconds.
        measured_on: the processor and runtime that was measured on.
        seconds: what its stages took together.
        best_epoch: the training's best one on the validation split, from 1.
        epochs: how many epochs it trained.
        gates: what its budget demanded, and whether it holds.
    """

    name: str
    folder: str
    state: State
    waits_for: str = ""
    stopped: str = ""
    outdated: bool = False
    task: str
    data: str
    arch: str
    width: float = 1.0
    weights: str | None = None
    side: tuple[int, int]
    trained: Score | None = None
    pruned: Score | None = None
    int8: Score | None = None
    macs: int | None = None
    parameters: int | None = None
    size_bytes: int | None = None
    latency_ms: float | None = None
    measured_on: str = ""
    seconds: float = 0.0
    best_epoch: int | None = None
    epochs: int | None = None
    gates: tuple[Gate, ...] = ()

    @property
    def held(self) -> int:
        """How many gates hold."""
        return sum(gate.holds for gate in self.gates)

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of those that do not."""
        return tuple(gate.name for gate in self.gates if not gate.holds)


@dataclass(frozen=True, eq=False)
class ComparedRun:
    """One run with what a comparison shows besides its figures.

    Args:
        figures: see there.
        recipe: every key of its recipe by its dotted name, with what is not written there.
        phases: its optimisations so far, epoch by epoch.
        test: what it is tested on; runs with the same can be compared.
    """

    figures: RunFigures
    recipe: dict[str, Any]
    phases: tuple[Phase, ...]
    test: "TestIdentity"


@dataclass(frozen=True)
class TestIdentity:
    """What a run's score is of: two runs with the same one answered the same questions.

    Args:
        task: the kind of answers.
        data: the data set's name.
        labels: what could be answered, as text.
        images: the identities of the test images; empty as long as the data are not divided.
    """

    __test__ = False  # for pytest: no test, though its name begins like one

    task: str
    data: str
    labels: str
    images: tuple[str, ...]


def proven_first(run: RunFigures) -> tuple[bool, float]:
    """Sorts runs: those with a score first, the best of them at the top."""
    score = run.int8
    if score is None:
        return True, 0.0
    return False, -score.value if score.kind.more else score.value
