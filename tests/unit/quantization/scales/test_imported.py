"""Models that were quantised elsewhere: their scales are kept exactly, or refused."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from support.onnx_nets import Array, converted, net, node, normal, parsed, quanta_apart, run_onnx
from support.operator_cases import CASES, Case
from support.torch_nets import NETS, exported, randomised
from torch import nn

from edge_agent.bundle.affine import Affine
from edge_agent.common.arrays import F32
from quantization.convert import convert
from quantization.errors import ModelError


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_was_quantised_here_comes_back_byte_for_byte(case: Case) -> None:
    """Importing the QDQ model of a conversion, without a sample, gives the same file."""
    made = converted(case.model())
    assert convert(made.qdq).tflite == made.tflite


class Reader(CalibrationDataReader):  # type: ignore[misc]  # it has no types
    def __init__(self, samples: F32) -> None:
        self._left = iter([{"input": x[None]} for x in samples])

    def get_next(self) -> dict[str, F32] | None:
        return next(self._left, None)


def quantised_elsewhere(name: str, folder: Path, kind: QuantType, *, channels: bool) -> Path:
    """A net as ONNX Runtime's own quantiser writes it."""
    make, shape = NETS[name]
    source, target = folder / "float.onnx", folder / "quantised.onnx"
    onnx.save(exported(randomised(make()), shape, dynamo=False), source)
    quantize_static(
        source,
        target,
        Reader(normal(16, *shape, seed=1)),
        quant_format=QuantFormat.QDQ,
        activation_type=kind,
        weight_type=QuantType.QInt8,
        per_channel=channels,
    )
    return target


@pytest.mark.parametrize("channels", [True, False])
@pytest.mark.parametrize("kind", [QuantType.QUInt8, QuantType.QInt8])
@pytest.mark.parametrize("name", ["resnet", "ds_cnn"])
def test_the_scales_of_another_quantiser_are_kept_exactly(
    tmp_path: Path, name: str, kind: QuantType, channels: bool
) -> None:
    """ONNX Runtime computes the same from its model and from ours, and LiteRT within a quantum."""
    theirs = onnx.load(quantised_elsewhere(name, tmp_path, kind, channels=channels))
    made = convert(theirs)
    x = normal(4, *NETS[name][1], seed=2)
    for one in x:
        np.testing.assert_array_equal(run_onnx(made.qdq, one[None]), run_onnx(theirs, one[None]))
    assert quanta_apart(made, x) <= 1


class FakeQuantised(nn.Module):
    """A convolution and a dense layer as quantisation-aware training leaves them."""

    w: torch.Tensor
    v: torch.Tensor
    bias: torch.Tensor
    scales: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.register_buffer("w", torch.randn(8, 3, 3, 3, generator=generator))
        self.register_buffer("v", torch.randn(5, 8, generator=generator))
        self.register_buffer("bias", torch.randn(8, generator=generator))
        self.register_buffer("scales", self.w.abs().amax((1, 2, 3)) / 127)
        self.step = float(self.v.abs().max() / 127)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        fake = torch.fake_quantize_per_tensor_affine
        zeros = torch.zeros(8, dtype=torch.int32)
        w = torch.fake_quantize_per_channel_affine(self.w, self.scales, zeros, 0, -128, 127)
        y = nn.functional.conv2d(fake(x, 0.03, 3, -128, 127), w, self.bias, padding=1)
        y = fake(torch.relu(y), 0.05, -128, -128, 127)
        y = fake(y.mean((2, 3)), 0.02, -100, -128, 127)
        y = nn.functional.linear(y, fake(self.v, self.step, 0, -128, 127))
        return fake(y, 0.04, 5, -128, 127)


