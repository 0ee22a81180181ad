"""SqueezeNet 1.1 (Iandola et al. 2016): fire modules, a narrow 1x1 before 1x1 and 3x3.

At width 1.0 with 1000 classes on RGB it has 1,235,496 parameters, as torchvision's
`squeezenet1_1` has. There are no norms. One thing differs: the last 1x1 convolution with its
ReLU and the average behind it are an average and a linear layer, the same but for the ReLU,
which would keep scores below 0 from being learned from. Inputs under 64 pixels are padded and
keep their resolution in the first convolution.
"""

import torch
from torch import Tensor, nn

from pipeline.models.layers import SMALL_INPUT, EdgeMaxPool2d, SameConv2d, classifier, scaled

# Squeezed channels, and those of each of the two branches behind; None is a maximum that halves.
BLOCKS = (
    *((16, 64), (16, 64), None, (32, 128), (32, 128), None),
    *((48, 192), (48, 192), (64, 256), (64, 256)),
)


class Fire(nn.Module):
    """Squeeze, then look by 1x1 and 3x3: (N, inputs, H, W) to (N, 2 outputs, H, W)."""

    def __init__(self, inputs: int, squeezed: int, outputs: int) -> None:
        super().__init__()
        self.squeeze = nn.Sequential(SameConv2d(inputs, squeezed, 1, bias=True), nn.ReLU())
        self.one = nn.Sequential(SameConv2d(squeezed, outputs, 1, bias=True), nn.ReLU())
        self.three = nn.Sequential(SameConv2d(squeezed, outputs, 3, bias=True), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, 2 outputs, H, W)."""
        squeezed = self.squeeze(x)
        return torch.cat((self.one(squeezed), self.three(squeezed)), 1)


def squeezenet1_1(classes: int, channels: int, width: float, side: int) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes); `side` is the shorter of H and W."""
    inputs = stem = scaled(64, width)
    blocks: list[nn.Module] = []
    for row in BLOCKS:
        if row is None:
            blocks.append(EdgeMaxPool2d())
            continue
        squeezed, outputs = (scaled(n, width) for n in row)
        blocks.append(Fire(inputs, squeezed, outputs))
        inputs = 2 * outputs
    return nn.Sequential(
        nn.Sequential(
            # The original's is not padded.
            SameConv2d(channels, stem, 3, bias=True)
            if side < SMALL_INPUT
            else nn.Conv2d(channels, stem, 3, 2),
            nn.ReLU(),
        ),  # (N, stem, H/2, W/2)
        EdgeMaxPool2d(),  # (N, stem, H/4, W/4)
        nn.Sequential(*blocks),  # (N, 512 width, H/16, W/16)
        classifier(inputs, classes),
    )
