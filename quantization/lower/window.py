"""Sliding windows: ONNX's explicit pads as TFLite's SAME, VALID, or a PAD before VALID."""

from dataclasses import dataclass

from quantization.lower.graph import Operation
from quantization.lower.registry import refuse


@dataclass(frozen=True)
class Window:
    """The windows of a convolution or pooling along one spatial axis.

    Args:
        size: elements of the input.
        kernel: elements under the window, dilation counted in.
        stride: from one window to the next.
        begin: padding before the first element.
        windows: elements of the output.
    """

    size: int
    kernel: int
    stride: int
    begin: int
    windows: int

    @property
    def needed(self) -> int:
        """Padding on both sides together that the windows reach into."""
        return max((self.windows - 1) * self.stride + self.kernel - self.size, 0)

    @property
    def end(self) -> int:
        """Padding after the last element that the windows reach into."""
        return max(self.needed - self.begin, 0)

    @property
    def is_valid(self) -> bool:
        """Whether TFLite's VALID gives these windows."""
        return self.begin == 0 and self.windows == (self.size - self.kernel) // self.stride + 1

    @property
    def is_same(self) -> bool:
        """Whether TFLite's SAME gives these windows: its odd element of padding comes last."""
        return self.windows == -(-self.size // self.stride) and self.begin == self.needed // 2


def windows(operation: Operation, kernel: tuple[int, int]) -> tuple[Window, Window]:
    """The windows of a 2-D convolution or pooling along height and width."""
    node, x, y = operation.node, operation.value(), operation.output
    if len(x.shape) != 4:
        refuse(node, f"on a value of shape {x.shape} has no lowering, only (1, C, H, W)")
    strides = node.integers("strides", (1, 1))
    dilations = node.integers("dilations", (1, 1))
    pads = node.integers("pads", (0, 0, 0, 0))
    if min(pads) < 0:
        refuse(node, f"with the negative pads {pads} has no lowering")
    height, width = (
        Window(
            size=x.shape[2 + i],
            kernel=(kernel[i] - 1) * dilations[i] + 1,
            stride=strides[i],
            begin=pads[i],
            windows=y.shape[2 + i],
        )
        for i in range(2)
    )
    return height, width