@pytest.mark.parametrize("dynamo", [True, False])
def test_a_network_trained_with_fake_quantisation_keeps_its_scales(dynamo: bool) -> None:
    """Its own scales are the file's, and what it computes is what LiteRT computes."""
    model = exported(FakeQuantised().eval(), (3, 8, 8), dynamo=dynamo)
    made = convert(model)
    single = float(np.float32(0.03)), float(np.float32(0.04))
    assert (made.input, made.output) == (Affine(single[0], 3), Affine(single[1], 5))
    x = normal(4, 3, 8, 8)
    for one in x:
        off = np.abs(run_onnx(model, one[None]) - run_onnx(made.qdq, one[None])).max()
        assert off <= 1.01 * made.output.scale  # float biases are rounded to the int32 grid
    assert quanta_apart(made, x) <= 1
    filters = next(
        t
        for t in parsed(made.tflite).subgraphs[0].tensors
        if t.shape.size == 4 and list(t.shape[1:3]) == [3, 3]
    )
    np.testing.assert_array_equal(filters.quantization.scale, FakeQuantised().scales)


def pair(value: str, to: str, scale: str = "s", zero: str = "z") -> list[onnx.NodeProto]:
    return [
        node("QuantizeLinear", value, scale, zero, to=f"{to}:q"),
        node("DequantizeLinear", f"{to}:q", scale, zero, to=to),
    ]


SCALES: dict[str, Array] = {
    "s": np.array(0.1, np.float32),
    "z": np.array(4, np.int8),
    "s2": np.array(0.2, np.float32),
    "z2": np.array(-128, np.int8),
}


def test_a_value_quantised_again_is_requantised() -> None:
    """A pair behind a pair at another scale is a QUANTIZE, and both scales are kept."""
    nodes = [*pair("input", "a"), *pair("a", "b", "s2", "z2"), node("Relu", "b", to="c")]
    made = convert(net([*nodes, *pair("c", "output", "s2", "z2")], (1, 3), SCALES))
    assert (made.input.zero_point, made.output.zero_point) == (4, -128)
    assert quanta_apart(made, 10 * normal(4, 3)) <= 1


def test_samples_fill_the_scales_that_lack() -> None:
    """With calibration samples, a value that brought no scale gets its own; others keep theirs."""
    nodes = [*pair("input", "a"), node("Tanh", "a", to="b"), node("Add", "a", "b")]
    model = net(nodes, (1, 3), SCALES)
    with pytest.raises(ModelError) as raised:
        convert(model)
    assert str(raised.value) == (
        "value 'output': the model brings no scale for it; give calibration samples"
    )
    made = convert(model, [normal(16, 3)])
    assert made.input == Affine(float(SCALES["s"]), 4)
    assert quanta_apart(made, normal(4, 3, seed=2)) <= 1


@pytest.mark.parametrize(
    ("nodes", "constants", "message"),
    [
        (
            [*pair("input", "a", "zero"), *pair("a", "output", "zero")],
            {"zero": np.array(0, np.float32)},
            "node 'QuantizeLinear to a:q': scale: expected finite numbers above 0, found 0.0",
        ),
        (
            [*pair("input", "a", zero="wide"), *pair("a", "output", zero="wide")],
            {"wide": np.array(0, np.int16)},
            "node 'QuantizeLinear to a:q': expected one scale and int8 or uint8, "
            "found 1 and int16",
        ),
        (
            [*pair("input", "a"), *pair("input", "b", "s2"), node("Add", "a", "b", to="c"),
             *pair("c", "output")],
            {},
            "value 'input': expected to be quantised once, found two scales",
        ),
        (
            [node("QuantizeLinear", "input", "s", "z", to="q"),
             node("DequantizeLinear", "q", "s2", "z", to="a"), *pair("a", "output")],
            {},
            "node 'DequantizeLinear to a': expected the scale of 'QuantizeLinear to q', "
            "found another",
        ),
        (
            [*pair("input", "a"), *pair("w", "v"), node("Gemm", "a", "v", to="b"),
             *pair("b", "output")],
            {"w": normal(3, 3)},
            "node 'Gemm to b': expected weights whose zero point is 0, found 4",
        ),
    ],
)  # fmt: skip
def test_scales_that_cannot_be_kept_are_refused(
    nodes: list[onnx.NodeProto], constants: dict[str, Array], message: str
) -> None:
    """Each says the place, what was expected and what was found."""
    model = net(nodes, (1, 3), {**SCALES, **constants}, opset=21)
    with pytest.raises(ModelError) as raised:
        convert(model)
    assert str(raised.value) == message
