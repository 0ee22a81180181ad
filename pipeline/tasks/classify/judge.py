"""What is known of a classifier's answers, and of pictures in class folders."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from edge_agent.bundle.metrics import Proportion
from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import U8
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.tasks.classify.answer import Classification
from edge_agent.tasks.classify.spec import ClassifySpec
from pipeline.common.errors import DataError
from pipeline.data.readers.folder import image_id
from pipeline.data.readers.images import read_image
from pipeline.data.readers.layout import FolderLayout, list_folder
from pipeline.evaluation.evaluation import ClassEvaluation, Evaluation, Judge, share_right
from pipeline.evaluation.labelled import LabelledPictures
from pipeline.evaluation.mistakes import mistakes
from pipeline.evaluation.prediction import NOT_SURE, Answerer, Prediction
from pipeline.evaluation.rows import PredictionRow
from pipeline.measure.wording import shown
from pipeline.report.metrics import class_accuracy, confusion, mixups

MIXUPS = 3
# How many classes an error names.
_SHOWN = 10


@dataclass(frozen=True)
class LabelledFile:
    """An image file and its right answer: its class, or its text."""

    path: Path
    name: str
    truth: str

    def image(self) -> U8:
        """The picture: see `read_image`."""
        return read_image(self.path)


def _answerer(recognizer: TfliteRecognizer, _spec: ClassifySpec) -> Answerer:
    def answer(image: U8, order: ColourOrder) -> Prediction:
        result = recognizer(image, order)
        assert isinstance(result, Classification), "the spec is a classifier's"
        why = "" if result.sure else NOT_SURE
        return Prediction(result.brief(), result.confidence, result.sure, why, result)

    return answer


def _labelled(folder: Path, spec: ClassifySpec) -> LabelledPictures:
    """One sub-folder per class, of which it need not have all; of a folder with splits the test."""
    layout = list_folder(folder)
    files = _class_files(layout, spec.labels)
    part = "test" if layout.split else None
    return LabelledPictures(len(files), iter(files), part, layout.remarks)


def _class_files(layout: FolderLayout, labels: Sequence[str]) -> list[LabelledFile]:
    part = layout.parts.get("test") if layout.split else layout.parts["train"]
    if part is None:
        told = "".join(f"; {remark}" for remark in layout.remarks)
        raise DataError(
            f"{layout.root}: expected one sub-folder per class, or a test part, found the parts "
            f"{', '.join(layout.parts)}: name the folder of one of them{told}"
        )
    strange = sorted(set(part) - set(labels))
    if strange:
        known = ", ".join(map(repr, labels[:_SHOWN])) + (", ..." if len(labels) > _SHOWN else "")
        raise DataError(
            f"{layout.root}: expected folders named after the bundle's classes ({known}), "
            f"found {', '.join(map(repr, strange[:_SHOWN]))}"
        )
    files = [
        LabelledFile(path, image_id(path, layout.root), label)
        for label, paths in part.items()
        for path in paths
    ]
    if not files:
        raise DataError(f"{layout.root}: expected images in the class folders, found none")
    return files


def _judged(
    found: Evaluation, spec: ClassifySpec, answers: Sequence[str], truths: Sequence[str]
) -> Evaluation:
    """With balanced accuracy, each class, and which is taken for which."""
    labels = spec.labels
    place = {label: number for number, label in enumerate(labels)}
    matrix = confusion(
        np.array([place[truth] for truth in truths], np.int64),
        np.array([place[answer] for answer in answers], np.int64),
        len(labels),
    )
    recalls, precisions = class_accuracy(matrix), class_accuracy(matrix.T)
    return msgspec.structs.replace(
        found,
        balanced_accuracy=float(np.mean([score.value for score in recalls if score is not None])),
        classes=tuple(
            ClassEvaluation(label=label, recall=recall, precision=precision)
            for label, recall, precision in zip(labels, recalls, precisions, strict=True)
        ),
        confusion=tuple(tuple(row) for row in matrix.tolist()),
    )


def _summary(found: Evaluation) -> Iterator[str]:
    if found.balanced_accuracy is not None:
        yield f"balanced accuracy   {100 * found.balanced_accuracy:.1f} %"


def _details(
    found: Evaluation, rows: Sequence[PredictionRow], truths: Sequence[str]
) -> Iterator[str]:
    yield from _classes(found)
    yield from mistakes(rows, truths)


def _classes(found: Evaluation) -> Iterator[str]:
    width = max(len(row.label) for row in found.classes)
    yield f"{'class':<{width}}  pictures  answered right         right of its answers"
    for row in found.classes:
        count = 0 if row.recall is None else row.recall.samples
        yield f"{row.label:<{width}}  {count:8}  {_cell(row.recall):<21}  {_cell(row.precision)}"
    for mixup in mixups(np.array(found.confusion, np.int64), MIXUPS):
        truth, answer = found.classes[mixup.truth].label, found.classes[mixup.answer].label
        yield f"{truth} was taken for {answer}: {mixup.count} ({100 * mixup.share:.1f} %)"


def _cell(score: Proportion | None) -> str:
    return "-" if score is None else shown(score)


JUDGE = Judge(_answerer, _labelled, "accuracy", share_right, _judged, _summary, _details)
