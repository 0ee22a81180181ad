"""An evaluation for a reader."""

from collections.abc import Iterator, Sequence

import msgspec

from edge_agent.common.errors import printable
from pipeline.evaluation.evaluation import Evaluation, Judge
from pipeline.evaluation.rows import PredictionRow
from pipeline.measure.wording import shown


def evaluation_lines(
    found: Evaluation, judge: Judge, rows: Sequence[PredictionRow], truths: Sequence[str]
) -> Iterator[str]:
    """The lines of `edgeward evaluate`: the figures, and what was wrong and sure of itself.

    Args:
        found: the figures.
        judge: of the bundle's task.
        rows: the answers they are of.
        truths: what would have been right.
    """
    for line in _lines(found, judge, rows, truths):
        yield printable(line)


def _lines(
    found: Evaluation, judge: Judge, rows: Sequence[PredictionRow], truths: Sequence[str]
) -> Iterator[str]:
    part = "" if found.part is None else f", of which only the {found.part} part is measured"
    yield f"{found.bundle} on {found.runtime}: {len(rows)} pictures of {found.folder}{part}"
    if found.accuracy is not None:
        yield f"{judge.metric:<20}{shown(found.accuracy)}"
    yield from judge.summary(found)
    if found.accuracy_if_sure is not None:
        of_these = shown(found.accuracy_if_sure)
        yield f"sure answers        {100 * found.sure:.1f} % of all, of these {of_these} right"
    if found.error is msgspec.UNSET:
        yield f"proven by verify    {_proof(found)}"
    yield from judge.details(found, rows, truths)
    if found.unreadable:
        yield f"files that could not be read: {len(found.unreadable)}"


def _proof(found: Evaluation) -> str:
    if found.proven is None:
        return "nothing: this bundle was not verified"
    of = f"{shown(found.proven)} of {found.proven.samples} held-out pictures"
    return f"{of}: here it is {found.comparison}"
