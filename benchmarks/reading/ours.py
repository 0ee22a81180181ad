"""A finished run of a text recipe: its bundle, its own test split, and what `verify` measured."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from edge_agent.bundle.archive import Bundle, open_bundle
from edge_agent.bundle.metrics import Score
from edge_agent.common.arrays import U8
from edge_agent.tasks.ocr.decode.automaton import Automaton
from edge_agent.tasks.ocr.line_reader import LineReader
from edge_agent.tasks.ocr.spec import TextSpec
from edge_agent.tasks.task import Recognizer
from pipeline.common.errors import GateError, RunError
from pipeline.run.stages.verify import bundle_path, load_proof
from pipeline.run.start import open_run
from pipeline.tasks.ocr.data.dataset import TextDataset, TextSplit
from pipeline.tasks.ocr.measure.readings import Readings, read_scores
from pipeline.tasks.ocr.measure.thresholds import Curve, Point, coverage_curve, operating_point
from pipeline.tasks.run_task import SPLIT_FILE

ERRORS = (0.001, 0.01)  # shares of wrong readings that a coverage is given for


@dataclass(frozen=True)
class Int8:
    """What int8 costs, and what share of readings can be trusted, on a run's test split.

    Args:
        real, int8: read without any error by the float network and by the bundle.
        coverage: for each of `ERRORS` the largest share of readings whose least sure one
            keeps the error; the threshold is chosen on the very readings, so it flatters.
        promised: what the threshold that the bundle carries, chosen on the validation split,
            gives on these readings; None where it carries none.
        model_bytes: of the bundle's .tflite.
    """

    real: Score
    int8: Score
    coverage: tuple[float, ...]
    promised: Point | None
    model_bytes: int

    @property
    def drop(self) -> float:
        """What int8 lost, in points."""
        return 100 * (self.real.value - self.int8.value)


@dataclass(frozen=True, eq=False)
class Tested:
    """A run that has been verified.

    Args:
        name: the recipe's.
        sets: the names of its sets.
        bundle: what it made.
        spec: what that writes.
        test: the split that nobody has learnt from.
        int8: see `Int8`.
    """

    name: str
    sets: tuple[str, ...]
    bundle: Bundle
    spec: TextSpec
    test: TextSplit
    int8: Int8

    def of_set(self, name: str) -> TextSplit:
        """The part of the test split that comes from one set; with several, ids tell it."""
        if self.sets == (name,):
            return self.test
        ids = self.test.ids
        return self.test.select(i for i, id_ in enumerate(ids) if id_.startswith(f"{name}/"))


def tested(folder: Path, data: Path) -> Tested:
    """The verified run in `folder`, with its test split read from the data root.

    Raises:
        RunError: it is not verified, reads no texts, or today's split is not the one it had.
        DataError: its sets are not there.
    """
    run = open_run(folder, None, data, sys.stderr)
    run.need("verify")
    dataset, bundle = run.dataset, open_bundle(bundle_path(run))
    spec = bundle.manifest.output
    if not isinstance(dataset, TextDataset) or not isinstance(spec, TextSpec):
        raise RunError(f"{folder}: expected a run of a text recipe, found one of classes")
    recorded = msgspec.json.decode((run.path("data") / SPLIT_FILE).read_bytes())
    if tuple(recorded["splits"]["test"]) != dataset.test.ids:
        raise RunError(
            f"{folder}: expected the test split that it was made with, found another one; "
            "the data or the code that divides them have changed since"
        )
    proof = load_proof(run)
    found = read_scores(proof.int8_scores, spec)
    int8 = Int8(
        real=proof.metrics.float_score,
        int8=proof.metrics.int8_score,
        coverage=tuple(covered(found, dataset.test.labels, error) for error in ERRORS),
        promised=_promised(_curve(found, dataset.test.labels), spec),
        model_bytes=len(bundle.model),
    )
    return Tested(run.recipe.name, run.recipe.data.sets, bundle, spec, dataset.test, int8)


def covered(found: Readings, truth: tuple[str, ...], error: float) -> float:
    """The largest share of readings that keeps `error`; 0 if none does."""
    try:
        return operating_point(_curve(found, truth), error).coverage
    except GateError:  # wrong ones among those with the confidence 1
        return 0.0


def reading(
    recognize: Recognizer, spec: TextSpec, allowed: Automaton | None = None
) -> Callable[[U8], str]:
    """Reads the picture of a line as a stream does: gates, network, decoding."""
    line = LineReader(recognize, spec)
    return lambda image: line(image, "rgb", allowed)[0].text


def _curve(found: Readings, truth: tuple[str, ...]) -> Curve:
    return coverage_curve(found.confidence, np.asarray(found.right(truth)))


def _promised(curve: Curve, spec: TextSpec) -> Point | None:
    return None if spec.promise is None else curve.at(spec.min_confidence)
