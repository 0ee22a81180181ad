"""What is known of the numbers that are read, and of pictures in a folder with a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from edge_agent.bundle.metrics import Score
from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import F32, U8
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.tasks.regress.decode import measure
from edge_agent.tasks.regress.spec import RegressSpec
from pipeline.common.errors import DataError
from pipeline.evaluation.evaluation import Evaluation, Judge
from pipeline.evaluation.labelled import LabelledPictures
from pipeline.evaluation.prediction import NOT_SURE, Answerer, Prediction
from pipeline.evaluation.rows import PredictionRow, terminal_line
from pipeline.measure.wording import shown
from pipeline.tasks.regress.dataset import Values, shares
from pipeline.tasks.regress.folder import TEST_TABLE, TRAIN_TABLES, read_value_folder
from pipeline.tasks.regress.truth import ValueTruth

# How many of the largest errors a person is shown.
WORST = 5


@dataclass(frozen=True, eq=False)
class LabelledGauge:
    """A picture of a value folder, which was decoded once already."""

    name: str
    truth: str
    pixels: U8

    def image(self) -> U8:
        """The picture."""
        return self.pixels


def _answerer(recognizer: TfliteRecognizer, _spec: RegressSpec) -> Answerer:
    def answer(image: U8, order: ColourOrder) -> Prediction:
        result = recognizer(image, order)
        return Prediction(result.brief(), None, result.sure, _why(result.sure), result)

    return answer


def _why(sure: bool) -> str:
    return "" if sure else NOT_SURE


def _labelled(folder: Path, spec: RegressSpec) -> LabelledPictures:
    """A folder with a table; of one with splits the test part."""
    source = read_value_folder(folder, spec.quantities, on_unreadable="skip")
    parted = source.val is not None or (folder / TRAIN_TABLES[1]).exists()
    if source.test is None and parted:
        raise DataError(
            f"{folder}: expected a table {TEST_TABLE}, found only what is learnt from: "
            f"give a folder with one table {TRAIN_TABLES[0]}"
        )
    split = (source.test or source.train).split
    said = truths(split.labels, spec)
    pictures = (LabelledGauge(split.ids[i], said[i], split.images[i]) for i in range(len(split)))
    return LabelledPictures(len(split), pictures, None if source.test is None else "test")


def truths(values: Values, spec: RegressSpec) -> list[str]:
    """What (N, R) values would be said as: each cut to its range and rounded as on the device."""
    rows = shares(values, spec.quantities).astype(np.float32)
    return [measure(row, spec).brief() for row in rows]


def _judged(
    found: Evaluation, spec: RegressSpec, answers: Sequence[str], right: Sequence[str]
) -> Evaluation:
    """With the mean absolute error; answers and truths are both as the device rounds them."""
    truth = ValueTruth(_read(right), spec.quantities)
    return msgspec.structs.replace(found, error=truth.score(_scores(answers, spec)))


def _read(said: Sequence[str]) -> Values:
    """(N, R) the values in `4.2 bar, 61 °C`."""
    return np.array([[float(one.split(" ")[0]) for one in each.split(", ")] for each in said])


def _scores(said: Sequence[str], spec: RegressSpec) -> F32:
    return shares(_read(said), spec.quantities).astype(np.float32)


def _summary(found: Evaluation) -> Iterator[str]:
    if isinstance(found.error, Score):
        yield f"{found.error.metric} {shown(found.error)}"
    yield f"sure answers        {found.sure * 100:.3g} of 100"


def _details(_: Evaluation, rows: Sequence[PredictionRow], right: Sequence[str]) -> Iterator[str]:
    """The pictures whose first number is furthest from what is there."""
    if not rows:
        return
    apart = np.abs(_read([row.answer for row in rows]) - _read(right))[:, 0]
    yield "the largest errors:"
    for place in np.argsort(-apart, kind="stable")[:WORST]:
        yield f"  {terminal_line(rows[place])}  where {right[place]} is right"


JUDGE = Judge(
    _answerer,
    _labelled,
    "mean absolute error",
    lambda _answers, _truths: None,
    _judged,
    _summary,
    _details,
)
