"""The gates of a budget: what was promised, what was measured, and whether it holds."""

from collections.abc import Iterator

import msgspec

from edge_agent.bundle.manifest import Budget
from edge_agent.bundle.metrics import Balance, Metrics, Proportion, Score
from pipeline.measure.wording import difference, figure


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One promise of the budget, worded for the reader.

    Args:
        name: the task's metric, as `accuracy` or `exact match`; `balanced accuracy`, `weakest
            class`, `drop`, `quantisation drop` (of an error `rise`), `agreement`, `size` or
            `latency`; `golden` and `crops` are those of `pipeline.measure.kept_answers`.
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
    int8 = metrics.int8_score
    gates = (
        _metric_gate(int8, budget),
        *_class_gates(metrics.balance, budget),
        _drop_gate("", metrics.before_pruning, int8, budget),
        _drop_gate("quantisation ", metrics.float_score, int8, budget),
        _at_least("agreement", metrics.agreement, budget.min_agreement),
        _at_most("size", model_bytes / 1000, budget.max_size_kb, "kB"),
        _at_most("latency", metrics.latency_ms, budget.max_latency_ms, "ms"),
    )
    return tuple(gate for gate in gates if gate is not None)


def _metric_gate(score: Score, budget: Budget) -> Gate | None:
    """What is demanded of int8 by the metric of its task, under that metric's name."""
    demanded = budget.min_accuracy if score.kind.more else budget.max_error
    if demanded is None:
        return None
    more, lower = score.kind.more, budget.bound == "lower"
    measured = score.proven if lower else score.value
    limit = figure(demanded, score.metric, score.unit)
    return Gate(
        score.metric,
        f"at least {limit}" if more else f"at most {limit}",
        _proven_end(score) if lower else figure(score.value, score.metric, score.unit),
        measured is not None and (measured >= demanded if more else measured <= demanded),
    )


def _proven_end(score: Score) -> str:
    value = figure(score.value, score.metric, score.unit)
    if score.proven is None:
        return f"{value} of {score.samples}, of which no interval is known"
    end = "lower" if score.kind.more else "upper"
    proven = figure(score.proven, score.metric, score.unit)
    return f"{proven}, the {end} end of {value} of {score.samples}"


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


def _score_gate(
    name: str, score: Proportion, demanded: float | None, budget: Budget
) -> Gate | None:
    if demanded is None:
        return None
    lower = budget.bound == "lower"
    return Gate(
        name,
        f"at least {100 * demanded:.2f} %",
        _lower_end(score) if lower else f"{100 * score.value:.2f} %",
        (score.low if lower else score.value) >= demanded,
    )


def _lower_end(score: Proportion) -> str:
    low, value = 100 * score.low, 100 * score.value
    return f"{low:.2f} %, the lower end of {value:.2f} % of {score.samples}"


def _drop_gate(step: str, before: Score, after: Score, budget: Budget) -> Gate | None:
    """What `step` may cost: of a share a drop in points, of an error a rise in its unit."""
    what = "drop" if after.kind.more else "rise"
    demanded = getattr(budget, f"max_{'quantization_' if step else ''}{what}")
    if demanded is None:
        return None
    cost = before.drop_to(after)
    # Counted in images: a drop of exactly the limit must not fail for its rounding.
    holds = cost <= demanded + 1e-9
    limit = difference(demanded, after)
    return Gate(f"{step}{what}", f"at most {limit}", difference(cost, after), holds)


def _at_least(name: str, measured: float, demanded: float | None) -> Gate | None:
    if demanded is None:
        return None
    holds = measured >= demanded
    return Gate(name, f"at least {100 * demanded:.2f} %", f"{100 * measured:.2f} %", holds)


def _at_most(name: str, measured: float, demanded: float | None, unit: str) -> Gate | None:
    if demanded is None:
        return None
    holds = measured <= demanded
    return Gate(name, f"at most {demanded:.2f} {unit}", f"{measured:.2f} {unit}", holds)
