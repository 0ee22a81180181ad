"""A comparison for other programs: one row per run as CSV, and all of it as JSON."""

import csv
from io import StringIO

import msgspec

from edge_agent.bundle.metrics import Score
from pipeline.compare import wording
from pipeline.compare.comparison import Comparison
from pipeline.compare.figures import RunFigures

_NAMES = (
    *("run", "folder", "status", "task", "data", "test_images", "arch", "width", "weights"),
    *("height", "input_width", "metric", "unit", "trained", "pruned"),
    *("int8", "int8_low", "int8_high", "macs", "parameters", "size_bytes", "latency_ms"),
    *("measured_on", "seconds", "best_epoch", "epochs", "gates", "gates_held", "failed"),
)


def comparison_csv(comparison: Comparison) -> str:
    """A line of names, then one per run; what is not known is empty. Shares are 0 to 1."""
    text = StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_NAMES)
    for group in comparison.groups:
        for run in group.figures:
            table.writerow(_row(run, len(group.identity.images)))
    return text.getvalue()


def _row(run: RunFigures, images: int) -> list[object]:
    height, width = run.side
    score = run.int8
    return [
        *(run.name, run.folder, wording.status(run), run.task, run.data, images),
        *(run.arch, run.width, run.weights, height, width),
        *(None if score is None else score.metric, None if score is None else score.unit),
        *(_value(run.trained), _value(run.pruned), _value(score)),
        *(None if score is None else score.low, None if score is None else score.high),
        *(run.macs, run.parameters, run.size_bytes, run.latency_ms, run.measured_on),
        *(round(run.seconds, 3), run.best_epoch, run.epochs, len(run.gates), run.held),
        "; ".join(run.failed),
    ]


def _value(score: Score | None) -> float | None:
    return None if score is None else score.value


def comparison_json(comparison: Comparison) -> bytes:
    """Groups with their runs, the keys that differ, and which run each conclusion names."""
    groups = []
    for group in comparison.groups:
        best, smallest = group.best, group.smallest
        groups.append(
            {
                "task": group.identity.task,
                "data": group.identity.data,
                "test_images": len(group.identity.images),
                "runs": group.figures,
                "differences": group.differences,
                "best": None if best is None else best.name,
                "as_good": [run.name for run in group.as_good],
                "smallest_as_good": None if smallest is None else smallest.name,
            }
        )
    return msgspec.json.format(msgspec.json.encode({"groups": groups}), indent=2) + b"\n"
