"""Values worked out in numbers: each comes out as the reference computed it, whatever the layer."""

from functools import cache

import numpy as np
import pytest

from edge_agent.bundle.manifest import InputSpec
from pipeline.checkpoints.checkpoint import fresh
from pipeline.checkpoints.export_onnx import to_onnx
from pipeline.explain.words import macs, sentence, title, weights
from pipeline.explain.worked import Worked, telling_place, worked
from pipeline.models import ModelSpec
from pipeline.models.macs import cost
from quantization.convert import convert
from quantization.graph.graph import Array
from quantization.reference.model import ReferenceOperator, TfliteModel, read
from quantization.reference.run import execute

SPEC = InputSpec(height=16, width=16, colour="rgb", mean=(0.5,) * 3, std=(0.5,) * 3)


@cache
def traced(arch: str) -> tuple[TfliteModel, dict[str, Array]]:
    """An untrained network in int8, and every value of it for a picture of noise."""
    draw = np.random.default_rng(1)
    samples = [draw.uniform(-1, 1, (4, 3, 16, 16)).astype(np.float32)]
    spec = ModelSpec(arch=arch, classes=7, input=SPEC)
    model = read(convert(to_onnx(fresh(spec, 0)), samples).tflite)
    x = draw.integers(-128, 128, (1, 16, 16, 3), np.int8)
    return model, execute(model, x)


def inputs_of(operator: ReferenceOperator, values: dict[str, Array]) -> list[Array | None]:
    """The values of an operator's inputs."""
    return [
        None if t is None else t.data if t.data is not None else values[t.name]
        for t in operator.inputs
    ]


def all_worked(arch: str) -> list[tuple[ReferenceOperator, Array, Worked | None]]:
    """Every operator with its output and what was worked out of it."""
    model, values = traced(arch)
    found = []
    for operator in model.operators:
        y = values[operator.output.name]
        found.append((operator, y, worked(operator, inputs_of(operator, values), y)))
    return found


@pytest.mark.parametrize("arch", ["resnet8", "ds_cnn", "vgg_tiny"])
def test_what_is_worked_out_is_what_was_computed(arch: str) -> None:
    """To the integer: convolutions, depthwise ones, dense layers, means, maxima and sums."""
    seen = set()
    for operator, y, found in all_worked(arch):
        if found is not None:
            seen.add(operator.name)
            assert found.value == y[telling_place(operator, y)], str(operator)
            assert found.steps[-1].result or found.grids
    expected = {
        "resnet8": {"CONV_2D", "ADD", "FULLY_CONNECTED"},
        "ds_cnn": {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"},
        "vgg_tiny": {"CONV_2D", "MAX_POOL_2D", "FULLY_CONNECTED"},
    }
    assert expected[arch] <= seen


def test_the_products_of_a_window_add_up_to_what_is_said() -> None:
    """The tables can be checked with a pencil: input times weight is the product."""
    operator, _, found = all_worked("ds_cnn")[1]
    assert operator.name == "DEPTHWISE_CONV_2D"
    assert found is not None
    patch, filters, products = (np.array(grid.rows) for grid in found.grids)
    assert np.array_equal(patch * filters, products)
    assert found.steps[0].result.replace(",", "").replace("\u2212", "-") == str(products.sum())


def test_layers_that_only_move_values_have_nothing_to_work_out() -> None:
    """And they cost nothing."""
    moved = [(o, f) for o, _, f in all_worked("resnet8") if o.name == "RESHAPE"]
    assert moved
    assert all(found is None and macs(o) == 0 and weights(o) == 0 for o, found in moved)


def test_what_the_steps_cost_is_what_the_network_costs() -> None:
    """Multiply-accumulates as they are counted of the float network."""
    module = fresh(ModelSpec(arch="ds_cnn", classes=7, input=SPEC), 0).module
    model, _ = traced("ds_cnn")
    assert sum(map(macs, model.operators)) == cost(module, SPEC).macs


def test_layers_are_called_as_a_reader_knows_them() -> None:
    """With what sets them apart from others of their kind."""
    model, _ = traced("vgg_tiny")
    names = [title(operator) for operator in model.operators]
    assert names[0] == "Convolution 3\u00d73, 16 filters, ReLU"
    assert names[2] == "Largest of 2\u00d72, stride 2"
    assert names[-1] == "Dense layer, 64 inputs to 7 outputs"
    assert all(sentence(operator) for operator in model.operators)
