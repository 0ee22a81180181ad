"""How right a bundle is on labelled pictures, beside what `verify` proved of it."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec
import numpy as np

from edge_agent.bundle.archive import Bundle
from edge_agent.bundle.manifest import Score
from edge_agent.tasks.classify.spec import ClassifySpec
from pipeline.measure.evaluate import wilson
from pipeline.predict.rows import PredictionRow
from pipeline.report.metrics import class_accuracy, confusion
from pipeline.tasks.ocr.readings import score_readings

# Against the accuracy that `verify` measured, by the two 95 % intervals.
Comparison: TypeAlias = Literal["as proven", "worse than proven", "better than proven", "unproven"]


class ClassEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One class.

    Args:
        label: its name.
        recall: of its pictures, the share that was answered right; None if it has none.
        precision: of the answers that name it, the share that is right; None if none does.
    """

    label: str
    recall: Score | None
    precision: Score | None


class TextEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What counts for texts besides the share that is read without any error.

    Args:
        ignoring_case: that share where capital and small letters are one.
        error_rate: edits per character of the truth; None if it has no character.
    """

    ignoring_case: Score
    error_rate: float | None


class Evaluation(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="edgeward.evaluation/1"
):
    """What `edgeward evaluate` measured.

    Args:
        bundle: `name@id`.
        folder: where the pictures are.
        runtime: the TFLite runtime that answered.
        accuracy: the share that is answered right: of classes, or of whole texts.
        proven: what `verify` measured on its own held-out pictures; None in a bundle that
            was not verified.
        comparison: the one against the other.
        balanced_accuracy: the mean recall of the classes that have pictures; None of texts.
        sure: the share of which the device would be sure.
        accuracy_if_sure: the share of those that is right; None if there are none.
        classes: each class of the bundle; empty for texts.
        confusion: pictures by class (rows) and by answer (columns), in the order of `classes`.
        texts: of a reader of texts; None of a classifier.
        unreadable: why files gave no picture.
        part: the split of `folder` that was measured; None where it has no splits.
    """

    bundle: str
    folder: str
    runtime: str
    accuracy: Score
    proven: Score | None
    comparison: Comparison
    balanced_accuracy: float | None
    sure: float
    accuracy_if_sure: Score | None
    classes: tuple[ClassEvaluation, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    texts: TextEvaluation | None = None
    unreadable: tuple[str, ...] = ()
    part: str | None = None


def evaluation(
    bundle: Bundle,
    folder: str,
    runtime: str,
    rows: Sequence[PredictionRow],
    truths: Sequence[str],
    unreadable: Sequence[str],
) -> Evaluation:
    """What `rows`, the bundle's answers for pictures of `folder`, are worth.

    Args:
        bundle: that answered.
        folder: named in the result.
        runtime: likewise.
        rows: one for each picture, at least one.
        truths: what would have been right: classes by name, or texts.
        unreadable: of files that gave no picture.
    """
    right = [row.answer == truth for row, truth in zip(rows, truths, strict=True)]
    sure = [ok for ok, row in zip(right, rows, strict=True) if row.sure]
    accuracy = wilson(sum(right), len(right))
    metrics = bundle.manifest.metrics
    proven = None if metrics is None else metrics.int8_accuracy
    found = Evaluation(
        bundle=bundle.short_id,
        folder=folder,
        runtime=runtime,
        accuracy=accuracy,
        proven=proven,
        comparison=compare(accuracy, proven),
        balanced_accuracy=None,
        sure=len(sure) / len(right),
        accuracy_if_sure=wilson(sum(sure), len(sure)) if sure else None,
        unreadable=tuple(unreadable),
    )
    answers = [row.answer for row in rows]
    if isinstance(bundle.manifest.output, ClassifySpec):
        return _of_classes(found, bundle.manifest.output.labels, answers, truths)
    scores = score_readings(answers, truths)
    texts = TextEvaluation(
        ignoring_case=scores.exact_ignoring_case, error_rate=scores.error_rate_ignoring_case
    )
    return msgspec.structs.replace(found, texts=texts)


def compare(accuracy: Score, proven: Score | None) -> Comparison:
    """Whether `accuracy` is what was proven: another only where the intervals do not meet."""
    if proven is None:
        return "unproven"
    if accuracy.high < proven.low:
        return "worse than proven"
    return "better than proven" if accuracy.low > proven.high else "as proven"


def _of_classes(
    found: Evaluation, labels: Sequence[str], answers: Sequence[str], truths: Sequence[str]
) -> Evaluation:
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
