"""How many test images a budget needs: what they could not prove if all were answered rightly.

Known before anything is trained, so it is said then.
"""

from collections.abc import Mapping
from math import ceil, floor

from edge_agent.bundle.manifest import Budget
from pipeline.common.errors import DataError
from pipeline.measure.evaluate import Z_95, wilson
from pipeline.measure.recall import balanced_accuracy

# One picture is no measurement, however many classes there are to choose from.
FEWEST = 2


def images_to_reach(share: float) -> int:
    """The fewest images, all of them answered rightly, whose 95 % interval begins at `share`.

    Wilson's lower end for n of n is ``n / (n + z^2)``.

    Args:
        share: in [0, 1).
    """
    return max(1, ceil(Z_95**2 * share / (1 - share) - 1e-9))


def images_above_chance(classes: int) -> int:
    """The fewest images of a class, all right, whose interval lies above ``1 / classes``."""
    return max(FEWEST, floor(Z_95**2 / (classes - 1)) + 1)


def check_test_size(
    place: str, images: int, counts: Mapping[str, int] | None, budget: Budget
) -> None:
    """Raise unless the test images suffice for what `budget` demands.

    Args:
        place: the data's name, for the message.
        images: of the test split.
        counts: how many there are of each class; None of texts.
        budget: the gates that `verify` will hold.

    Raises:
        DataError: there are too few; the message says how many it takes.
    """
    if counts is not None:
        _check_each_class(place, counts, budget)
    least = budget.min_accuracy
    if budget.bound == "lower" and least is not None:
        needed = images_to_reach(least)
        if images < needed:
            raise DataError(
                f"{place}: {_expected(needed, 'min_accuracy', least)}, found {images}; {_ADVICE}"
            )
    if counts is not None:
        _check_balanced(place, counts, budget)


_ADVICE = "add pictures, raise data.test, or demand less"


def _expected(needed: int, key: str, share: float, whose: str = "") -> str:
    return (
        f"expected at least {needed} test images{whose}, for with fewer not even all right would "
        f'prove budget.{key} = {share} (bound = "lower")'
    )


def _check_each_class(place: str, counts: Mapping[str, int], budget: Budget) -> None:
    least = budget.min_class_recall
    if least == 0 or (least is not None and budget.bound == "value"):
        return
    if least is None:
        needed = images_above_chance(len(counts))
        expected = (
            f"expected at least {needed} test images, for with fewer not even all right would "
            "show that it is recognised better than by chance"
        )
    else:
        needed = images_to_reach(least)
        expected = _expected(needed, "min_class_recall", least)
    short = sorted((count, label) for label, count in counts.items() if count < needed)
    if not short:
        return
    count, label = short[0]
    others = f" (and {len(short) - 1} more)" if len(short) > 1 else ""
    raise DataError(
        f"{place}: class {label!r}{others}: {expected}, found {count}; add pictures of it, raise "
        "data.test, or demand nothing of single classes with budget.min_class_recall = 0"
    )


def _check_balanced(place: str, counts: Mapping[str, int], budget: Budget) -> None:
    least = budget.min_balanced_accuracy
    key = "min_accuracy" if least is None else "min_balanced_accuracy"
    least = budget.min_accuracy if least is None else least
    if budget.bound == "value" or not least:
        return
    best = balanced_accuracy([wilson(count, count) for count in counts.values() if count])
    if best.low >= least:
        return
    # Of K classes with as many images each, the mean's interval is the root of K narrower.
    share = 1 - (1 - least) * len(counts) ** 0.5
    needed = images_to_reach(max(0.0, share))
    count, label = min((count, label) for label, count in counts.items())
    raise DataError(
        f"{place}: {_expected(needed, key, least, ' of each class')} of the balanced accuracy, "
        f"found {count} of {label!r}; {_ADVICE}"
    )
