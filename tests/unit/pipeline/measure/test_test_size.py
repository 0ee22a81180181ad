"""Too few test images for what the budget demands: said before anything is trained."""

import pytest

from edge_agent.bundle.manifest import Budget
from pipeline.common.errors import DataError
from pipeline.measure.evaluate import wilson
from pipeline.measure.test_size import check_test_size, images_above_chance, images_to_reach


@pytest.mark.parametrize("share", [0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999])
def test_so_many_images_reach_a_share_and_one_fewer_does_not(share: float) -> None:
    """Counted by Wilson's own interval."""
    needed = images_to_reach(share)
    assert wilson(needed, needed).low >= share - 1e-9
    assert needed == 1 or wilson(needed - 1, needed - 1).low < share


@pytest.mark.parametrize(("classes", "needed"), [(2, 4), (3, 2), (5, 2), (100, 2)])
def test_so_many_images_of_a_class_can_be_above_chance(classes: int, needed: int) -> None:
    """Four of two classes; never one alone, which is no measurement."""
    assert images_above_chance(classes) == needed
    assert wilson(needed, needed).low > 1 / classes


def complaint(counts: dict[str, int] | None, budget: Budget, images: int = 0) -> str:
    """What is said of these test images."""
    with pytest.raises(DataError) as caught:
        check_test_size("pets", images or sum((counts or {}).values()), counts, budget)
    return str(caught.value)


def test_a_class_of_one_test_image_is_refused_whatever_the_budget() -> None:
    """Three photographs of cats leave one to test with: right or wrong, it proves nothing."""
    assert complaint({"cats": 1, "dogs": 12}, Budget(min_accuracy=0.9)) == (
        "pets: class 'cats': expected at least 4 test images, for with fewer not even all right "
        "would show that it is recognised better than by chance, found 1; add pictures of it, "
        "raise data.test, or demand nothing of single classes with budget.min_class_recall = 0"
    )
    check_test_size("pets", 13, {"cats": 1, "dogs": 12}, Budget(min_class_recall=0))
    check_test_size("pets", 16, {"cats": 4, "dogs": 12}, Budget(min_accuracy=0.9))


def test_several_classes_with_too_few_are_counted() -> None:
    """The smallest is named."""
    said = complaint({"a": 1, "b": 0, "c": 90}, Budget())
    assert said.startswith("pets: class 'b' (and 1 more): expected at least 2 test images")


def test_an_interval_that_cannot_be_reached_says_how_many_images_it_takes() -> None:
    """35 images, all right, prove 90 %; as the value measured 13 are enough."""
    counts, budget = {"cats": 6, "dogs": 7}, Budget(min_accuracy=0.9, bound="lower")
    assert complaint(counts, budget) == (
        "pets: expected at least 35 test images, for with fewer not even all right would prove "
        'budget.min_accuracy = 0.9 (bound = "lower"), found 13; '
        "add pictures, raise data.test, or demand less"
    )
    check_test_size("pets", 13, counts, Budget(min_accuracy=0.9))
    assert "expected at least 35 test images" in complaint(None, budget, 34)
    check_test_size("texts", 35, None, budget)


def test_a_recall_by_its_lower_end_needs_images_of_each_class() -> None:
    """16 images of a class, all right, prove 80 %."""
    budget = Budget(min_class_recall=0.8, bound="lower")
    said = complaint({"cats": 15, "dogs": 100}, budget)
    assert "class 'cats': expected at least 16 test images" in said
    check_test_size("pets", 116, {"cats": 16, "dogs": 100}, budget)


def test_the_balanced_accuracy_needs_images_of_each_class_too() -> None:
    """The mean of two classes is a little surer than either."""
    budget = Budget(min_accuracy=0.9, bound="lower")
    said = complaint({"cats": 8, "dogs": 100}, budget)
    assert said == (
        "pets: expected at least 24 test images of each class, for with fewer not even all right "
        'would prove budget.min_accuracy = 0.9 (bound = "lower") of the balanced accuracy, '
        "found 8 of 'cats'; add pictures, raise data.test, or demand less"
    )
    check_test_size("pets", 48, {"cats": 24, "dogs": 24}, budget)
