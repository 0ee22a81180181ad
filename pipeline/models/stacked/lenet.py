"""LeNet-5 (LeCun et al. 1998), the first convolutional network to read digits at large.

With 10 classes on 32x32 grey pixels it has 61,706 parameters. What differs from the paper:
every map of the third layer sees all six before it (the paper's table of connections leaves
60,000), the averages have no weights, ReLU stands for the hyperbolic tangent, and a linear
layer for the Gaussian connections. Other sizes than 32: from 28 pixels on the first layer pads
where there is less, as the paper's digits are by their margin; below also the third. The fifth
layer covers whatever is left, so larger inputs cost more parameters.
"""

from torch import nn

from pipeline.models.layers import SameConv2d, pooled_classifier, scaled

KERNEL = 5
FULL, PADDED = 32, 28


def lenet5(
    classes: int, channels: int, width: float, height_width: tuple[int, int]
) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes)."""
    c1, c3, c5, f6 = (n if width == 1 else scaled(n, width) for n in (6, 16, 120, 84))
    side = min(height_width)
    height, width_px = (_left(size, side) for size in height_width)
    return nn.Sequential(
        _convolution(channels, c1, padded=side < FULL),  # (N, c1, 28, 28) of 32x32
        nn.ReLU(),
        nn.AvgPool2d(2),  # (N, c1, 14, 14)
        _convolution(c1, c3, padded=side < PADDED),  # (N, c3, 10, 10)
        nn.ReLU(),
        nn.AvgPool2d(2),  # (N, c3, 5, 5)
        nn.Conv2d(c3, c5, (height, width_px)),  # (N, c5, 1, 1)
        nn.ReLU(),
        nn.Conv2d(c5, f6, 1),
        nn.ReLU(),
        pooled_classifier(f6, classes),
    )


def _convolution(inputs: int, outputs: int, padded: bool) -> nn.Conv2d:
    if padded:
        return SameConv2d(inputs, outputs, KERNEL, bias=True)
    return nn.Conv2d(inputs, outputs, KERNEL)


def _left(size: int, side: int) -> int:
    """What is left of `size` pixels before the fifth layer; `side` is the shorter of both."""
    for padded in (side < FULL, side < PADDED):
        size = (size if padded else size - KERNEL + 1) // 2
    return size
