"""Gates: each must fire just beyond its limit and must not fire at it."""

import pytest

from edge_agent.bundle.manifest import Budget, Metrics
from pipeline.evaluate import wilson
from pipeline.gates import Gate, judge


def metrics(**changes: object) -> Metrics:
    """980 of 1000 right in float, 977 in int8."""
    values: dict[str, object] = {
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
        ({"max_drop": 0.003}, {"max_drop": 0.0029}),
        ({"min_agreement": 0.99}, {"min_agreement": 0.991}),
        ({"max_size_kb": 50.0}, {"max_size_kb": 49.9}),
        ({"max_latency_ms": 2.0}, {"max_latency_ms": 1.9}),
    ],
    ids=["accuracy", "drop", "agreement", "size", "latency"],
)
def test_a_gate_holds_at_its_limit_and_fails_beyond(
    holds: dict[str, float], fails: dict[str, float]
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
    """int8 better than float passes a drop gate of zero."""
    better = metrics(int8_accuracy=wilson(981, 1000))
    assert judge(better, 1, Budget(max_drop=0.0))[0].holds


def test_gates_are_worded_for_the_reader() -> None:
    """What was promised and what was measured stand side by side in the same unit."""
    budget = Budget(min_accuracy=0.98, max_drop=0.002, max_size_kb=100)
    assert judge(metrics(), 50_000, budget) == (
        Gate("accuracy", "at least 98.00 %", "97.70 %", False),
        Gate("drop", "at most 0.20 points", "0.30 points", False),
        Gate("size", "at most 100.00 kB", "50.00 kB", True),
    )
