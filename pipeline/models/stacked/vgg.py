"""VGG-11 and VGG-16 (Simonyan & Zisserman 2014, columns A and D), slim.

What differs from the paper: a norm follows every convolution, and a global average with one
linear layer stands for the three fully connected ones, which have 123.6 M of the paper's
138.4 M parameters at depth 16 and want one size of input. What is left of the convolutions
with their norms is torchvision's `vgg11_bn.features` and `vgg16_bn.features`, 9,225,984 and
14,723,136 parameters; with the classifier on 1000 classes they are 9,738,984 and 15,236,136.
"""

from torch import nn

from pipeline.models.layers import classifier, conv_bn, scaled

# Channels of each stage's convolutions; a maximum closes each stage.
VGG11 = ((64,), (128,), (256, 256), (512, 512), (512, 512))
VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def vgg(
    stages: tuple[tuple[int, ...], ...], classes: int, channels: int, width: float
) -> nn.Sequential:
    """(N, channels, H, W) to logits (N, classes)."""
    inputs = channels
    layers: list[nn.Module] = []
    for stage in stages:
        convolutions: list[nn.Module] = []
        for base in stage:
            outputs = scaled(base, width)
            convolutions.append(conv_bn(inputs, outputs, 3, activation=nn.ReLU(), bias=True))
            inputs = outputs
        # A last odd row counts too, so that small inputs never come to nothing.
        layers.append(nn.Sequential(*convolutions, nn.MaxPool2d(2, ceil_mode=True)))
    return nn.Sequential(*layers, classifier(inputs, classes))  # maps of (N, c, H/32, W/32)
