"""`ReportData`: what every report shows, as frozen values; nothing here runs a network.

Every task has a kind of its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from edge_agent.bundle.golden import GoldenFrame
from edge_agent.bundle.manifest import OutputPort
from edge_agent.bundle.metrics import Score
from pipeline.checkpoints.history import EpochRecord
from pipeline.ladder.ladder import Goal
from pipeline.measure.gates import Gate


class NetworkRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One network of the ladder from float to the int8 one that ships.

    Args:
        name: `trained`, `pruned`, or how it was quantised.
        validation: the score on the validation split, where the ladder is climbed.
        test: the score on the test split; None of what was tried and does not ship, which
            nobody asked about it.
        drop: of the score on the validation split by quantisation; None of a float network.
        expected_drop: likewise, by the float network's own confidence; what decides.
        met: whether that is within the budget; None where nothing was demanded.
        kept: whether it was better than what was tried before it.
        chosen: whether it is the one that ships.
        macs: multiply-accumulates of one inference.
        parameters: learned numbers.
        size_bytes: the network's file.
        latency_ms: median of one inference in milliseconds; None where not measured.
        measured_on: the processor and runtime `latency_ms` was measured on.
    """

    name: str
    validation: Score
    test: Score | None = None
    drop: float | None = None
    expected_drop: float | None = None
    met: bool | None = None
    kept: bool = True
    chosen: bool = False
    macs: int
    parameters: int
    size_bytes: int
    latency_ms: float | None = None
    measured_on: str = ""


@dataclass(frozen=True)
class Phase:
    """One optimisation, `training` or `fine-tuning`, epoch by epoch."""

    name: str
    epochs: tuple[EpochRecord, ...]


@dataclass(frozen=True)
class SplitCounts:
    """How many images of each kind a split has, in the order of the kinds' names."""

    name: str
    counts: tuple[int, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class ReportData(ABC):
    """What every report shows, whatever its network answers; N test images.

    Args:
        name: the recipe's name.
        created: when the run was verified, in ISO 8601.
        gates: the budget's promises; empty if none was demanded.
        rungs: the ladder, the float network first.
        goal: what the ladder was climbed for; None if for nothing.
        phases: the optimisations in the order they ran.
        golden: the bundle's golden frames.
        golden_port: their first output.
        golden_tolerance: the difference a device may show at any output, in quanta.
        recipe_text: the recipe, as TOML.
        versions: package to version.
        hashes: what to its SHA-256.

    Raises:
        ValueError: no float rung first or not one that ships, no test image, scores or data
            of another size, or a score that is not that of the outputs.
    """

    name: str
    created: str
    gates: tuple[Gate, ...]
    rungs: tuple[NetworkRow, ...]
    goal: Goal | None = None
    phases: tuple[Phase, ...]
    golden: tuple[GoldenFrame, ...]
    golden_port: OutputPort
    golden_tolerance: int
    recipe_text: str
    versions: Mapping[str, str] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.images == 0:
            raise ValueError("test: expected at least one image, found none")
        self._check_scores()
        self._check_rungs()

    @property
    @abstractmethod
    def images(self) -> int:
        """N, how many test images there are."""

    @property
    @abstractmethod
    def score(self) -> Score:
        """How good the int8 network's answers for them are."""

    @property
    @abstractmethod
    def agreement(self) -> float:
        """The share of them that it answers as the network before quantisation."""

    @abstractmethod
    def _check_scores(self) -> None:
        """Raise unless scores and data have the size they must have."""

    def _check_rungs(self) -> None:
        """A report must not contradict itself: one that ships, one test split, one score."""
        chosen = [rung for rung in self.rungs if rung.chosen]
        if len(chosen) != 1 or self.rungs[0].drop is not None:
            raise ValueError(
                f"rungs: expected a float one first and one that ships, found "
                f"{self.rungs[0].name!r} first and {len(chosen)} that ship"
            )
        for rung in (self.first, self.shipped):
            if rung.test is None or rung.test.samples != self.images:
                found = "none" if rung.test is None else f"one over {rung.test.samples}"
                raise ValueError(
                    f"rung {rung.name}: expected a score over the {self.images} test "
                    f"images, found {found}"
                )
        if self.shipped.test != self.score:
            raise ValueError(
                f"rung {self.shipped.name}: expected the score of scores_int8, "
                f"{self.score}, found {self.shipped.test}"
            )

    @property
    def first(self) -> NetworkRow:
        """The float network, as it was trained."""
        return self.rungs[0]

    @property
    def before(self) -> NetworkRow:
        """The network that was quantised: the trained one, or what pruning left of it."""
        return [rung for rung in self.rungs if rung.drop is None][-1]

    @property
    def shipped(self) -> NetworkRow:
        """The int8 network that ships."""
        return next(rung for rung in self.rungs if rung.chosen)

    @property
    def tested(self) -> tuple[NetworkRow, ...]:
        """The rungs that were measured on the test split."""
        return tuple(rung for rung in self.rungs if rung.test is not None)

    @property
    def verified(self) -> bool:
        """Whether every gate holds."""
        return all(gate.holds for gate in self.gates)
