"""Small networks of the families that are trained here, with statistics drawn at random."""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut, as in ResNet."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.main(x) + self.shortcut(x))


class Inverted(nn.Module):
    """Expand, depthwise, project, as in MobileNetV2, with TFLite's asymmetric padding."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        hidden = 4 * inputs
        pad = nn.ZeroPad2d((0, 1, 0, 1)) if stride == 2 else nn.ZeroPad2d(1)
        self.main = nn.Sequential(
            nn.Conv2d(inputs, hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(),
            pad,
            nn.Conv2d(hidden, hidden, 3, stride, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.adds = inputs == outputs and stride == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.main(x)
        return x + y if self.adds else y


def _stem(inputs: int, outputs: int, **conv: Any) -> tuple[nn.Module, ...]:
    conv = {"kernel_size": 3, "padding": 1, "bias": False} | conv
    return nn.Conv2d(inputs, outputs, **conv), nn.BatchNorm2d(outputs), nn.ReLU()


def resnet_like() -> nn.Module:
    """ResNet-8's shape: a stem and three residual blocks."""
    blocks = (Residual(8, 8, 1), Residual(8, 16, 2), Residual(16, 32, 2))
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(32, 10))
    return nn.Sequential(*_stem(3, 8), *blocks, *head)


def mobilenet_like() -> nn.Module:
    """MobileNetV2's shape: inverted residuals, one of them with an addition."""
    blocks = (Inverted(8, 12, 2), Inverted(12, 12, 1), Inverted(12, 16, 2))
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))
    return nn.Sequential(
        nn.ZeroPad2d((0, 1, 0, 1)), *_stem(3, 8, stride=2, padding=0), *blocks, *head
    )


def ds_cnn_like() -> nn.Module:
    """DS-CNN's shape: an oblong stem, depthwise and pointwise pairs, a pooling of the whole map."""
    layers = [*_stem(1, 12, kernel_size=(10, 4), stride=2, padding=(5, 1)), nn.Dropout(0.2)]
    for _ in range(2):
        layers += [*_stem(12, 12, groups=12), *_stem(12, 12, kernel_size=1, padding=0)]
    return nn.Sequential(*layers, nn.AvgPool2d((25, 5)), nn.Flatten(), nn.Linear(12, 12))


def vgg_like() -> nn.Module:
    """VGG's shape: poolings, a flattened map into two dense layers, and a softmax."""
    convs = (*_stem(1, 8, bias=True), nn.MaxPool2d(2), *_stem(8, 8), nn.MaxPool2d(2))
    dense = (nn.Flatten(), nn.Linear(8 * 49, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10))
    return nn.Sequential(*convs, *dense, nn.Softmax(1))


# Name -> (network, shape of its input without the batch).
NETS = {
    "resnet": (resnet_like, (3, 32, 32)),
    "mobilenet": (mobilenet_like, (3, 48, 48)),
    "ds_cnn": (ds_cnn_like, (1, 49, 10)),
    "vgg": (vgg_like, (1, 28, 28)),
}


def randomised(module: nn.Module, seed: int = 0) -> nn.Module:
    """The network for inference, as if trained: no batch normalisation is left neutral."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            fan_in = max(1, parameter[0].numel())
            drawn = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(drawn * (2 / fan_in) ** 0.5)
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
                shape = layer.weight.shape
                assert layer.running_mean is not None
                assert layer.running_var is not None
                layer.running_mean.copy_(0.3 * torch.randn(shape, generator=generator))
                layer.running_var.copy_(0.5 + torch.rand(shape, generator=generator))
                layer.weight.copy_(0.5 + torch.rand(shape, generator=generator))
                layer.bias.copy_(0.2 * torch.randn(shape, generator=generator))
    return module.eval()


def exported(module: nn.Module, shape: tuple[int, ...], *, dynamo: bool) -> onnx.ModelProto:
    """The float ONNX model, by either of torch's exporters."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        file = Path(folder) / "network.onnx"
        warnings.simplefilter("ignore")  # each exporter warns of its own or torch's future
        program = torch.onnx.export(
            module,
            (torch.zeros(1, *shape),),
            None if dynamo else file,
            input_names=["input"],
            output_names=["output"],
            dynamo=dynamo,
            verbose=False,
        )
        return onnx.load(file) if program is None else program.model_proto
