"""Gates: each must fire just beyond its limit and must not fire at it."""

from typing import Any

import pytest
from support.scores import accuracy_of, exact_of

from edge_agent.bundle.manifest import Budget
from edge_agent.bundle.metrics import Balance, ClassRecall, MetricName, Metrics, Score
from pipeline.measure.evaluate import wilson
from pipeline.measure.gates import Gate, judge
from pipeline.measure.recall import balanced_accuracy


def metrics(**changes: Any) -> Metrics:
    """990 of 1000 right as trained, 980 when pruned, 977 in int8."""
    values: dict[str, Any] = {
        "trained_score": accuracy_of(990, 1000),
        "float_score": accuracy_of(980, 1000),
        "int8_score": accuracy_of(977, 1000),
        "agreement": 0.99,
        "macs": 1000,
        "latency_ms": 2.0,
        "measured_on": "here",
    }
    return Metrics(**{**values, **changes})


def unhurt(score: Score) -> Metrics:
    """What neither pruning nor int8 changed."""
    return metrics(trained_score=score, float_score=score, int8_score=score)


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
    assert judge(metrics(int8_score=accuracy_of(1, 1000)), 10**9, Budget()) == ()


def test_a_gain_is_no_drop() -> None:
    """int8 better than what it was made from passes a drop gate of zero."""
    better = metrics(int8_score=accuracy_of(991, 1000))
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
    old = metrics(trained_score=None)
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
    blind = metrics(int8_score=accuracy_of(400, 420), balance=balance(0, 400))
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


def scored(value: float, high: float, metric: MetricName = "mean absolute error") -> Score:
    unit = "bar" if metric == "mean absolute error" else ""
    low = min(value, high)
    return Score(metric=metric, value=value, low=low, high=high, samples=40, unit=unit)


def test_a_gate_bears_the_name_of_the_metric() -> None:
    """Nobody reads of an accuracy where whole texts or boxes were counted."""
    exact = unhurt(exact_of(977, 1000))
    (gate,) = judge(exact, 1, Budget(min_accuracy=0.9))
    assert gate == Gate("exact match", "at least 90.00 %", "97.70 %", True)
    boxes = unhurt(Score(metric="mAP", value=0.4, samples=9))
    (gate,) = judge(boxes, 1, Budget(min_accuracy=0.41))
    assert (gate.name, gate.holds) == ("mAP", False)


@pytest.mark.parametrize(
    ("holds", "fails", "gate"),
    [
        (
            {"max_error": 0.42},
            {"max_error": 0.41},
            Gate("mean absolute error", "at most 0.42 bar", "0.42 bar", True),
        ),
        (
            {"max_error": 0.5, "bound": "lower"},
            {"max_error": 0.49, "bound": "lower"},
            Gate(
                "mean absolute error",
                "at most 0.5 bar",
                "0.5 bar, the upper end of 0.42 bar of 40",
                True,
            ),
        ),
        (
            {"max_rise": 0.17},
            {"max_rise": 0.16},
            Gate("rise", "at most 0.17 bar", "0.17 bar", True),
        ),
        (
            {"max_quantization_rise": 0.02},
            {"max_quantization_rise": 0.01},
            Gate("quantisation rise", "at most 0.02 bar", "0.02 bar", True),
        ),
    ],
    ids=["error", "upper end", "rise", "quantisation rise"],
)
def test_of_an_error_less_is_demanded(
    holds: dict[str, Any], fails: dict[str, Any], gate: Gate
) -> None:
    """At most, and what proves less is the upper end; a rise is said in the error's unit."""
    read = metrics(
        trained_score=scored(0.25, 0.3), float_score=scored(0.4, 0.5), int8_score=scored(0.42, 0.5)
    )
    assert judge(read, 1, Budget(**holds)) == (gate,)
    (bad,) = judge(read, 1, Budget(**fails))
    assert not bad.holds


def test_what_is_demanded_of_shares_is_not_asked_of_errors() -> None:
    """And the other way round: each metric has its own keys."""
    read = metrics(trained_score=scored(9, 9), float_score=scored(1, 1), int8_score=scored(9, 9))
    budget = Budget(min_accuracy=0.99, max_drop=0.0, max_quantization_drop=0.0)
    assert judge(read, 1, budget) == ()
    shares = Budget(max_error=0.01, max_rise=0.0, max_quantization_rise=0.0)
    assert judge(metrics(), 1, shares) == ()


def test_a_score_without_an_interval_proves_nothing() -> None:
    """Held against the lower end it fails, and says why."""
    boxes = unhurt(Score(metric="mAP", value=0.4, samples=9))
    (gate,) = judge(boxes, 1, Budget(min_accuracy=0.1, bound="lower"))
    assert gate == Gate(
        "mAP", "at least 10.00 %", "40.00 % of 9, of which no interval is known", False
    )
