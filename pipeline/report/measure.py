"""`Measure`: how a report writes the metric of its task, a share or an error."""

from dataclasses import dataclass

from edge_agent.bundle.manifest import Score
from pipeline.report import words


@dataclass(frozen=True)
class Measure:
    """The words for a metric.

    Args:
        name: `Accuracy`, or `Mean error`.
        unit: of a difference of two values.
        interval: what kind of interval scores have.
        share: whether it is a share in [0, 1], written in percent.
        note: what its drops are.
    """

    name: str
    unit: str
    interval: str
    share: bool = True
    note: str = ""

    @property
    def scale(self) -> float:
        """What a value is drawn at, for a value of 1."""
        return 100.0 if self.share else 1.0

    def value(self, number: float) -> str:
        """A value: `98.6 %`, or `0.31 bar`."""
        return words.percent(number) if self.share else f"{number:.3g}{words.GAP}{self.unit}"

    def between(self, score: Score | None) -> str | None:
        """The interval of a score; None if it has none."""
        if score is None:
            return None
        if self.share:
            return words.interval(score)
        return f"{score.low:.3g} to {self.value(score.high)}"

    def change(self, difference: float) -> str:
        """A difference with its sign: `−0.3 points`."""
        if self.share:
            return words.points(difference)
        text = f"{difference:+.2g}".replace("-", words.MINUS)
        return f"{text}{words.GAP}{self.unit}"

    def lost(self, difference: float | None) -> str | None:
        """What something cost, without its unit; None if nobody knows."""
        if difference is None:
            return None
        if self.share:
            return words.lost(difference)
        return f"{difference:.2g}".replace("-", words.MINUS)


SHARE = Measure(
    name="Accuracy",
    unit="points",
    interval="95\u202f% Wilson interval",
    note=(
        "The drop counts right answers; the expected drop is what the changed answers cost by "
        "that network\u2019s own confidence: chance has a smaller part in it, so it decides."
    ),
)
