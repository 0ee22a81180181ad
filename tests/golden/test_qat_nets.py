"""Whole networks after a few steps of training: their files compute what they do, bit for bit."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from ai_edge_litert import interpreter as litert
from sklearn.datasets import load_digits
from support.onnx_nets import Array, graph_of
from support.other_runtime import run_other
from support.torch_nets import exported as from_torch
from support.torch_nets import randomised
from torch import Tensor, nn

from edge_agent.bundle.manifest import InputSpec
from edge_agent.common.arrays import F32
from pipeline.models import ModelSpec, build
from pipeline.models.branched.shufflenet_v2 import ShuffleReduction, ShuffleUnit
from pipeline.models.layers import classifier, conv_bn
from pipeline.recipe import Arch
from quantization.convert import Conversion
from quantization.lower import lower_graph
from quantization.qat import FakeQuantNetwork, exported
from quantization.quantize import QuantizedModel
from quantization.recipe import QuantRecipe
from quantization.reference import exposed
from quantization.scales.calibrate import calibrate
from quantization.scales.qdq import insert_qdq

INPUT = InputSpec(height=16, width=16, colour="gray", mean=(0.3,), std=(0.35,))


def conv(
    inputs: int,
    outputs: int,
    act: type[nn.Module],
    size: int = 3,
    *,
    stride: int = 1,
    groups: int = 1,
) -> nn.Module:
    layers = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(layers, nn.BatchNorm2d(outputs), act())


class Joined(nn.Module):
    """SiLUs that share a scale by a Concat, with a sum between, as in YOLO's backbones."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(1, 12, nn.SiLU), conv(12, 16, nn.SiLU, stride=2))
        self.left, self.right = conv(16, 8, nn.SiLU, 1), conv(16, 8, nn.SiLU, 1)
        self.middle, self.after = conv(8, 8, nn.SiLU), conv(24, 24, nn.SiLU, stride=2)
        self.head = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        left, right = self.left(x), self.right(x)
        joined = torch.cat([self.middle(left) + left, left, right], 1)
        y: Tensor = self.head(self.after(joined).mean((2, 3)))
        return y


class Unet(nn.Module):
    """Down by a maximum and a mean, up by a transposed convolution and a bilinear resize."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (
            conv(1, 8, nn.LeakyReLU),
            conv(8, 16, nn.LeakyReLU),
            conv(16, 16, nn.LeakyReLU),
        )
        self.d, self.e = conv(24, 8, nn.LeakyReLU), conv(16, 8, nn.LeakyReLU)
        self.maximum, self.mean = nn.MaxPool2d(2), nn.AvgPool2d(2)
        self.up = nn.ConvTranspose2d(16, 8, 2, 2)
        self.wide = nn.Upsample(scale_factor=2, mode="bilinear")
        self.head = nn.Conv2d(8, 10, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x)
        b = self.b(self.maximum(a))
        d = self.d(torch.cat([self.up(self.c(self.mean(b))), b], 1))
        y: Tensor = self.head(self.e(torch.cat([self.wide(d), a], 1)))
        return y.amax((2, 3))


class Gated(nn.Module):
    """Squeeze and excite in a chain of HardSwish layers, as in MobileNetV3; a PReLU at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(1, 16, nn.Hardswish, stride=2)
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(16, 32, nn.Hardswish, 1), conv(32, 32, nn.Hardswish, 5, groups=32),
                          conv(32, 16, nn.Identity, 1))
            for _ in range(4)
        )  # fmt: skip
        self.squeeze, self.excite = nn.Conv2d(16, 8, 1), nn.Conv2d(8, 16, 1)
        self.last, self.head = conv(16, 24, nn.PReLU, 1), nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = x + block(x)
        gate = F.hardsigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(x, 1)))))
        y: Tensor = self.head(self.last(x * gate).mean((2, 3)))
        return y


def shuffling() -> nn.Module:
    """A stem and two units of ShuffleNetV2."""
    stem = conv_bn(1, 16, 3, 2, activation=nn.ReLU())
    return nn.Sequential(stem, ShuffleReduction(16, 24), ShuffleUnit(24), classifier(24, 10))


def ours(arch: Arch, width: float) -> Callable[[], nn.Module]:
    return lambda: build(ModelSpec(arch=arch, classes=10, input=INPUT, width=width))


NETS: dict[str, Callable[[], nn.Module]] = {
    "resnet8": ours("resnet8", 1.0),
    "resnet20": ours("resnet20", 0.5),
    "mobilenet_v2": ours("mobilenet_v2", 0.35),
    "ds_cnn": ours("ds_cnn", 0.5),
    "vgg_tiny": ours("vgg_tiny", 0.5),
    "joined": Joined,
    "unet": Unet,
    "gated": Gated,
    "shuffled": shuffling,
}
# Quanta at the output; measured 14, 4, and up to 3 for the others.
TFLITE_RUNTIME = {"mobilenet_v2": 24, "gated": 8}


