"""What `verify` measured: scores that name their metric, and how evenly classes are known."""

from math import isfinite
from typing import Annotated, Literal, NamedTuple, Self, TypeAlias

import msgspec

from edge_agent.common.strict import Label, Probability, Strict

MetricName: TypeAlias = Literal[
    "accuracy", "exact match", "mAP", "mIoU", "TAR@FAR", "F1", "mean absolute error"
]


class Metric(NamedTuple):
    """What a metric's numbers mean.

    Args:
        more: whether more of it is better.
        share: whether it is a share, 0 to 1, said in percent; else it has a unit.
    """

    more: bool
    share: bool


METRICS: dict[MetricName, Metric] = {
    "accuracy": Metric(more=True, share=True),
    "exact match": Metric(more=True, share=True),
    "mAP": Metric(more=True, share=True),
    "mIoU": Metric(more=True, share=True),
    "TAR@FAR": Metric(more=True, share=True),
    "F1": Metric(more=True, share=True),
    "mean absolute error": Metric(more=False, share=False),
}


class Proportion(Strict, frozen=True, kw_only=True):
    """A share of samples with its 95 % interval, by Wilson's score, all in [0, 1]."""

    value: Probability
    low: Probability
    high: Probability
    samples: int


class Score(Strict, frozen=True, kw_only=True):
    """How good a network's answers are, by a metric that it names.

    Args:
        metric: which one.
        value: the figure, a share in [0, 1] or a number in `unit`.
        low, high: its 95 % interval; None where none is known.
        samples: on how many images it was measured.
        unit: of what is no share, `bar`; empty where it has none.

    Raises:
        ValueError: a figure that the metric cannot have, half an interval, or one that is the wrong
            way round.
    """

    metric: MetricName
    value: float
    low: float | None = None
    high: float | None = None
    samples: Annotated[int, msgspec.Meta(ge=0)]
    unit: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]{0,16}$(?!\n)")] = ""

    def __post_init__(self) -> None:
        if (self.low is None) != (self.high is None):
            raise ValueError(f"{self.metric}: expected both ends of its interval, found one")
        share = self.kind.share
        for figure in (self.value, self.low, self.high):
            if figure is not None and not (0 <= figure <= 1 if share else isfinite(figure)):
                expected = "a share in [0, 1]" if share else "a finite number"
                raise ValueError(f"{self.metric}: expected {expected}, found {figure}")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(
                f"{self.metric}: expected an interval from low to high, "
                f"found {self.low} to {self.high}"
            )
        if share and self.unit:
            raise ValueError(f"{self.metric}: expected a share without a unit, found {self.unit!r}")

    @classmethod
    def of(cls, metric: MetricName, share: Proportion) -> Self:
        """A proportion as the score of a metric that is one."""
        return cls(
            metric=metric,
            value=share.value,
            low=share.low,
            high=share.high,
            samples=share.samples,
        )

    @property
    def kind(self) -> Metric:
        """What its metric's numbers mean."""
        return METRICS[self.metric]

    @property
    def proven(self) -> float | None:
        """The end of its interval that is worse: so good it is at least, in 39 cases of 40."""
        return self.low if self.kind.more else self.high

    def drop_to(self, other: "Score") -> float:
        """By how much `other` is worse; negative if it is better. In the metric's own unit.

        Raises:
            ValueError: the other one is of another metric or unit.
        """
        if (self.metric, self.unit) != (other.metric, other.unit):
            raise ValueError(
                f"score: expected {self.metric} {self.unit}".rstrip()
                + f", found {other.metric} {other.unit}".rstrip()
            )
        return self.value - other.value if self.kind.more else other.value - self.value


class ClassRecall(Strict, frozen=True, kw_only=True):
    """A class, and the share of its images that are answered rightly."""

    label: Label
    recall: Proportion


class Balance(Strict, frozen=True, kw_only=True):
    """How evenly a classifier knows its classes, on held-out data.

    Args:
        accuracy: balanced accuracy, the mean of the classes' recalls, with its 95 % interval.
        classes: how many classes it tells apart.
        weakest: the class of the least recall.
        least_proven: the one whose interval has the least lower end: it may have few images.
    """

    accuracy: Proportion
    classes: Annotated[int, msgspec.Meta(ge=2)]
    weakest: ClassRecall
    least_proven: ClassRecall


class Metrics(Strict, frozen=True, kw_only=True):
    """What `verify` measured with the device's own code on held-out data.

    Args:
        trained_score: of the network as it was trained, before it was pruned; None of a
            bundle from before this was measured.
        float_score: of the network that was quantised: the pruned one, else the trained one.
        int8_score: of this bundle.
        balance: of this bundle, by class; None where there are no classes.
        agreement: share of held-out images on which both give the same answer.
        macs: multiply-accumulates of one inference.
        latency_ms: median of one inference on the host that verified it, its input
            already preprocessed, one thread.
        measured_on: the CPU and runtime that `latency_ms` was measured on.

    Raises:
        ValueError: the scores are not of one metric in one unit, so none is a drop of another.
    """

    trained_score: Score | None = None
    float_score: Score
    int8_score: Score
    balance: Balance | None = None
    agreement: Probability
    macs: int
    latency_ms: float
    measured_on: str

    def __post_init__(self) -> None:
        scores = (self.before_pruning, self.float_score, self.int8_score)
        kinds = {f"{score.metric} {score.unit}".rstrip() for score in scores}
        if len(kinds) > 1:
            raise ValueError(f"scores: expected one metric, found {' and '.join(sorted(kinds))}")

    @property
    def before_pruning(self) -> Score:
        """Of the network as it was trained; of what was not measured then, as quantised."""
        return self.trained_score or self.float_score
