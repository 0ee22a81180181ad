"""Models as exporters leave them: an open batch, an old opset."""

import numpy as np
import onnx
import pytest
from support.onnx_nets import net, node, normal

from quantization.convert import convert
from quantization.errors import ModelError
from quantization.graph.one_sample import for_one_sample, inputs, shape_of

RESHAPED = [
    node("Conv", "input", "w", to="maps", pads=[1, 1, 1, 1]),
    node("Shape", "maps", to="all"),
    node("Gather", "all", "zero", to="first", axis=0),
    node("Unsqueeze", "first", "zero axis", to="row"),
    node("Concat", "row", "rest", to="target", axis=0),
    node("Reshape", "maps", "target"),
]
CONSTANTS = {
    "w": normal(2, 3, 3, 3),
    "zero": np.array(0),
    "zero axis": np.array([0]),
    "rest": np.array([-1]),
}


@pytest.mark.parametrize("batch", ["N", None])
def test_an_open_batch_is_one_sample(batch: str | None) -> None:
    """Also where the network computes its shapes from the batch, as Keras' do."""
    model = net(RESHAPED, (batch, 3, 4, 4), CONSTANTS)  # type: ignore[arg-type]
    made = convert(model, [normal(4, 3, 4, 4)])
    assert made.lowered.source.shape == (1, 4, 4, 3)
    assert made.lowered.results[0].shape == (1, 32)


def test_what_is_stated_stays(tmp_path: object) -> None:
    """Must not fire: a batch that is stated, or a height that is not, is for others to judge."""
    for shape in ((1, 3, 4, 4), (2, 3, 4, 4), ("N", 3, "H", 4)):
        model = net([node("Relu", "input")], shape)
        assert shape_of(inputs(for_one_sample(model))[0]) == shape_of(inputs(model)[0])


def test_an_older_opset_is_brought_to_one_that_is_read() -> None:
    """Of opset 11, whose Clip, Pad and Squeeze have other forms: the same network."""
    model = net(
        [
            node("Conv", "input", "w", to="a"),
            node("Squeeze", "a", to="b", axes=[2, 3]),
            node("Clip", "b", "low", "high"),
        ],
        (1, 3, 3, 3),
        {
            "w": normal(2, 3, 3, 3),
            "low": np.array(0, np.float32),
            "high": np.array(6, np.float32),
        },
        opset=11,
    )
    assert convert(model, [normal(4, 3, 3, 3)]).lowered.results[0].shape == (1, 2)
    assert for_one_sample(model).opset_import[0].version == 13


def test_an_opset_that_cannot_be_brought_up_is_an_error() -> None:
    """With both numbers and the reason."""
    model = net([node("Upsample", "input", "s", mode="linear")], (1, 3, 4, 4),
                {"s": np.array([1, 1, 2, 2], np.float32)}, opset=9)  # fmt: skip
    broken = onnx.ModelProto()
    broken.CopyFrom(model)
    broken.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(ModelError, match="opset: expected 13 or newer, found 9, which cannot be"):
        for_one_sample(broken)
