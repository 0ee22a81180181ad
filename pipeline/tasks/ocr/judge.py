"""What is known of the texts that are read, and of pictures in a folder with a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import U8
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.tasks.ocr.line_reader import LineReader
from edge_agent.tasks.ocr.spec import TextSpec
from pipeline.common.errors import DataError
from pipeline.evaluation.evaluation import Evaluation, Judge, TextEvaluation, share_right
from pipeline.evaluation.labelled import LabelledPictures
from pipeline.evaluation.mistakes import mistakes
from pipeline.evaluation.prediction import Answerer, Prediction
from pipeline.evaluation.rows import PredictionRow
from pipeline.measure.wording import shown
from pipeline.tasks.ocr.data.folder import TEST_TABLE, TRAIN_TABLES, read_text_folder
from pipeline.tasks.ocr.measure.readings import score_readings


@dataclass(frozen=True, eq=False)
class LabelledLine:
    """A picture of a text folder, which was decoded once already."""

    name: str
    truth: str
    pixels: U8

    def image(self) -> U8:
        """The picture."""
        return self.pixels


def _answerer(recognizer: TfliteRecognizer, spec: TextSpec) -> Answerer:
    """Takes a picture for one line of text."""
    read = LineReader(recognizer, spec)

    def answer(image: U8, order: ColourOrder) -> Prediction:
        text, verdict = read(image, order, None)
        sure = verdict.state == "accepted"
        why = "" if sure else f"{verdict.state}: {verdict.why}"
        return Prediction(text.text, text.confidence, sure, why, text)

    return answer


def _labelled(folder: Path, _spec: TextSpec) -> LabelledPictures:
    """A folder with a table; of one with splits the test part."""
    source = read_text_folder(folder, on_unreadable="skip")
    parted = source.val is not None or (folder / TRAIN_TABLES[1]).exists()
    if source.test is None and parted:
        raise DataError(
            f"{folder}: expected a table {TEST_TABLE}, found only what is learnt from: "
            f"give a folder with one table {TRAIN_TABLES[0]}"
        )
    split = (source.test or source.train).split
    lines = zip(split.ids, split.labels, range(len(split)), strict=True)
    pictures = (LabelledLine(name, text, split.images[i]) for name, text, i in lines)
    return LabelledPictures(len(split), pictures, None if source.test is None else "test")


def _judged(
    found: Evaluation, _spec: TextSpec, answers: Sequence[str], truths: Sequence[str]
) -> Evaluation:
    """With what counts for texts besides the share that is read without any error."""
    scores = score_readings(answers, truths)
    texts = TextEvaluation(
        ignoring_case=scores.exact_ignoring_case, error_rate=scores.error_rate_ignoring_case
    )
    return msgspec.structs.replace(found, texts=texts)


def _summary(found: Evaluation) -> Iterator[str]:
    if found.texts is None:
        return
    yield f"  ignoring case     {shown(found.texts.ignoring_case)}"
    if found.texts.error_rate is not None:
        rate = 100 * found.texts.error_rate
        yield f"character errors    {rate:.1f} % of the characters, ignoring case"


def _details(
    _found: Evaluation, rows: Sequence[PredictionRow], truths: Sequence[str]
) -> Iterator[str]:
    yield from mistakes(rows, truths)


JUDGE = Judge(_answerer, _labelled, "exact match", share_right, _judged, _summary, _details)
