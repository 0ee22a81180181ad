"""Float network to quantised ONNX: export, calibrate on real samples, insert the scales."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edge_agent.arrays import F32
from edge_agent.atomic import write_whole
from edge_agent.bundle.manifest import InputSpec
from pipeline.checkpoint import Checkpoint, load_checkpoint
from pipeline.data.base import Split
from pipeline.evaluate import network_inputs
from pipeline.export_onnx import to_onnx
from pipeline.run import Run, Stage
from quantization.fold import fold
from quantization.quantized import quantized

FLOAT_FILE = "float.onnx"
QUANTISED_FILE = "quantised.onnx"
BATCH = 32


def final_checkpoint_stage(run: Run) -> str:
    """The stage whose network is deployed: `prune` where the recipe prunes, else `train`."""
    return "train" if run.recipe.prune is None else "prune"


def final_checkpoint(run: Run) -> Checkpoint:
    """The network that is deployed."""
    return load_checkpoint(run.path(final_checkpoint_stage(run)))


def _inputs(run: Run) -> object:
    stage = final_checkpoint_stage(run)
    return {
        "network": run.need(stage).outputs,
        "split": run.need("data").outputs,
        "quantize": run.recipe.quantize,
    }


def _make(run: Run, work: Path) -> None:
    network = fold(to_onnx(final_checkpoint(run)))
    samples = _batches(run.dataset.calibration, run.recipe.input)
    made = quantized(network, samples, run.recipe.quantize)
    write_whole(work / FLOAT_FILE, made.folded.SerializeToString(deterministic=True))
    write_whole(work / QUANTISED_FILE, made.qdq.SerializeToString(deterministic=True))


def _batches(split: Split, spec: InputSpec) -> Iterator[F32]:
    """The split as (n, C, H, W) batches of at most `BATCH` images."""
    batch: list[F32] = []
    for x in network_inputs(split, spec):
        batch.append(x)
        if len(batch) == BATCH:
            yield np.concatenate(batch)
            batch = []
    if batch:
        yield np.concatenate(batch)


QUANTIZE = Stage("quantize", _inputs, _make)
