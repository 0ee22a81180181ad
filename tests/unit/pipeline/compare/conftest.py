"""Runs as a comparison sees them, made without a build."""

from collections.abc import Callable
from typing import Any

import pytest

from edge_agent.bundle.metrics import Score
from pipeline.checkpoints.history import EpochRecord
from pipeline.compare.figures import ComparedRun, RunFigures, TestIdentity
from pipeline.measure.gates import Gate
from pipeline.report.data import Phase

PHOTOS = TestIdentity("classify", "photos", "cats, dogs", ("a", "b", "c"))


def score(value: float, half: float = 0.02) -> Score:
    """An accuracy with an interval of `half` to each side."""
    return Score(
        metric="accuracy", value=value, low=value - half, high=min(1.0, value + half), samples=400
    )


@pytest.fixture(name="make_run")
def _make_run() -> Callable[..., ComparedRun]:
    """Makes a run: its name, its int8 accuracy, its file's size, and whatever else differs."""

    def make(
        name: str,
        accuracy: float | None = 0.9,
        size: int = 100_000,
        *,
        identity: TestIdentity = PHOTOS,
        recipe: dict[str, Any] | None = None,
        **changes: Any,
    ) -> ComparedRun:
        figures: dict[str, Any] = {
            "name": name,
            "folder": f"runs/{name}",
            "state": "proven",
            "task": identity.task,
            "data": identity.data,
            "arch": "resnet8",
            "side": (96, 64),
            "seconds": 75.0,
            "best_epoch": 2,
            "epochs": 3,
        }
        if accuracy is not None:
            figures |= {
                "trained": score(accuracy + 0.01),
                "int8": score(accuracy),
                "macs": 3_000_000,
                "parameters": 77_000,
                "size_bytes": size,
                "latency_ms": size / 100_000,
                "measured_on": "a processor, 1 thread",
                "gates": (Gate("accuracy", "at least 80.00 %", "90.00 %", holds=True),),
            }
        phase = Phase("training", tuple(epoch(n, 0.3 * n) for n in (1, 2, 3)))
        written = {"model.arch": "resnet8", "name": name, **(recipe or {})}
        return ComparedRun(RunFigures(**{**figures, **changes}), written, (phase,), identity)

    return make


def epoch(number: int, accuracy: float) -> EpochRecord:
    """An epoch of that accuracy on validation."""
    return EpochRecord(number, 1 / number, 1.5 / number, accuracy, 0.1, 2.0)