@functools.cache
def digits() -> tuple[F32, Array]:
    """All 1,797 at 16x16, normalised; their labels."""
    loaded = load_digits()
    images = loaded.images.repeat(2, axis=1).repeat(2, axis=2)[:, None] / 16
    order = np.random.default_rng(0).permutation(len(images))
    return ((images[order] - 0.3) / 0.35).astype(np.float32), loaded.target[order]


@dataclass(frozen=True)
class Made:
    """A network that was trained for a few steps, and its file."""

    network: FakeQuantNetwork
    converted: Conversion
    losses: list[float]


@functools.cache
def made(name: str) -> Made:
    """One network, its batch norms with statistics as if trained, six steps of AdamW on it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    folded = graph_of(from_torch(randomised(NETS[name]()), (1, 16, 16), dynamo=False))
    images, labels = digits()
    recipe = QuantRecipe()
    network = FakeQuantNetwork(folded, calibrate(folded, [images[:64]], recipe)).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    losses = []
    for step in range(6):
        chosen = slice(64 * step, 64 * (step + 1))
        target = torch.from_numpy(labels[chosen])
        loss = F.cross_entropy(network(torch.from_numpy(images[chosen])), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    torch.set_num_threads(threads)
    model, ranges = exported(network.eval())
    qdq = insert_qdq(model, ranges)
    return Made(
        network, Conversion(lower_graph(qdq), QuantizedModel(model, ranges, qdq, recipe)), losses
    )


def unseen() -> F32:
    return digits()[0][-64:]


def as_on_the_device(array: Array, shape: tuple[int, ...]) -> Array:
    """A value in the device's order: of these networks every map lies channels last.

    Of two maps that are dealt out by turns, (N, C, 2, H, W), the two may lie in three places.
    """
    if array.ndim == 5:
        for order in ((0, 2, 3, 4, 1), (0, 3, 4, 1, 2), (0, 3, 4, 2, 1)):
            if array.transpose(order).shape == shape:
                return array.transpose(order)
    return (array.transpose(0, 2, 3, 1) if array.ndim == 4 else array).reshape(shape)


@pytest.mark.parametrize("name", NETS)
def test_every_tensor_of_the_file_is_the_networks(name: str) -> None:
    """On LiteRT's default kernels, over 64 digits: not one quantum anywhere."""
    one = made(name)
    values = {k: v.numpy() for k, v in one.network.quantized(torch.from_numpy(unseen())).items()}
    file = exposed(one.converted.tflite)
    interpreter = litert.Interpreter(model_content=file, num_threads=1)
    interpreter.allocate_tensors()
    (source,) = interpreter.get_input_details()
    compared = set()
    for index, image in enumerate(unseen()):
        x = one.converted.input.quantize(image[None].transpose(one.converted.lowered.source.order))
        interpreter.set_tensor(source["index"], x)
        interpreter.invoke()
        for detail in interpreter.get_output_details():
            if detail["name"] in values:
                found = interpreter.get_tensor(detail["index"])
                value = values[detail["name"]][index : index + 1]
                wanted = as_on_the_device(value, found.shape)
                np.testing.assert_array_equal(wanted, found, detail["name"])
                compared.add(detail["name"])
    # Only the input is no operator's output, and a reshape may bear another name.
    assert set(one.network.plan.outputs) <= compared
    assert len(compared) >= 0.9 * (len(values) - 1)


@pytest.mark.parametrize("name", NETS)
def test_what_was_exported_is_the_trained_network(name: str) -> None:
    """A network made anew from it gives the same outputs, others than before the training."""
    one = made(name)
    assert np.isfinite(one.losses).all()
    again = FakeQuantNetwork(one.converted.quantized.folded, one.converted.quantized.ranges).eval()
    x = torch.from_numpy(unseen())
    torch.testing.assert_close(again(x), one.network(x), rtol=0, atol=0)
    untrained = again.plan.graph.constants[again.plan.trained[0]]
    assert np.abs(one.network.weights[0].detach().numpy() - untrained).max() == 0


def test_tflite_runtime_stays_near(tmp_path: Path) -> None:
    """Its reference kernels round every sum twice: one in a thousand ends a quantum away.

    It is what that runtime and LiteRT differ by on the same file, and more the deeper and the
    less trained a network is; the weights here are nearly random.
    """
    files = [(made(name).converted, unseen()) for name in NETS]
    for name, (_, x), found in zip(NETS, files, run_other(files, tmp_path), strict=True):
        network = made(name).network
        values = network.quantized(torch.from_numpy(x))[network.plan.outputs[0]].numpy()
        apart = np.abs(values.astype(int) - found[0].reshape(values.shape).astype(int))
        assert apart.max() <= TFLITE_RUNTIME.get(name, 4), name
