"""`Measurement`: how large and how fast an architecture is in int8 here; and those that are kept.

The weights are drawn, not trained: neither the size nor the time of an int8 inference depends on
what they say. Kept by machine and runtime, so that no figure of another one is shown.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import platformdirs

from edge_agent.bundle.manifest import InputSpec
from edge_agent.common.arrays import F32
from edge_agent.common.atomic import write_whole
from edge_agent.inference.runtime import Interpreter, machine_name, runtime_name
from pipeline.common.progress import Progress
from pipeline.models import ModelSpec
from pipeline.models.zoo import ZOO, ZooEntry

CLASSES = 1000
# The median of so many inferences, or of as many as this time has room for.
MOST, LEAST, SECONDS = 200, 9, 3.0
_SAMPLES = 4


class Measurement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One architecture in int8, at its side with 1000 classes.

    Args:
        arch: its name.
        side: of the input in pixels.
        size_bytes: the TFLite file.
        latency_ms: median of one inference in milliseconds of processor time, one thread.
        runs: how many inferences that is the median of.
        measured_on: the processor and runtime.
        date: YYYY-MM-DD.
    """

    arch: str
    side: int
    size_bytes: int
    latency_ms: float
    runs: int
    measured_on: str
    date: str


def place_name() -> str:
    """This machine and runtime, as measurements name them."""
    return f"{machine_name()}, {runtime_name()}, 1 thread"


def kept_file() -> Path:
    """Where measurements are kept."""
    return platformdirs.user_cache_path("edgeward") / "models.json"


def kept(path: Path) -> dict[str, Measurement]:
    """Those of this machine that still are of the zoo as it is, by architecture."""
    here = place_name()
    sides = {entry.name: entry.side for entry in ZOO}
    return {
        one.arch: one
        for one in _read(path)
        if one.measured_on == here and sides.get(one.arch) == one.side
    }


def _read(path: Path) -> list[Measurement]:
    """All of them; a cache that is missing or of another version holds none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Measurement])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return []


def keep(made: Measurement, path: Path) -> None:
    """Put a measurement in place of the one of the same architecture and machine."""
    others = [
        one for one in _read(path) if (one.arch, one.measured_on) != (made.arch, made.measured_on)
    ]
    write_whole(path, msgspec.json.format(msgspec.json.encode([*others, made]), indent=1))


def spec_at(entry: ZooEntry) -> ModelSpec:
    """The architecture as it was published: 1000 classes of colour pictures at its side."""
    spec = InputSpec(
        height=entry.side, width=entry.side, colour="rgb", mean=(0.5,) * 3, std=(0.5,) * 3
    )
    return ModelSpec(arch=entry.name, classes=CLASSES, input=spec)


def measure_all(entries: tuple[ZooEntry, ...], path: Path, progress: Progress) -> None:
    """Measure each, and keep it at once: what is interrupted has those before it."""
    for entry in entries:
        with progress.task(f"models: {entry.name} at {entry.side} pixels", 1) as task:
            keep(measure(entry), path)
            task.advance()


def measure(entry: ZooEntry) -> Measurement:
    """Draw weights, quantise on noise, and run it."""
    tflite = int8_file(entry)
    with Interpreter(tflite, threads=1, place=entry.name) as interpreter:
        x = np.random.default_rng(0).integers(-128, 128, interpreter.input.shape, np.int8)
        latency, runs = median_within(lambda: interpreter.infer(x))
    return Measurement(
        arch=entry.name,
        side=entry.side,
        size_bytes=len(tflite),
        latency_ms=round(latency, 4),
        runs=runs,
        measured_on=place_name(),
        date=f"{datetime.now(UTC):%Y-%m-%d}",
    )


def int8_file(entry: ZooEntry) -> bytes:
    """Its TFLite file with weights that are drawn, quantised on noise."""
    from pipeline.checkpoints.checkpoint import fresh
    from pipeline.checkpoints.export_onnx import to_onnx
    from quantization.convert import convert

    spec = spec_at(entry)
    return convert(to_onnx(fresh(spec, 0)), list(_noise(spec.input))).tflite


def _noise(spec: InputSpec) -> Iterator[F32]:
    """Samples as a network sees them; scales are found on them, and any will do."""
    draw = np.random.default_rng(0)
    for _ in range(_SAMPLES):
        yield draw.uniform(-1, 1, (1, spec.channels, spec.height, spec.width)).astype(np.float32)


def median_within(infer: Callable[[], object]) -> tuple[float, int]:
    """Median milliseconds of `infer`, and of how many calls: `MOST`, or those of `SECONDS`.

    Counted in this process's own processor time: on one thread of an idle machine that is the
    time that passes, and what else a busy machine does is not counted.
    """
    infer()  # the first inference pays for warming the caches
    taken: list[float] = []
    while len(taken) < LEAST or (sum(taken) < SECONDS and len(taken) < MOST):
        start = time.process_time()
        infer()
        taken.append(time.process_time() - start)
    return 1000 * float(np.median(taken)), len(taken)
