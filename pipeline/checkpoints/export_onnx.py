"""From a `Checkpoint` to float ONNX, the seam between torch and the quantiser.

The torch.export-based exporter is slower than the older one (1.5 to 5 s against 0.1 to
1.2 s), but its graph is the network and nothing else: norms folded, paddings constant and
inside their convolutions. The older one leaves some thirty nodes to compute each padding,
and is deprecated.
"""

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import onnx
import torch

from pipeline.checkpoints.checkpoint import Checkpoint

OPSET = 18


def to_onnx(checkpoint: Checkpoint) -> onnx.ModelProto:
    """The network of `checkpoint` in evaluation mode, for one image at a time.

    Returns:
        A checked model with one input `input`, (1, C, H, W) float32, normalised, and one
        output `output`, (1, K) float32 logits.
    """
    spec = checkpoint.spec.input
    example = torch.zeros(1, spec.channels, spec.height, spec.width)
    module = copy.deepcopy(checkpoint.module).eval()
    with _quiet():
        program = torch.onnx.export(
            module,
            (example,),
            input_names=["input"],
            output_names=["output"],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise AssertionError("torch.onnx.export returns a program when given no file")
    model = program.model_proto
    _strip_metadata(model)
    onnx.checker.check_model(model)
    return model


def _strip_metadata(model: onnx.ModelProto) -> None:
    """Remove the exporter's notes: stack traces with this machine's paths, half the file."""
    graph = model.graph
    parts = (graph.node, graph.input, graph.output, graph.value_info, graph.initializer)
    for owner in (model, graph, *(item for part in parts for item in part)):
        del owner.metadata_props[:]


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence about torchvision, which is not needed, and about torch's own deprecations."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
