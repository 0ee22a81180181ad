"""The ladder: ways to quantise one network, tried cheapest first until the drop is met.

Every rung is measured on the validation split. The test split is for `verify` alone, which
holds the gates to what comes out of here.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import msgspec

from edge_agent.bundle.metrics import Score
from pipeline.checkpoints.history import EpochRecord
from pipeline.common.errors import GateError
from pipeline.common.progress import Progress
from pipeline.measure.wording import difference, figure
from pipeline.recipe import REMEDIES, Remedy
from pipeline.training.int8 import Int8Network
from quantization.quantize import QuantizedModel
from quantization.recipe import QuantRecipe

# A drop of exactly the limit must not fail for its rounding.
SLACK = 1e-9


class Goal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a ladder is climbed for, as expected drops.

    Args:
        aim: a drop that is small enough to stop.
        max_drop: the largest drop with which a network goes on; None sets no limit.
    """

    aim: float
    max_drop: float | None

    def met(self, drop: float) -> bool:
        """Whether this drop is within the budget."""
        return drop <= (self.aim if self.max_drop is None else self.max_drop) + SLACK

    def reached(self, drop: float) -> bool:
        """Whether this drop is small enough to stop."""
        return drop <= self.aim + SLACK


class Figures(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a quantised network does on the validation split.

    Args:
        score: of the int8 network by the device's own code.
        drop: by how much that is worse than the float network's on the same images.
        expected_drop: the same as `pipeline.measure.evaluate.expected_drop` has it; what decides.
        agreement: the share of images with the float network's answer.
        size_bytes: the TFLite file.
        latency_ms: median of one inference on this host, one thread.
    """

    score: Score
    drop: float
    expected_drop: float
    agreement: float
    size_bytes: int
    latency_ms: float


class Rung(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One way to quantise the network, and what came of it on the validation split.

    Args:
        name: in words, `learned rounding`.
        remedy: what it tried; None is the recipe's own quantisation.
        recipe: how it was quantised; of a fine-tuned network, what it was fine-tuned from.
        figures: what the int8 network does there.
        seconds: what it took to make.
        met: whether the expected drop is within the budget; None where it has none.
        kept: whether it was better than all before it; later rungs are built on it.
        history: the epochs of a fine-tuning.
    """

    name: str
    remedy: Remedy | None = None
    recipe: QuantRecipe
    figures: Figures
    seconds: float
    met: bool | None = None
    kept: bool = True
    history: tuple[EpochRecord, ...] = ()


class Ladder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every rung that was tried, in order; `ladder.json`.

    Args:
        float_score: of the network before quantisation, on the validation split.
        goal: what it was climbed for; None if for nothing.
        rungs: at least one. The last one that was kept is the one that goes on.
    """

    float_score: Score
    goal: Goal | None
    rungs: tuple[Rung, ...]

    @property
    def chosen(self) -> Rung:
        """The rung whose network goes on."""
        return [rung for rung in self.rungs if rung.kept][-1]


@dataclass(frozen=True)
class Attempt:
    """One thing to try.

    Args:
        name: in words.
        make: does it.
    """

    name: str
    make: Callable[[], Int8Network]


@dataclass(frozen=True)
class TriedRung:
    """A rung with its network; whether it is kept and meets the budget is for the climb to say."""

    rung: Rung
    quantized: QuantizedModel


@dataclass(frozen=True)
class Ascent:
    """The ladder, and the network of the rung that was chosen."""

    ladder: Ladder
    quantized: QuantizedModel


class RungBench(Protocol):
    """What rungs are measured on."""

    @property
    def float_score(self) -> Score:
        """Of the network before quantisation."""

    def __call__(self, quantized: QuantizedModel, name: str) -> Figures:
        """Measure one network; `name` is for the progress."""


class Memory(Protocol):
    """Where finished rungs are kept, to go on from."""

    def recall(self, number: int, name: str) -> TriedRung | None:
        """The rung `number`, counted from 0, if it was kept and is called `name`."""

    def keep(self, number: int, tried: TriedRung) -> None:
        """Keep one more rung."""


Attempts: TypeAlias = Callable[[Remedy, QuantizedModel], Iterable[Attempt]]
"""What a remedy has to try, given the best network so far; layers kept in float are undone."""


def climb(
    first: Attempt,
    remedies: Sequence[Remedy],
    attempts: Attempts,
    bench: RungBench,
    goal: Goal | None,
    progress: Progress,
    memory: Memory | None = None,
) -> Ascent:
    """Try `first`, then the remedies, until the goal is reached.

    A rung that is not better than all before it is shown, but nothing is built on it.

    Args:
        first: the recipe's own quantisation.
        remedies: what may be tried; in the order of `REMEDIES`, whatever theirs.
        attempts: what each of them has to try.
        bench: measures a rung.
        goal: when to stop, and what is too much; without one only `first` is made.
        progress: told of every rung.
        memory: has the rungs of an interrupted attempt at the same, and gets those of this one.

    Raises:
        GateError: the best rung costs more than the goal lets go on.
    """
    climber = _Climber(bench, goal, progress, memory)
    climber.try_out(first, None)
    wanted = [] if goal is None else [name for name in REMEDIES if name in remedies]
    for remedy in wanted:
        if climber.arrived:
            break
        for attempt in attempts(remedy, climber.base):
            climber.try_out(attempt, remedy)
            if climber.arrived:
                break
    ladder = Ladder(float_score=bench.float_score, goal=goal, rungs=tuple(climber.rungs))
    if goal is not None and goal.max_drop is not None and not ladder.chosen.met:
        raise GateError(_missed(ladder, goal.max_drop, remedies))
    return Ascent(ladder, climber.best)


class _Climber:
    """Where one stands on the ladder: the rungs so far, and the best networks among them."""

    best: QuantizedModel
    base: QuantizedModel

    def __init__(
        self, bench: RungBench, goal: Goal | None, progress: Progress, memory: Memory | None
    ) -> None:
        self._bench, self._goal = bench, goal
        self._progress, self._memory = progress, memory
        self._least = float("inf")
        self.rungs: list[Rung] = []

    @property
    def arrived(self) -> bool:
        """Whether the goal is reached."""
        return self._goal is not None and self._goal.reached(self._least)

    def try_out(self, attempt: Attempt, remedy: Remedy | None) -> None:
        """Make and measure one more rung, unless it was before, and judge it."""
        number = len(self.rungs)
        tried = self._memory.recall(number, attempt.name) if self._memory else None
        if tried is None:
            tried = self._try(attempt, remedy)
            if self._memory:
                self._memory.keep(number, tried)
        drop, goal = tried.rung.figures.expected_drop, self._goal
        kept = drop < self._least
        if kept:
            self._least, self.best = drop, tried.quantized
            if remedy != "float-layers":
                self.base = tried.quantized
        met = None if goal is None else goal.met(drop)
        rung = msgspec.structs.replace(tried.rung, met=met, kept=kept)
        self.rungs.append(rung)
        self._progress.say(rung_line(rung))

    def _try(self, attempt: Attempt, remedy: Remedy | None) -> TriedRung:
        begun = time.monotonic()
        made = attempt.make()
        seconds = time.monotonic() - begun
        rung = Rung(
            name=attempt.name,
            remedy=remedy,
            recipe=made.quantized.recipe,
            figures=self._bench(made.quantized, attempt.name),
            seconds=round(seconds, 3),
            history=made.history,
        )
        return TriedRung(rung, made.quantized)


def rung_line(rung: Rung) -> str:
    """One rung for the reader of the progress."""
    verdict = {True: "within the budget", False: "kept" if rung.kept else "not kept", None: ""}
    figures = rung.figures
    score, word = figures.score, "drop" if figures.score.kind.more else "rise"
    expected = difference(figures.expected_drop, score).removesuffix(" points")
    parts = (
        f"val {figure(score.value, score.metric, score.unit)}",
        f"{word} {difference(figures.drop, score)}, expected {expected}",
        f"{figures.size_bytes / 1000:.1f} kB",
        f"{figures.latency_ms:.3f} ms",
        f"{rung.seconds:.1f} s",
        verdict[rung.met],
    )
    return f"quantize: {rung.name}: " + ", ".join(part for part in parts if part)


def _missed(ladder: Ladder, max_drop: float, remedies: Sequence[Remedy]) -> str:
    """What to say where no rung meets the budget."""
    best = ladder.chosen
    score, expected = best.figures.score, best.figures.expected_drop
    word = "drop" if score.kind.more else "rise"
    rungs = len(ladder.rungs)
    text = (
        f"budget: quantisation {word}: expected at most {_cost(max_drop, score)}, "
        f"found {_cost(expected, score)} "
        f"on the validation split with {best.name!r}, "
        f"{'the only rung' if rungs == 1 else f'the best of {rungs} rungs'}: "
        f"{_cost(expected - max_drop, score)} too much"
    )
    forbidden = [name for name in REMEDIES if name not in remedies]
    if forbidden:
        text += f"; quantize.remedies does not allow {', '.join(forbidden)}"
    return text


def _cost(value: float, score: Score) -> str:
    """Three digits: they tell a small miss from none."""
    if score.kind.share:
        return f"{100 * value:.3g} points"
    return f"{value:.3g} {score.unit}".rstrip()
