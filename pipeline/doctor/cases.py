"""`Case`: what the doctor examines, from a run folder or from an ONNX file with samples."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import onnx

from edge_agent.arrays import F32
from edge_agent.bundle.manifest import Metrics
from pipeline.convert import Preprocessing, Samples
from pipeline.errors import DataError, RunError
from pipeline.ladder import Ladder
from pipeline.progress import Progress, open_progress
from quantization.fold.fold import fold
from quantization.graph.load import load_model
from quantization.quantized import quantized
from quantization.recipe import QuantRecipe
from quantization.scales.imported import Imported, Scales, import_quantized, is_quantized


@dataclass(frozen=True, eq=False)
class Case:
    """A network in float and in int8, and samples for it.

    Args:
        name: of the run, or of the file.
        folded: in float.
        qdq: in int8, as quantise/dequantise pairs.
        measured: float32 (N, ...): what to measure on.
        recipe: how it was quantised.
        calibration: of a file, all its samples, to try remedies with.
        brought: whether the file brought its scales.
        ladder: of a run, the ways to quantise it that were tried.
        metrics: of a run that was verified, what was measured on the test split.
        before: what the network in float is called: of a run `trained` or `pruned`.
        progress: told how far the examination is.
    """

    name: str
    folded: onnx.ModelProto
    qdq: onnx.ModelProto
    measured: F32
    recipe: QuantRecipe
    progress: Progress
    calibration: Iterable[F32] | None = None
    brought: bool = False
    ladder: Ladder | None = None
    metrics: Metrics | None = None
    before: str = "float"


def open_case(
    target: Path,
    calibration: Path | None,
    preprocessing: Preprocessing,
    recipe: QuantRecipe,
    count: int,
    data_root: Path | None,
    stream: TextIO,
) -> Case:
    """The case of a run folder or of an ONNX file.

    Args:
        target: the one or the other.
        calibration: samples for an ONNX file; a run has its own.
        preprocessing: of images among them.
        recipe: how to quantise an ONNX file.
        count: how many samples to measure on.
        data_root: where a run's data is looked for first.
        stream: where progress goes.

    Raises:
        RunError: the target is neither, or the run is not quantised.
        DataError: an ONNX file has no samples, or a run is given some.
        QuantizationError: the file or the samples cannot be used.
    """
    if target.is_dir():
        if calibration is not None:
            raise DataError(
                f"calibration: expected none for a run, which has its own; found {calibration}"
            )
        from pipeline.doctor.run_case import case_of_run  # loads torch, which a file needs not

        return case_of_run(target, count, data_root, stream)
    if not target.exists():
        raise RunError(f"{target}: expected a run folder or an ONNX file, found none")
    model = load_model(target)
    if calibration is None:
        raise DataError(
            f"calibration: expected samples for {target}, a folder or an NPZ, found none"
        )
    samples = Samples(model, calibration, preprocessing)
    return _of_model(target.name, model, samples, recipe, count, open_progress(stream))


def _of_model(
    name: str,
    model: onnx.ModelProto,
    samples: Samples,
    recipe: QuantRecipe,
    count: int,
    progress: Progress,
) -> Case:
    """An ONNX file, quantised as `convert` does it."""
    brings = is_quantized(model)
    imported = import_quantized(model) if brings else Imported(fold(model), Scales())
    made = quantized(imported.model, samples, recipe, imported.scales)
    return Case(
        name=name,
        folded=made.folded,
        qdq=made.qdq,
        measured=evenly(samples, count),
        recipe=recipe,
        progress=progress,
        calibration=samples,
        brought=brings,
    )


def evenly(arrays: Iterable[F32], count: int) -> F32:
    """At most `count` samples, spread evenly over (N, ...) arrays; memory holds twice as many.

    Raises:
        DataError: there are none.
    """
    kept: list[F32] = []
    stride = 1
    for index, sample in enumerate(_singles(arrays)):
        if index % stride == 0:
            kept.append(sample)
        if len(kept) > 2 * count:
            kept, stride = kept[::2], 2 * stride
    if not kept:
        raise DataError("calibration: expected at least one sample, found none")
    return np.stack([kept[i] for i in spread(len(kept), count)])


def _singles(arrays: Iterable[F32]) -> Iterator[F32]:
    for array in arrays:
        yield from np.atleast_1d(array)


def spread(total: int, count: int) -> list[int]:
    """At most `count` of `total` places, evenly from the first on."""
    if total <= count:
        return list(range(total))
    return [place * total // count for place in range(count)]
