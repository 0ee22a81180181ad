"""Padding in front of an operator whose pads are neither TFLite's SAME nor its VALID."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_agent.bundle.affine import QMIN
from quantization.lower import layout
from quantization.lower.graph import Operation
from quantization.lower.network import Network
from quantization.lower.window import Window


def padded_input(
    operation: Operation, network: Network, windows: tuple[Window, Window], *, lowest: bool = False
) -> tuple[int, int]:
    """The input of a windowed operator and its `Padding`, after a PAD where one is needed.

    With `lowest` the padding loses every comparison, as under a maximum; else it is real 0.
    """
    x = operation.value()
    if all(w.is_valid for w in windows):
        return network.value(x), schema.Padding.VALID
    if all(w.is_same for w in windows):
        return network.value(x), schema.Padding.SAME
    return explicit_padding(operation, network, windows, lowest=lowest), schema.Padding.VALID


def explicit_padding(
    operation: Operation, network: Network, windows: tuple[Window, Window], *, lowest: bool = False
) -> int:
    """Emit a PAD of what the windows reach into; the index of the padded input."""
    x, (height, width) = operation.value(), windows
    pads = np.array([[0, 0], [height.begin, height.end], [width.begin, width.end], [0, 0]])
    shape = tuple(int(n) for n in np.array(layout.shape(x.shape)) + pads.sum(axis=1))
    y = network.intermediate(f"{operation.output.name}:padded", shape, x.quantization)
    emit_pad(operation, network, pads, y, lowest=lowest)
    return y


def emit_pad(
    operation: Operation, network: Network, pads: layout.Order, y: int, *, lowest: bool = False
) -> None:
    """Emit a PAD of the operation's input that writes tensor `y`.

    `pads` are the elements before and after along each TFLite axis, (rank, 2).
    """
    x = operation.value()
    inputs = [network.value(x), network.constant("pads", pads.astype(np.int32))]
    if lowest and x.quantization.affine.zero_point > QMIN:
        inputs.append(network.constant("lowest", np.array([QMIN], np.int8), x.quantization))
        network.emit(schema.BuiltinOperator.PADV2, 2, inputs, y, schema.PadV2OptionsT())
    else:  # PAD writes the zero point, which is real 0
        network.emit(schema.BuiltinOperator.PAD, 2, inputs, y, schema.PadOptionsT())
