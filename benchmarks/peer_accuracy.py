"""A finished run's accuracy beside what the peers' default settings make of its float network.

    python benchmarks/peer_accuracy.py RUN [--json FILE] [--data-root D]
        [--litert PYTHON] [--onnx2tf PYTHON] [--work FOLDER]

The network that the run deploys, with the run's calibration split, by: the run itself (its
own file, with whatever remedies its budget asked for), our default settings, onnx2tf, and
ai-edge-quantizer with its default moving average and with the extremes. Each is scored on
the full test split by LiteRT, with 95 % Wilson intervals.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from conversion.agreement import outputs
from conversion.prepare import export
from conversion.run import MODEL, OURS, Tool, convert, peers
from conversion.tables import table
from daemon.figures import Figure
from record.results import record

from edge_agent.bundle.archive import open_bundle
from edge_agent.bundle.metrics import Score
from edge_agent.bundle.preprocess import normalise
from edge_agent.common.arrays import F32
from pipeline.common.progress import SILENT
from pipeline.data.classes import ClassDataset, ClassSplit
from pipeline.data.fitted import fit_split
from pipeline.measure.evaluate import accuracy, agreement, float_scores
from pipeline.run.run import Run
from pipeline.run.stages.export import CANDIDATE
from pipeline.run.stages.quantize import final_checkpoint
from pipeline.run.start import open_run

# Points that our int8 may lose.
DROP = 0.2


@dataclass(frozen=True)
class Line:
    """One network's score on the test split.

    Args:
        name: who made it.
        score: its accuracy.
        drop: of the float network's accuracy, in points.
        same: the share of images with the float network's answer.
    """

    name: str
    score: Score
    drop: float
    same: float


def main() -> None:
    """Convert, score and print."""
    options = _options()
    run = open_run(options.run, None, options.data_root, sys.stderr)
    folder = (options.work or Path("runs/peer_accuracy") / run.recipe.name).resolve()
    _prepare(run, folder)
    test = _classes(run).test
    lines = list(_lines(run, folder, test, _tools(options)))
    rows = [
        [line.name, _percent(line.score), f"{line.drop:+.2f}", f"{100 * line.same:.2f} %"]
        for line in lines
    ]
    head = ["accuracy", "drop (points)", "same answers"]
    print("\n".join(table([f"{run.recipe.name}, {len(test)} images", *head], rows)))
    if options.json:
        options.json.write_bytes(msgspec.json.encode(lines))
    figures = [
        Figure(
            f"{run.recipe.name}, {line.name}: points lost to int8",
            round(line.drop, 2),
            "points",
            at_most=DROP if line.name.startswith("ours") else None,
            beside=_percent(line.score),
        )
        for line in lines
        if line.name != "float"
    ]
    record("peer_accuracy", figures)


def _tools(options: argparse.Namespace) -> list[Tool]:
    """Our default settings and the peers'; litert-torch both ways."""
    tools = [replace(OURS, name="ours, defaults")]
    for tool in peers(options.litert, options.onnx2tf):
        if tool.script == "convert_litert.py":
            tools.append(replace(tool, name=f"{tool.name}, defaults", options=("--default",)))
            tools.append(replace(tool, name=f"{tool.name}, extremes"))
        else:
            tools.append(replace(tool, name=f"{tool.name}, defaults"))
    return tools


def _prepare(run: Run, folder: Path) -> None:
    """Write the float network and the calibration samples for every converter."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = _inputs(run, _classes(run).calibration)
    np.save(folder / "calibration.npy", samples)
    export(final_checkpoint(run).module, samples[:1].shape, folder)


def _classes(run: Run) -> ClassDataset:
    if not isinstance(run.dataset, ClassDataset):
        raise SystemExit("expected a run that classifies, found one that does not")
    return run.dataset


def _inputs(run: Run, split: ClassSplit) -> F32:
    """A split as the float network takes it, (N, C, H, W)."""
    pixels = fit_split(split, run.recipe.input).pixels
    return np.ascontiguousarray(normalise(pixels, run.recipe.input).transpose(0, 3, 1, 2))


def _lines(run: Run, folder: Path, test: ClassSplit, tools: list[Tool]) -> Iterator[Line]:
    samples = _inputs(run, test)
    onnx = (folder / "network.onnx").read_bytes()
    with SILENT.task("", len(test)) as task:
        real = float_scores(onnx, test.images, run.recipe.input, task)
    best = accuracy(real, test.labels)
    yield Line("float", best, 0.0, 1.0)
    for name, path in _files(run, folder, tools):
        (scores,) = outputs(path, samples, [real.shape[1:]])
        score = accuracy(scores, test.labels)
        yield Line(name, score, 100 * (best.value - score.value), agreement(real, scores))


def _files(run: Run, folder: Path, tools: list[Tool]) -> Iterator[tuple[str, Path]]:
    """The run's own file, if it is so far, and those of the converters."""
    candidate = run.path("export") / CANDIDATE
    if candidate.exists():
        path = folder / "run.tflite"
        path.write_bytes(open_bundle(candidate).model)
        yield "ours, the run's", path
    for tool in tools:
        made = convert(tool, folder, folder / tool.name)
        if made.error:
            print(f"{tool.name}: no file: {made.error}")
        else:
            yield tool.name, folder / tool.name / MODEL


def _percent(score: Score) -> str:
    """With two decimals: the drops that are compared are of tenths of a point."""
    assert score.low is not None
    assert score.high is not None
    return f"{100 * score.value:.2f} % [{100 * score.low:.2f}, {100 * score.high:.2f}]"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("run", type=Path)
    parser.add_argument("--litert", type=Path, default=Path(".venv-peer-litert/bin/python"))
    parser.add_argument("--onnx2tf", type=Path, default=Path(".venv-peer-onnx2tf/bin/python"))
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
