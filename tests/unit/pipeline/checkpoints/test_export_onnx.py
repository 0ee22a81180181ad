"""Float ONNX: the same answers, a plain graph, and no chatter."""

import logging
import warnings
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.checkpoints.export_onnx import to_onnx
from pipeline.data.classes import FittedClasses
from pipeline.pruning.prune import cut
from pipeline.recipe import Arch, PruneRecipe, TrainRecipe
from pipeline.tasks.classify.training import ClassExamples

PLAIN = {"Conv", "Relu", "Clip", "Add", "MaxPool", "Pad", "ReduceMean", "Reshape", "Gemm"}


def run(model: onnx.ModelProto, image: torch.Tensor) -> np.ndarray:
    """The logits onnxruntime computes."""
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return np.asarray(session.run(["output"], {"input": image.numpy()})[0])


@pytest.mark.parametrize("arch", ["resnet8", "mobilenet_v2"])
def test_a_pruned_network_gives_the_same_logits(
    arch: Arch,
    digit_network: Callable[..., Checkpoint],
    digit_splits: tuple[FittedClasses, FittedClasses],
) -> None:
    """Torch and onnxruntime agree, on a graph of a CNN's own operators alone."""
    recipe = PruneRecipe(train=TrainRecipe(epochs=1))
    checkpoint = cut(digit_network(arch), ClassExamples(*digit_splits), recipe, seed=0)
    model = to_onnx(checkpoint)
    image = torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = checkpoint.module(image).numpy()
    np.testing.assert_allclose(run(model, image), expected, rtol=1e-3, atol=1e-5)
    assert {node.op_type for node in model.graph.node} <= PLAIN


def test_the_trained_networks_borders_noise_and_traces(
    trained_digits: Checkpoint, capfd: pytest.CaptureFixture[str]
) -> None:
    """Shapes are static, nothing is printed or warned, and no path of this machine is inside."""
    level = logging.getLogger("torch.onnx").level
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = to_onnx(trained_digits)
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger("torch.onnx").level == level
    borders = [
        (value.name, [d.dim_value for d in value.type.tensor_type.shape.dim])
        for value in (*model.graph.input, *model.graph.output)
    ]
    assert borders == [("input", [1, 1, 16, 16]), ("output", [1, 10])]
    assert b"pipeline" not in model.SerializeToString()
    assert not trained_digits.module.training
