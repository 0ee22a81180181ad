"""The reader's shape, size and costs, and that it is lowered to int8 whole."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from ai_edge_litert import schema_py_generated as schema

from edge_agent.bundle.manifest import InputSpec
from pipeline.checkpoints.checkpoint import fresh
from pipeline.checkpoints.export_onnx import to_onnx
from pipeline.common.errors import RecipeError
from pipeline.models import ModelSpec, build
from pipeline.models.macs import cost
from pipeline.models.text.ctc_small import time_steps
from quantization.convert import convert


def line(width: int, height: int = 32, channels: int = 1) -> InputSpec:
    """An input of that size."""
    colour: Literal["rgb", "gray"] = "gray" if channels == 1 else "rgb"
    mean, std = (0.5,) * channels, (0.25,) * channels
    return InputSpec(height=height, width=width, colour=colour, mean=mean, std=std)


def model(spec: InputSpec, classes: int = 96, width: float = 1.0) -> ModelSpec:
    """A reader of 95 characters."""
    return ModelSpec(arch="ctc_small", classes=classes, input=spec, width=width)


@pytest.mark.parametrize(("width", "channels"), [(16, 1), (128, 1), (320, 3), (100, 1)])
def test_there_is_one_answer_for_every_four_pixels(width: int, channels: int) -> None:
    """(N, C, 32, W) becomes (N, W / 4, K) for every width."""
    spec = line(width, channels=channels)
    module = build(model(spec, 11, 0.25)).eval()
    with torch.no_grad():
        logits = module(torch.zeros(2, channels, 32, width))
    assert logits.shape == (2, width // 4, 11) == (2, time_steps(spec), 11)


def test_size_and_cost_are_as_stated() -> None:
    """531,008 parameters and 44.8 M MACs at 32x128 with 96 outputs, as the module says."""
    found = cost(build(model(line(128))), line(128))
    assert (found.parameters, found.macs) == (531_008, 44_826_624)


def test_a_step_sees_its_surroundings_alone() -> None:
    """What is far to the right changes no answer on the left; what is near does."""
    module = build(model(line(256), 11, 0.25)).eval()
    image = torch.zeros(1, 1, 32, 256)
    changed = image.clone()
    changed[..., 200:] = 1
    with torch.no_grad():
        moved = (module(image) - module(changed)).abs().amax(dim=(0, 2))
    assert moved[: (200 // 4) - 20].max() == 0
    assert moved[(200 // 4) - 4 :].min() > 0


@pytest.mark.parametrize(("height", "width"), [(28, 128), (32, 126), (64, 128)])
def test_other_sizes_are_refused(height: int, width: int) -> None:
    """The height is 32, the width a whole number of time steps."""
    with pytest.raises(RecipeError) as error:
        build(model(line(width, height)))
    assert str(error.value) == (
        "input: expected 32 pixels high and a multiple of 4 wide for ctc_small, "
        f"found {height} by {width}"
    )


def test_the_first_answers_are_no_surer_than_a_guess() -> None:
    """Fresh logits are close to one another, so that learning starts from a guess."""
    checkpoint = fresh(model(line(128)), 0)
    with torch.no_grad():
        logits = checkpoint.module(torch.randn(1, 1, 32, 128))
    assert logits.std() < 1


@pytest.mark.parametrize("width", [64, 128])
def test_it_is_lowered_to_int8_whole(width: int, tmp_path: Path) -> None:
    """The file is int8 from end to end, under 1 MB, transposes nothing, and has (1, T, K) out."""
    spec = line(width)
    checkpoint = fresh(model(spec), 0)
    made_onnx = to_onnx(checkpoint)
    out = made_onnx.graph.output[0].type.tensor_type.shape
    assert [d.dim_value for d in out.dim] == [1, width // 4, 96]
    samples = np.random.default_rng(0).normal(size=(4, 1, 32, width)).astype(np.float32)
    made = convert(made_onnx, [samples])
    (result,) = made.lowered.results
    assert (result.shape, result.dtype) == ((1, width // 4, 96), "int8")
    assert len(made.tflite) < 1_000_000
    graph = schema.ModelT.InitFromObj(schema.Model.GetRootAs(made.tflite))
    tensors = graph.subgraphs[0].tensors
    codes = [graph.operatorCodes[op.opcodeIndex].builtinCode for op in graph.subgraphs[0].operators]
    allowed = {
        schema.BuiltinOperator.CONV_2D,
        schema.BuiltinOperator.DEPTHWISE_CONV_2D,
        schema.BuiltinOperator.ADD,
        schema.BuiltinOperator.MAX_POOL_2D,
        schema.BuiltinOperator.RESHAPE,
    }
    assert set(codes) == allowed
    assert schema.TensorType.FLOAT32 not in {tensor.type for tensor in tensors}
