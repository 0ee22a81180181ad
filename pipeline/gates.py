"""The gates of a budget: what was promised, what was measured, and whether it holds."""

import msgspec

from edge_agent.bundle.manifest import Budget, Metrics


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One promise of the budget, worded for the reader.

    Args:
        name: `accuracy`, `drop`, `agreement`, `size` or `latency`; `golden` and `crops` are
            those of `pipeline.kept_answers`.
        demanded: `at least 98.00 %`.
        measured: `98.90 %`.
        holds: whether what was measured is what was demanded.
    """

    name: str
    demanded: str
    measured: str
    holds: bool


def judge(metrics: Metrics, model_bytes: int, budget: Budget) -> tuple[Gate, ...]:
    """Every gate that `budget` demands, in its order.

    Args:
        metrics: what was measured on held-out data.
        model_bytes: the size of the TFLite file.
        budget: the promises; one that is None was not made.
    """
    drop = metrics.float_accuracy.value - metrics.int8_accuracy.value
    size_kb = model_bytes / 1000
    gates = (
        _at_least("accuracy", metrics.int8_accuracy.value, budget.min_accuracy),
        # Counted in images: a drop of exactly the limit must not fail for its rounding.
        _at_most("drop", 100 * drop, _times(100, budget.max_drop), "points", slack=1e-7),
        _at_least("agreement", metrics.agreement, budget.min_agreement),
        _at_most("size", size_kb, budget.max_size_kb, "kB"),
        _at_most("latency", metrics.latency_ms, budget.max_latency_ms, "ms"),
    )
    return tuple(gate for gate in gates if gate is not None)


def _at_least(name: str, measured: float, demanded: float | None) -> Gate | None:
    if demanded is None:
        return None
    holds = measured >= demanded
    return Gate(name, f"at least {100 * demanded:.2f} %", f"{100 * measured:.2f} %", holds)


def _at_most(
    name: str, measured: float, demanded: float | None, unit: str, slack: float = 0.0
) -> Gate | None:
    if demanded is None:
        return None
    holds = measured <= demanded + slack
    return Gate(name, f"at most {demanded:.2f} {unit}", f"{measured:.2f} {unit}", holds)


def _times(factor: float, value: float | None) -> float | None:
    return None if value is None else factor * value
