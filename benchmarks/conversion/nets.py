"""The networks that the converters are compared on: NCHW float32 in, logits or maps out.

ResNet-8 and the two MobileNetV2 are those of `pipeline.models`. The others are written as
one finds them in the wild: torch's symmetric padding, squeeze-and-excitation, SiLU before a
concatenation, transposed convolutions, several outputs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from edge_agent.bundle.manifest import InputSpec
from pipeline.checkpoints.checkpoint import fresh
from pipeline.models import ModelSpec
from pipeline.recipe import Arch

Photos: TypeAlias = Literal["cifar10", "pets", "masks", "street", "words"]


@dataclass(frozen=True)
class Net:
    """One network of the comparison.

    Args:
        name: on the command line and in the tables.
        build: makes it, from torch's global generator.
        input: what it sees.
        photos: which real images, see `images`.
        published: the TFLite file in the data folder that its weights come from; "" for none.
        steps: of training, where no weights are published.
        scores: the outputs whose largest channel is a decision.
        floor: how large it must be in the float network to be one.
    """

    name: str
    build: Callable[[], nn.Module]
    input: InputSpec
    photos: Photos
    published: str = ""
    steps: int = 0
    scores: tuple[int, ...] = (0,)
    floor: float = -inf


def colour(height: int, width: int) -> InputSpec:
    """RGB in [-1, 1]."""
    half = (0.5, 0.5, 0.5)
    return InputSpec(height=height, width=width, colour="rgb", mean=half, std=half)


GREY = InputSpec(height=32, width=128, colour="gray", mean=(0.5,), std=(0.5,))
# The published ResNet-8 sees the pixels as they are, 0 to 255.
PIXELS = InputSpec(height=32, width=32, colour="rgb", mean=(0.0,) * 3, std=(1 / 255,) * 3)


def own(arch: Arch, spec: InputSpec, classes: int, width: float = 1.0) -> Callable[[], nn.Module]:
    """One of the project's own architectures."""
    model = ModelSpec(arch=arch, classes=classes, input=spec, width=width)
    return lambda: fresh(model, seed=0).module


def conv(
    inputs: int,
    outputs: int,
    kernel: int,
    stride: int = 1,
    act: nn.Module | None = None,
    groups: int = 1,
) -> nn.Sequential:
    """Convolution with torch's symmetric padding, norm, activation (ReLU unless told)."""
    layers = (
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    )
    return nn.Sequential(*layers, nn.ReLU() if act is None else act)


class SqueezeExcite(nn.Module):
    """Channels weighted by what the whole map shows (Hu et al. 2018), as in MobileNetV3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(8, channels // 4 // 8 * 8)
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, inner, 1),
            nn.ReLU(),
            nn.Conv2d(inner, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        weights: Tensor = self.weigh(x)
        return x * weights


class Bneck(nn.Module):
    """MobileNetV3's block: expand, filter, weigh, project."""

    def __init__(
        self, kernel: int, inputs: int, inner: int, outputs: int, se: bool, hs: bool, stride: int
    ) -> None:
        super().__init__()
        act = nn.Hardswish if hs else nn.ReLU
        self.layers = nn.Sequential(
            *([conv(inputs, inner, 1, act=act())] if inner != inputs else []),
            conv(inner, inner, kernel, stride, act(), groups=inner),
            *([SqueezeExcite(inner)] if se else []),
            conv(inner, outputs, 1, act=nn.Identity()),
        )
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y: Tensor = self.layers(x)
        return x + y if self.adds else y


# Table 2 of Howard et al. 2019: kernel, inner, outputs, squeeze-excite, hard-swish, stride.
V3_SMALL = (
    (3, 16, 16, True, False, 2),
    (3, 72, 24, False, False, 2),
    (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2),
    (5, 240, 40, True, True, 1),
    (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1),
    (5, 144, 48, True, True, 1),
    (5, 288, 96, True, True, 2),
    (5, 576, 96, True, True, 1),
    (5, 576, 96, True, True, 1),
)


