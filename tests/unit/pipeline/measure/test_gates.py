"""Gates: each must fire just beyond its limit and must not fire at it."""

from typing import Any

import pytest

from edge_agent.bundle.manifest import Balance, Budget, ClassRecall, Metrics
from pipeline.measure.evaluate import wilson
from pipeline.measure.gates import Gate, judge
from pipeline.measure.recall import balanced_accuracy


def metrics(**changes: object) -> Metrics:
    """990 of 1000 right as trained, 980 when pruned, 977 in int8."""
    values: dict[str, object] = {
        "trained_accuracy": wilson(990, 1000),
        "float_accuracy": wilson(980, 1000),
        "int8_accuracy": wilson(977, 1000),
        "agreement": 0.99,
        "macs": 1000,
        "latency_ms": 2.0,
        "measured_on": "here",
    }
    return Metrics(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("holds", "fails"),
    [
        ({"min_accuracy": 0.977}, {"min_accuracy": 0.9771}),
        ({"max_drop": 0.013}, {"max_drop": 0.0129}),
        ({"max_quantization_drop": 0.003}, {"max_quantization_drop": 0.0029}),
        ({"min_agreement": 0.99}, {"min_agreement": 0.991}),
        ({"max_size_kb": 50.0}, {"max_size_kb": 49.9}),
        ({"max_latency_ms": 2.0}, {"max_latency_ms": 1.9}),
        # Wilson's interval of 977 of 1000 begins at 96.57 %.
        (
            {"min_accuracy": 0.965, "bound": "lower"},
            {"min_accuracy": 0.966, "bound": "lower"},
        ),
    ],
    ids=["accuracy", "drop", "quantisation drop", "agreement", "size", "latency", "lower end"],
)
def test_a_gate_holds_at_its_limit_and_fails_beyond(
    holds: dict[str, Any], fails: dict[str, Any]
) -> None:
    """The limit itself is allowed; the smallest step beyond it is not."""
    (good,) = judge(metrics(), 50_000, Budget(**holds))
    (bad,) = judge(metrics(), 50_000, Budget(**fails))
    assert good.holds
    assert not bad.holds


def test_what_is_not_demanded_is_not_judged() -> None:
    """An empty budget has no gates, however bad the network."""
    assert judge(metrics(int8_accuracy=wilson(1, 1000)), 10**9, Budget()) == ()


def test_a_gain_is_no_drop() -> None:
    """int8 better than what it was made from passes a drop gate of zero."""
    better = metrics(int8_accuracy=wilson(991, 1000))
    budget = Budget(max_drop=0.0, max_quantization_drop=0.0)
    assert all(gate.holds for gate in judge(better, 1, budget))


def test_what_pruning_lost_counts() -> None:
    """1.3 points from trained to int8, 0.3 of them by quantisation: both are told apart."""
    budget = Budget(max_drop=0.01, max_quantization_drop=0.01)
    assert judge(metrics(), 1, budget) == (
        Gate("drop", "at most 1.00 points", "1.30 points", False),
        Gate("quantisation drop", "at most 1.00 points", "0.30 points", True),
    )


def test_a_bundle_from_before_knows_no_trained_network() -> None:
    """Its drop is then that of the network that was quantised."""
    old = metrics(trained_accuracy=None)
    assert judge(old, 1, Budget(max_drop=0.003))[0].measured == "0.30 points"


def balance(cats: int, dogs: int) -> Balance:
    """So many of 20 cats and of 400 dogs are answered rightly."""
    recalls = {"cats": wilson(cats, 20), "dogs": wilson(dogs, 400)}
    one, other = (ClassRecall(label=label, recall=recall) for label, recall in recalls.items())
    weakest = one if one.recall.value <= other.recall.value else other
    least = one if one.recall.low <= other.recall.low else other
    return Balance(
        accuracy=balanced_accuracy(tuple(recalls.values())),
        classes=2,
        weakest=weakest,
        least_proven=least,
    )


def test_a_class_that_is_never_answered_is_not_hidden_by_the_others() -> None:
    """Always "dogs" is 95 % accurate: two gates fail that nobody asked for by name."""
    blind = metrics(int8_accuracy=wilson(400, 420), balance=balance(0, 400))
    accuracy, balanced, weakest = judge(blind, 1, Budget(min_accuracy=0.9))
    assert accuracy.holds
    assert balanced == Gate("balanced accuracy", "at least 90.00 %", "50.00 %", False)
    assert weakest == Gate(
        "weakest class",
        "above 50.00 % (chance)",
        "'cats' 0.00 %, the lower end of 0.00 % of 20",
        False,
    )


def test_without_any_budget_each_class_must_be_known_better_than_by_chance() -> None:
    """16 of 20 are above one half by their interval, 14 of 20 may be chance."""
    (known,) = judge(metrics(balance=balance(16, 390)), 1, Budget())
    (chance,) = judge(metrics(balance=balance(14, 390)), 1, Budget())
    assert (known.name, known.holds, chance.holds) == ("weakest class", True, False)


def test_the_gates_of_the_classes_can_be_set_and_left_out() -> None:
    """A recall of one's own is held against the value, or against the lower end; 0 asks nothing."""
    found = metrics(balance=balance(16, 390))
    names = [gate.name for gate in judge(found, 1, Budget(min_class_recall=0))]
    assert names == []
    none = Budget(min_accuracy=0.9, min_balanced_accuracy=0, min_class_recall=0)
    assert [gate.name for gate in judge(found, 1, none)] == ["accuracy"]
    (own,) = judge(found, 1, Budget(min_class_recall=0.8))
    assert own == Gate("weakest class", "at least 80.00 %", "'cats' 80.00 %", True)
    (lower,) = judge(found, 1, Budget(min_class_recall=0.8, bound="lower"))
    assert lower.measured == "'cats' 58.40 %, the lower end of 80.00 % of 20"
    assert not lower.holds


def test_the_class_with_few_images_is_the_one_least_proven() -> None:
    """All of 20 cats are right and 8 % of the dogs wrong: by the lower end the cats are weaker."""
    found = metrics(balance=balance(20, 368))
    (value,) = judge(found, 1, Budget(min_class_recall=0.9))
    (lower,) = judge(found, 1, Budget(min_class_recall=0.9, bound="lower"))
    assert (value.measured, value.holds) == ("'dogs' 92.00 %", True)
    assert (lower.measured[:12], lower.holds) == ("'cats' 83.89", False)


def test_a_certainty_cannot_be_proven() -> None:
    """No number of images has an interval that begins at 100 %."""
    with pytest.raises(ValueError, match=r"min_accuracy: expected less than 1 with bound = "):
        Budget(min_accuracy=1.0, bound="lower")


def test_gates_are_worded_for_the_reader() -> None:
    """What was promised and what was measured stand side by side in the same unit."""
    budget = Budget(min_accuracy=0.98, max_drop=0.002, max_size_kb=100)
    assert judge(metrics(), 50_000, budget) == (
        Gate("accuracy", "at least 98.00 %", "97.70 %", False),
        Gate("drop", "at most 0.20 points", "1.30 points", False),
        Gate("size", "at most 100.00 kB", "50.00 kB", True),
    )
