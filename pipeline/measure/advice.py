"""What would help where a gate fails: said from the figures, the recipe and the classes' sizes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from edge_agent.bundle.metrics import Balance, Metrics
from pipeline.measure.gates import Gate
from pipeline.measure.wording import difference
from pipeline.recipe import Recipe

# The weakest class lacks pictures if it has no more than so many times those of the smallest one;
# with more of them, its own number is hardly the cause.
_AS_FEW = 1.5


@dataclass(frozen=True)
class Settings:
    """What the recipe says already, and what there was to learn from.

    Args:
        balanced: whether the last training of the labels made up for uneven classes.
        aim: the recipe's `quantize.aim`; None if it has none.
        pictures: how many training images each class has; empty where there are no classes.
    """

    balanced: bool = False
    aim: float | None = None
    pictures: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, recipe: Recipe, pictures: Mapping[str, int]) -> Self:
        """Those of `recipe`."""
        balanced = recipe.train is not None and recipe.train.balance != "none"
        return cls(balanced, recipe.quantize.aim, pictures)


def advice(failed: tuple[Gate, ...], metrics: Metrics, settings: Settings) -> Iterator[str]:
    """What would help, where the gates that `failed` and the figures tell; nothing that is set."""
    names = {gate.name for gate in failed}
    if names & {"drop", "quantisation drop", "rise", "quantisation rise"}:
        pruning, quantising = losses(metrics)
        if names & {"drop", "rise"} and pruning > quantising:
            lost = difference(pruning, metrics.int8_score)
            less = difference(quantising, metrics.int8_score).removesuffix(" points")
            yield (
                f"pruning lost {lost} and quantisation {less}: a larger prune.macs, or more epochs "
                "in prune.train, would lose less"
            )
        elif settings.aim is None:
            yield "a quantize.aim below the budget would climb the ladder for a margin"
        else:
            yield f"a quantize.aim below {settings.aim:g} would climb the ladder for a margin"
    if names & {"balanced accuracy", "weakest class"} and metrics.balance is not None:
        yield _more_pictures(metrics.balance, settings.pictures)
        if not settings.balanced and _uneven(settings.pictures):
            yield 'train.balance = "sampling" shows each class as often'


def losses(metrics: Metrics) -> tuple[float, float]:
    """What pruning and what quantisation cost on the test split, in the metric's unit."""
    real = metrics.float_score
    return metrics.before_pruning.drop_to(real), real.drop_to(metrics.int8_score)


def _more_pictures(balance: Balance, pictures: Mapping[str, int]) -> str:
    weakest = balance.least_proven.label
    if weakest not in pictures:
        return f"more pictures of {weakest!r} would help most"
    smallest = min(pictures, key=pictures.__getitem__)
    few = pictures[weakest] <= _AS_FEW * pictures[smallest]
    label = weakest if few else smallest
    return f"more pictures of {label!r} ({pictures[label]} to learn from) would help most"


def _uneven(pictures: Mapping[str, int]) -> bool:
    return bool(pictures) and max(pictures.values()) > _AS_FEW * min(pictures.values())
