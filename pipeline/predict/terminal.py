"""An evaluation for a reader."""

from collections.abc import Iterator, Sequence

import numpy as np

from edge_agent.bundle.manifest import Score
from edge_agent.common.errors import printable
from pipeline.measure.verify import percent
from pipeline.predict.evaluation import Evaluation
from pipeline.predict.rows import PredictionRow, terminal_line
from pipeline.report.metrics import mixups

MISTAKES = 5
MIXUPS = 3


def evaluation_lines(
    found: Evaluation, rows: Sequence[PredictionRow], truths: Sequence[str]
) -> Iterator[str]:
    """The lines of `edgeward evaluate`: the figures, and what was wrong and sure of itself.

    Args:
        found: the figures.
        rows: the answers they are of.
        truths: what would have been right.
    """
    for line in _lines(found, rows, truths):
        yield printable(line)


def _lines(
    found: Evaluation, rows: Sequence[PredictionRow], truths: Sequence[str]
) -> Iterator[str]:
    part = "" if found.part is None else f", of which only the {found.part} part is measured"
    yield f"{found.bundle} on {found.runtime}: {len(rows)} pictures of {found.folder}{part}"
    yield f"accuracy            {percent(found.accuracy)}"
    if found.texts is not None:
        yield f"  ignoring case     {percent(found.texts.ignoring_case)}"
        if found.texts.error_rate is not None:
            rate = 100 * found.texts.error_rate
            yield f"character errors    {rate:.1f} % of the characters, ignoring case"
    if found.balanced_accuracy is not None:
        yield f"balanced accuracy   {100 * found.balanced_accuracy:.1f} %"
    if found.accuracy_if_sure is not None:
        of_these = percent(found.accuracy_if_sure)
        yield f"sure answers        {100 * found.sure:.1f} % of all, of these {of_these} right"
    yield f"proven by verify    {_proof(found)}"
    if found.classes:
        yield from _classes(found)
    yield from _mistakes(rows, truths)
    if found.unreadable:
        yield f"files that could not be read: {len(found.unreadable)}"


def _proof(found: Evaluation) -> str:
    if found.proven is None:
        return "nothing: this bundle was not verified"
    of = f"{percent(found.proven)} of {found.proven.samples} held-out pictures"
    return f"{of}: here it is {found.comparison}"


def _classes(found: Evaluation) -> Iterator[str]:
    width = max(len(row.label) for row in found.classes)
    yield f"{'class':<{width}}  pictures  answered right         right of its answers"
    for row in found.classes:
        count = 0 if row.recall is None else row.recall.samples
        yield f"{row.label:<{width}}  {count:8}  {_cell(row.recall):<21}  {_cell(row.precision)}"
    for mixup in mixups(np.array(found.confusion, np.int64), MIXUPS):
        truth, answer = found.classes[mixup.truth].label, found.classes[mixup.answer].label
        yield f"{truth} was taken for {answer}: {mixup.count} ({100 * mixup.share:.1f} %)"


def _cell(score: Score | None) -> str:
    return "-" if score is None else percent(score)


def _mistakes(rows: Sequence[PredictionRow], truths: Sequence[str]) -> Iterator[str]:
    wrong = [pair for pair in zip(rows, truths, strict=True) if pair[0].answer != pair[1]]
    if not wrong:
        return
    worst = sorted(wrong, key=lambda pair: -pair[0].confidence)[:MISTAKES]
    yield f"the surest of {len(wrong)} mistakes:"
    for row, truth in worst:
        yield f"  {terminal_line(row)}  where {truth!r} is right"
