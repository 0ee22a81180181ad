"""Padding in front of an operator whose pads are neither TFLite's SAME nor its VALID."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantization.graph.graph import Array
from quantization.lower.draft import TfliteDraft
from quantization.lower.graph import Operation, TypedTensor
from quantization.lower.window import AxisWindows, nhwc, read_map


def padded_input(
    operation: Operation,
    network: TfliteDraft,
    windows: tuple[AxisWindows, AxisWindows],
    *,
    lowest: bool = False,
) -> tuple[int, int]:
    """The input of a windowed operator and its `Padding`, after a PAD where one is needed.

    With `lowest` the padding loses every comparison, as under a maximum; else it is real 0.
    """
    x = operation.value()
    if all(w.is_valid for w in windows):
        return read_map(network, x), schema.Padding.VALID
    if all(w.is_same for w in windows):
        return read_map(network, x), schema.Padding.SAME
    return explicit_padding(operation, network, windows, lowest=lowest), schema.Padding.VALID


def explicit_padding(
    operation: Operation,
    network: TfliteDraft,
    windows: tuple[AxisWindows, AxisWindows],
    *,
    lowest: bool = False,
) -> int:
    """Emit a PAD of what the windows reach into; the index of the padded input."""
    x, (height, width) = operation.value(), windows
    pads = np.array([[0, 0], [height.begin, height.end], [width.begin, width.end], [0, 0]])
    shape = tuple(int(n) for n in np.array(nhwc(x.shape)) + pads.sum(axis=1))
    y = network.intermediate(f"{operation.output.name}:padded", shape, x)
    source = read_map(network, x)
    emit_pad(network, source, pads, y, x.lowest if lowest else x.stored(0.0), x)
    return y


def emit_pad(
    network: TfliteDraft, source: int, pads: Array, y: int, fill: float, like: TypedTensor
) -> None:
    """Emit a PAD of tensor `source` that writes tensor `y`.

    Args:
        network: what it is appended to.
        source: the index of its input.
        pads: the elements before and after along each TFLite axis, (rank, 2).
        y: the index of its output.
        fill: the value that is put there, as it is stored.
        like: what has the type of both.
    """
    inputs = [source, network.constant("pads", pads.astype(np.int32))]
    if fill == like.stored(0.0):
        network.emit(schema.BuiltinOperator.PAD, 2, inputs, y, schema.PadOptionsT())
    else:
        inputs.append(network.constant("fill", np.array([fill], like.dtype), like.quantization))
        network.emit(schema.BuiltinOperator.PADV2, 2, inputs, y, schema.PadV2OptionsT())
