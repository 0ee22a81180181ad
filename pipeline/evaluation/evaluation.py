"""How right a bundle is on labelled pictures, beside what `verify` proved of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from edge_agent.bundle.archive import Bundle
from edge_agent.bundle.metrics import MetricName, Proportion, Score
from edge_agent.inference.recognizer import TfliteRecognizer
from pipeline.evaluation.labelled import LabelledPictures
from pipeline.evaluation.prediction import Answerer
from pipeline.evaluation.rows import PredictionRow
from pipeline.measure.evaluate import wilson

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
    recall: Proportion | None
    precision: Proportion | None


class TextEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What counts for texts besides the share that is read without any error.

    Args:
        ignoring_case: that share where capital and small letters are one.
        error_rate: edits per character of the truth; None if it has no character.
    """

    ignoring_case: Proportion
    error_rate: float | None


class Evaluation(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="edgeward.evaluation/1"
):
    """What `edgeward evaluate` measured.

    Args:
        bundle: `name@id`.
        folder: where the pictures are.
        runtime: the TFLite runtime that answered.
        accuracy: the share that is answered right: of classes, or of whole texts; None where
            answers are not right or wrong.
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
        error: the mean absolute error, of a bundle that answers numbers.
        part: the split of `folder` that was measured; None where it has no splits.
    """

    bundle: str
    folder: str
    runtime: str
    accuracy: Proportion | None
    proven: Proportion | None
    comparison: Comparison
    balanced_accuracy: float | None
    sure: float
    accuracy_if_sure: Proportion | None
    classes: tuple[ClassEvaluation, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    texts: TextEvaluation | None = None
    unreadable: tuple[str, ...] = ()
    part: str | None = None
    error: Score | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True)
class Judge:
    """What a task knows of answers, and of pictures that a user has labelled.

    Args:
        answerer: what the device would answer for a picture, with its gates before the network;
            of an opened bundle and its spec.
        labelled: the pictures of a folder whose right answer is known, for a spec.
        metric: what `accuracy` is a share of.
        accuracy: how many of the answers are right, with the truths; None where answers are
            not right or wrong.
        judged: an evaluation with what only this task measures; of the spec, the answers and
            the truths.
        summary: lines for the reader that come after the accuracy.
        details: lines that come at the end; of the evaluation, its rows and the truths.
    """

    answerer: Callable[[TfliteRecognizer, Any], Answerer]
    labelled: Callable[[Path, Any], LabelledPictures]
    metric: MetricName
    accuracy: Callable[[Sequence[str], Sequence[str]], Proportion | None]
    judged: Callable[[Evaluation, Any, Sequence[str], Sequence[str]], Evaluation]
    summary: Callable[[Evaluation], Iterator[str]]
    details: Callable[[Evaluation, Sequence[PredictionRow], Sequence[str]], Iterator[str]]


def share_right(answers: Sequence[str], truths: Sequence[str]) -> Proportion:
    """The share of answers that say what is right, with its interval; at least one answer."""
    right = [answer == truth for answer, truth in zip(answers, truths, strict=True)]
    return wilson(sum(right), len(right))


def evaluated(
    bundle: Bundle,
    folder: str,
    runtime: str,
    judge: Judge,
    rows: Sequence[PredictionRow],
    truths: Sequence[str],
    unreadable: Sequence[str],
) -> Evaluation:
    """What `rows`, the bundle's answers for pictures of `folder`, are worth.

    Args:
        bundle: that answered.
        folder: named in the result.
        runtime: likewise.
        judge: of the bundle's task.
        rows: one for each picture, at least one.
        truths: what would have been right, as the device has it.
        unreadable: of files that gave no picture.
    """
    metrics = bundle.manifest.metrics
    sure = [pair for pair in zip(rows, truths, strict=True) if pair[0].sure]
    accuracy = judge.accuracy([row.answer for row in rows], truths)
    proven = None if metrics is None else _proportion(metrics.int8_score)
    found = Evaluation(
        bundle=bundle.short_id,
        folder=folder,
        runtime=runtime,
        accuracy=accuracy,
        proven=proven,
        comparison=compare(accuracy, proven),
        balanced_accuracy=None,
        sure=len(sure) / len(rows),
        accuracy_if_sure=(
            judge.accuracy([row.answer for row, _ in sure], [truth for _, truth in sure])
            if sure
            else None
        ),
        unreadable=tuple(unreadable),
    )
    return judge.judged(found, bundle.manifest.output, [row.answer for row in rows], truths)


def _proportion(score: Score) -> Proportion | None:
    """A share of right answers that `verify` measured; None of what is none."""
    if not score.kind.share or score.low is None or score.high is None:
        return None
    return Proportion(value=score.value, low=score.low, high=score.high, samples=score.samples)


def compare(accuracy: Proportion | None, proven: Proportion | None) -> Comparison:
    """Whether `accuracy` is what was proven: another only where the intervals do not meet."""
    if proven is None or accuracy is None:
        return "unproven"
    if accuracy.high < proven.low:
        return "worse than proven"
    return "better than proven" if accuracy.low > proven.high else "as proven"
