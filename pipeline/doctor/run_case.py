"""`case_of_run`: a finished run as what the doctor examines."""

from pathlib import Path
from typing import TextIO

import numpy as np
import onnx

from pipeline.common.errors import RunError
from pipeline.doctor.case import Case, spread
from pipeline.measure.evaluate import network_inputs
from pipeline.run.run import RECIPE_FILE
from pipeline.run.stages.quantize import (
    FLOAT_FILE,
    LADDER_FILE,
    QUANTISED_FILE,
    UNROUNDED_FILE,
    before_int8,
    load_ladder,
)
from pipeline.run.stages.verify import load_proof
from pipeline.run.start import open_run
from quantization.graph.graph import read


def case_of_run(folder: Path, count: int, data_root: Path | None, stream: TextIO) -> Case:
    """The case of a run folder, as its stage quantised the network.

    Args:
        folder: of the run.
        count: how many calibration images to measure on.
        data_root: where the data is looked for first.
        stream: where progress goes.

    Raises:
        RunError: it is no run, or the run is not quantised, or by another build.
    """
    if not (folder / RECIPE_FILE).is_file():
        raise RunError(
            f"{folder}: expected a run folder or an ONNX file, found a folder without {RECIPE_FILE}"
        )
    run = open_run(folder, None, data_root, stream)
    outputs = run.need("quantize").outputs
    place = run.path("quantize")
    # Of a run that was quantised before there were remedies, the float network is the one rounded.
    unrounded = UNROUNDED_FILE if UNROUNDED_FILE in outputs else FLOAT_FILE
    ladder = load_ladder(run) if LADDER_FILE in outputs else None
    split = run.dataset.calibration
    chosen = split.select(spread(len(split), count)).images
    return Case(
        name=run.recipe.name,
        folded=read(onnx.load(place / unrounded)),
        qdq=read(onnx.load(place / QUANTISED_FILE)),
        measured=np.concatenate(list(network_inputs(chosen, run.recipe.input))),
        recipe=run.recipe.quantize if ladder is None else ladder.chosen.recipe,
        progress=run.progress,
        ladder=ladder,
        before=before_int8(run),
        metrics=load_proof(run).metrics if run.record("verify") is not None else None,
    )