def mobilenet_v3_small(classes: int = 10) -> nn.Module:
    """MobileNetV3-small (Howard et al. 2019)."""
    layers: list[nn.Module] = [conv(3, 16, 3, 2, nn.Hardswish())]
    inputs = 16
    for kernel, inner, outputs, se, hs, stride in V3_SMALL:
        layers.append(Bneck(kernel, inputs, inner, outputs, se, hs, stride))
        inputs = outputs
    pool = (conv(inputs, 576, 1, act=nn.Hardswish()), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    dense = (nn.Linear(576, 1024), nn.Hardswish(), nn.Dropout(0.2), nn.Linear(1024, classes))
    return nn.Sequential(*layers, *pool, *dense)


class Branches(nn.Module):
    """Several roads side by side, their channels put together."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, the branches' channels together, H, W)."""
        return torch.cat([branch(x) for branch in self.branches], 1)


def squeezenet_inception(classes: int = 10) -> nn.Module:
    """Fire modules (Iandola et al. 2016) and one inception module (Szegedy et al. 2015)."""

    def fire(inputs: int, squeeze: int, expand: int) -> nn.Module:
        branches = Branches(conv(squeeze, expand, 1), conv(squeeze, expand, 3))
        return nn.Sequential(conv(inputs, squeeze, 1), branches)

    inception = Branches(
        conv(256, 64, 1),
        nn.Sequential(conv(256, 48, 1), conv(48, 64, 3)),
        nn.Sequential(conv(256, 16, 1), conv(16, 32, 5)),
        nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), conv(256, 32, 1)),
    )
    fires = (fire(64, 16, 64), fire(128, 16, 64), nn.MaxPool2d(3, 2, ceil_mode=True))
    later = (fire(128, 32, 128), inception, nn.MaxPool2d(3, 2, ceil_mode=True))
    last = (fire(192, 48, 192), nn.Dropout(0.5), nn.Conv2d(384, classes, 1))
    stem = (conv(3, 64, 3, 2), nn.MaxPool2d(3, 2, ceil_mode=True))
    return nn.Sequential(*stem, *fires, *later, *last, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class UNet(nn.Module):
    """Three levels down and up again (Ronneberger et al. 2015), skips concatenated.

    One step up is a transposed convolution, the other bilinear, as both are found.
    """

    def __init__(self, classes: int = 3, width: int = 16) -> None:
        super().__init__()
        a, b, c = width, 2 * width, 4 * width

        def twice(inputs: int, outputs: int) -> nn.Module:
            return nn.Sequential(conv(inputs, outputs, 3), conv(outputs, outputs, 3))

        self.first, self.second, self.third = twice(3, a), twice(a, b), twice(b, c)
        self.down = nn.MaxPool2d(2)
        self.up_learnt = nn.ConvTranspose2d(c, b, 2, 2)
        self.up_linear = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.fourth, self.fifth = twice(2 * b, b), twice(b + a, a)
        self.head = nn.Conv2d(a, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, classes, H, W)."""
        a = self.first(x)
        b = self.second(self.down(a))
        c = self.third(self.down(b))
        y = self.fourth(torch.cat([self.up_learnt(c), b], 1))
        y = self.fifth(torch.cat([self.up_linear(y), a], 1))
        logits: Tensor = self.head(y)
        return logits


class Csp(nn.Module):
    """A cross-stage block: half of the channels take the long way, then all are joined."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.width = outputs // 2
        self.enter = conv(inputs, outputs, 1, act=nn.SiLU())
        self.a = conv(self.width, self.width, 3, act=nn.SiLU())
        self.b = conv(self.width, self.width, 3, act=nn.SiLU())
        self.leave = conv(3 * self.width, outputs, 1, act=nn.SiLU())

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W)."""
        left, right = self.enter(x).split(self.width, 1)
        y: Tensor = self.leave(torch.cat([left, right, right + self.b(self.a(right))], 1))
        return y


class Detector(nn.Module):
    """A detector in YOLO's manner: SiLU throughout, pyramid with concats, two scales.

    Each scale has boxes (N, 4, H, W) and class scores (N, classes, H, W), both in [0, 1].
    The scores start at 1 %, as focal loss wants it (Lin et al. 2017).
    """

    def __init__(self, classes: int = 20) -> None:
        super().__init__()
        silu = nn.SiLU
        self.stem = nn.Sequential(conv(3, 16, 3, 2, silu()), conv(16, 32, 3, 2, silu()))
        self.p3 = nn.Sequential(Csp(32, 32), conv(32, 64, 3, 2, silu()), Csp(64, 64))
        self.p4 = nn.Sequential(conv(64, 128, 3, 2, silu()), Csp(128, 128))
        self.squeeze = conv(128, 64, 1, act=silu())
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.spread = conv(256, 128, 1, act=silu())
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.n3 = Csp(192, 64)
        self.down = conv(64, 64, 3, 2, silu())
        self.n4 = Csp(192, 128)
        self.boxes = nn.ModuleList(nn.Conv2d(c, 4, 1) for c in (64, 128))
        self.scores = nn.ModuleList(nn.Conv2d(c, classes, 1) for c in (64, 128))
        for layer in self.scores:
            assert isinstance(layer.bias, Tensor)
            nn.init.constant_(layer.bias, -4.6)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(N, 3, H, W) to boxes and scores at 1/8, boxes and scores at 1/16."""
        p3 = self.p3(self.stem(x))
        y = self.squeeze(self.p4(p3))
        pools = [y, self.pool(y), self.pool(self.pool(y)), self.pool(self.pool(self.pool(y)))]
        p4 = self.spread(torch.cat(pools, 1))
        n3 = self.n3(torch.cat([self.up(p4), p3], 1))
        n4 = self.n4(torch.cat([self.down(n3), p4], 1))
        maps = ((n3, 0), (n4, 1))
        return tuple(
            torch.sigmoid(branch[i](y)) for y, i in maps for branch in (self.boxes, self.scores)
        )


