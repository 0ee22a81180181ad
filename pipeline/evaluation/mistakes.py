"""The mistakes that a bundle was surest of, for a reader."""

from collections.abc import Iterator, Sequence

from pipeline.evaluation.rows import PredictionRow, terminal_line

MISTAKES = 5


def mistakes(rows: Sequence[PredictionRow], truths: Sequence[str]) -> Iterator[str]:
    """The surest answers that are wrong, a line each, under a line that counts all."""
    wrong = [pair for pair in zip(rows, truths, strict=True) if pair[0].answer != pair[1]]
    if not wrong:
        return
    worst = sorted(wrong, key=lambda pair: -(pair[0].confidence or 0.0))[:MISTAKES]
    yield f"the surest of {len(wrong)} mistakes:"
    for row, truth in worst:
        yield f"  {terminal_line(row)}  where {truth!r} is right"
