"""Sliding windows: ONNX's explicit pads as TFLite's SAME, VALID, or a PAD before VALID."""

from dataclasses import dataclass

from quantization.graph.graph import Shape
from quantization.lower import layout
from quantization.lower.draft import TfliteDraft
from quantization.lower.graph import Operation, TypedTensor
from quantization.operators.table import refuse


@dataclass(frozen=True)
class AxisWindows:
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


def windows(operation: Operation, kernel: tuple[int, ...]) -> tuple[AxisWindows, AxisWindows]:
    """The windows of a convolution or pooling along height and width.

    One over a sequence (1, C, L) is one over a map (1, C, 1, L).
    """
    node, x, y = operation.node, operation.value(), operation.output
    if len(x.shape) not in (3, 4):
        refuse(
            node, f"on a value of shape {x.shape} has no lowering, only (1, C, H, W) or (1, C, L)"
        )
    pads = node.integers("pads", (0,) * 2 * len(x.shape[2:]))
    if min(pads) < 0:
        refuse(node, f"with the negative pads {pads} has no lowering")
    kernel, begins = plane(kernel), plane(pads[: len(pads) // 2], 0)
    strides, dilations = steps(operation, "strides"), steps(operation, "dilations")
    sizes, counts = plane(x.shape[2:]), plane(y.shape[2:])
    height, width = (
        AxisWindows(
            size=sizes[i],
            kernel=(kernel[i] - 1) * dilations[i] + 1,
            stride=strides[i],
            begin=begins[i],
            windows=counts[i],
        )
        for i in range(2)
    )
    return height, width


def steps(operation: Operation, name: str) -> tuple[int, ...]:
    """Strides or dilations along height and width."""
    return plane(operation.node.integers(name, (1,) * len(operation.value().shape[2:])))


def plane(values: tuple[int, ...], missing: int = 1) -> tuple[int, ...]:
    """What is given along length, or along height and width, along height and width."""
    return (missing, *values) if len(values) == 1 else values


def nhwc(shape: Shape) -> Shape:
    """The TFLite shape of (1, C, H, W) or (1, C, L) as a map."""
    return (shape[0], *plane(shape[2:]), shape[1])


def read_map(network: TfliteDraft, x: TypedTensor) -> int:
    """The index of a value (1, C, H, W) or (1, C, L) as an NHWC map."""
    return network.value(x, layout.channels_last(len(x.shape)), nhwc(x.shape))


def write_map(network: TfliteDraft, y: TypedTensor) -> int:
    """The index of a new value (1, C, H, W) or (1, C, L), written as an NHWC map."""
    return network.write(y, layout.channels_last(len(y.shape)), nhwc(y.shape))