class Reader(nn.Module):
    """A CTC recogniser: the map's height is pooled away, each column is read."""

    def __init__(self, symbols: int = 63) -> None:
        super().__init__()
        self.columns = nn.Sequential(
            *(conv(1, 32, 3), nn.MaxPool2d(2)),  # (N, 32, 16, 64)
            *(conv(32, 64, 3), nn.MaxPool2d(2)),  # (N, 64, 8, 32)
            *(conv(64, 128, 3), conv(128, 128, 3), nn.MaxPool2d((2, 1))),  # (N, 128, 4, 32)
            *(conv(128, 128, 3), nn.MaxPool2d((4, 1))),  # (N, 128, 1, 32)
        )
        self.head = nn.Linear(128, symbols)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 32, W) to logits (N, W / 4, symbols)."""
        logits: Tensor = self.head(self.columns(x).squeeze(2).permute(0, 2, 1))
        return logits


NETS = (
    Net(
        "resnet8",
        own("resnet8", PIXELS, 10),
        PIXELS,
        "cifar10",
        published="mlperf-tiny-models/pretrainedResnet.tflite",
    ),
    Net(
        "mobilenet_v2-0.35@96",
        own("mobilenet_v2", colour(96, 96), 10, 0.35),
        colour(96, 96),
        "cifar10",
        steps=400,
    ),
    Net(
        "mobilenet_v2-1.0@224",
        own("mobilenet_v2", colour(224, 224), 1001),
        colour(224, 224),
        "pets",
        published="mobilenet-v2-imagenet/tf2_mobilenet_v2_1.0_224_ptq.tflite",
    ),
    Net("mobilenet_v3-small@96", mobilenet_v3_small, colour(96, 96), "cifar10", steps=400),
    Net("squeeze-inception@128", squeezenet_inception, colour(128, 128), "cifar10", steps=150),
    Net("u-net@96x128", UNet, colour(96, 128), "masks", steps=80),
    Net(
        "detector@160x192",
        Detector,
        colour(160, 192),
        "street",
        steps=200,
        scores=(1, 3),
        floor=0.1,
    ),
    Net("ctc@32x128", Reader, GREY, "words", steps=150),
)
