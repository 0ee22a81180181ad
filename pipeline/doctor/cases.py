"""`open_case`: what the doctor examines, from a run folder or from an ONNX file with samples."""

from pathlib import Path
from typing import TextIO

import onnx

from pipeline.common.errors import DataError, RunError
from pipeline.common.progress import Progress, open_progress
from pipeline.convert import PhotoSamples, Preprocessing
from pipeline.doctor.case import Case, evenly
from quantization.graph.load import load_model
from quantization.quantize import quantize
from quantization.recipe import QuantRecipe
from quantization.scales.imported import import_model, is_quantized


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
    samples = PhotoSamples(model, calibration, preprocessing)
    return _of_model(target.name, model, samples, recipe, count, open_progress(stream))


def _of_model(
    name: str,
    model: onnx.ModelProto,
    samples: PhotoSamples,
    recipe: QuantRecipe,
    count: int,
    progress: Progress,
) -> Case:
    """An ONNX file, quantised as `convert` does it."""
    imported = import_model(model)
    made = quantize(imported.graph, samples, recipe, imported.scales)
    return Case(
        name=name,
        folded=made.folded,
        qdq=made.qdq,
        measured=evenly(samples, count),
        recipe=recipe,
        progress=progress,
        calibration=samples,
        brought=is_quantized(model),
    )
