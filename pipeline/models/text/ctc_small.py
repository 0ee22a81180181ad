"""`ctc_small`: a convolutional reader of one line of text, for CTC.

Input 32 pixels high and a multiple of 4 wide; output logits of W / 4 time steps. Two strided
convolutions and a residual block see strokes, two poolings halve the height alone, one
convolution two pixels high turns each column into features, and depthwise convolutions along
the line let a time step see its neighbours: 12 to each side after four of them. All of it is
local, so the same weights read lines of every width. With 96 outputs it has 531,008
parameters, and 44.8 M MACs on an image 128 wide. There is no published twin; that plain
convolutions with CTC read lines as well as recurrent nets is the claim of "Accurate,
data-efficient, unconstrained text recognition with convolutional neural networks" (Yousef et
al. 2018).
"""

import torch.nn.functional as F
from torch import Tensor, nn

from edge_agent.bundle.manifest import InputSpec
from pipeline.common.errors import RecipeError
from pipeline.models.layers import StepClassifier, conv_bn, scaled
from pipeline.models.residual.block import BasicBlock

HEIGHT = 32
PIXELS_PER_STEP = 4
CONTEXT_BLOCKS = 4
REACH = 7  # time steps each context block sees


def check_line(spec: InputSpec) -> None:
    """Raise unless `ctc_small` can read an image of `spec`.

    Raises:
        RecipeError: another height than 32, or a width that is no whole number of time steps.
    """
    if spec.height != HEIGHT or spec.width % PIXELS_PER_STEP:
        raise RecipeError(
            f"input: expected {HEIGHT} pixels high and a multiple of {PIXELS_PER_STEP} wide "
            f"for ctc_small, found {spec.height} by {spec.width}"
        )


def time_steps(spec: InputSpec) -> int:
    """T, how many time steps a reader of text answers at for an image of `spec`."""
    return spec.width // PIXELS_PER_STEP


class ContextBlock(nn.Module):
    """Each step sees its neighbours: (N, c, 1, T) to the same, added to what came in."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv_bn(c, c, (1, REACH), groups=c, activation=nn.ReLU()),
            conv_bn(c, c, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, c, 1, T) to (N, c, 1, T)."""
        y: Tensor = x + self.layers(x)
        return F.relu(y)


class ToSteps(nn.Module):
    """One row of feature maps as time steps: (N, K, 1, T) to (N, T, K)."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, K, 1, T) to (N, T, K)."""
        return x.squeeze(2).permute(0, 2, 1)


def ctc_small(outputs: int, channels: int, width: float) -> nn.Sequential:
    """(N, channels, 32, W) to logits (N, W / 4, outputs), the blank last."""
    a, b, c, d = (scaled(n, width) for n in (32, 64, 128, 256))
    return nn.Sequential(
        conv_bn(channels, a, 3, 2, activation=nn.ReLU()),  # (N, a, 16, W/2)
        conv_bn(a, b, 3, 2, activation=nn.ReLU()),  # (N, b, 8, W/4)
        BasicBlock(b, b, 1, nn.Identity()),
        nn.MaxPool2d((2, 1)),  # (N, b, 4, W/4)
        conv_bn(b, c, 3, activation=nn.ReLU()),
        nn.MaxPool2d((2, 1)),  # (N, c, 2, W/4)
        _column(c, d),  # (N, d, 1, W/4)
        *(ContextBlock(d) for _ in range(CONTEXT_BLOCKS)),
        StepClassifier(d, outputs),  # (N, outputs, 1, W/4)
        ToSteps(),  # (N, W/4, outputs)
    )


def _column(inputs: int, outputs: int) -> nn.Sequential:
    """The two rows left, as one; without padding, so unlike `conv_bn`."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, (2, 1), bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )
