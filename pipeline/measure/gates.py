"""The gates of a budget: what was promised, what was measured, and whether it holds."""

from collections.abc import Iterator

import msgspec

from edge_agent.bundle.manifest import Balance, Budget, Metrics, Score


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One promise of the budget, worded for the reader.

    Args:
        name: `accuracy`, `balanced accuracy`, `weakest class`, `drop`, `quantisation drop`,
            `agreement`, `size` or `latency`; `golden` and `crops` are those of
            `pipeline.measure.kept_answers`.
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
        budget: the promises; one that is None was not made, but for those of the classes.
    """
    trained = metrics.trained_accuracy or metrics.float_accuracy
    int8 = metrics.int8_accuracy
    gates = (
        _score_gate("accuracy", int8, budget.min_accuracy, budget),
        *_class_gates(metrics.balance, budget),
        _drop_gate("drop", trained, int8, budget.max_drop),
        _drop_gate("quantisation drop", metrics.float_accuracy, int8, budget.max_quantization_drop),
        _at_least("agreement", metrics.agreement, budget.min_agreement),
        _at_most("size", model_bytes / 1000, budget.max_size_kb, "kB"),
        _at_most("latency", metrics.latency_ms, budget.max_latency_ms, "ms"),
    )
    return tuple(gate for gate in gates if gate is not None)


def _class_gates(balance: Balance | None, budget: Budget) -> Iterator[Gate | None]:
    """What a classifier is held to though nobody asked: that it knows every one of its classes."""
    if balance is None:
        return
    least = budget.min_balanced_accuracy
    least = budget.min_accuracy if least is None else least
    yield _score_gate("balanced accuracy", balance.accuracy, least or None, budget)
    wanted, name, chance = budget.min_class_recall, "weakest class", 1 / balance.classes
    proven = wanted is None or budget.bound == "lower"
    judged = balance.least_proven if proven else balance.weakest
    label, recall = judged.label, judged.recall
    if wanted is None:
        demanded, holds = f"above {100 * chance:.2f} % (chance)", recall.low > chance
        yield Gate(name, demanded, f"{label!r} {_lower_end(recall)}", holds)
    elif gate := _score_gate(name, recall, wanted or None, budget):
        yield msgspec.structs.replace(gate, measured=f"{label!r} {gate.measured}")


def _score_gate(name: str, score: Score, demanded: float | None, budget: Budget) -> Gate | None:
    if demanded is None:
        return None
    lower = budget.bound == "lower"
    return Gate(
        name,
        f"at least {100 * demanded:.2f} %",
        _lower_end(score) if lower else f"{100 * score.value:.2f} %",
        (score.low if lower else score.value) >= demanded,
    )


def _lower_end(score: Score) -> str:
    low, value = 100 * score.low, 100 * score.value
    return f"{low:.2f} %, the lower end of {value:.2f} % of {score.samples}"


def _drop_gate(name: str, before: Score, after: Score, demanded: float | None) -> Gate | None:
    if demanded is None:
        return None
    # Counted in images: a drop of exactly the limit must not fail for its rounding.
    drop = 100 * (before.value - after.value)
    return _at_most(name, drop, 100 * demanded, "points", slack=1e-7)


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
