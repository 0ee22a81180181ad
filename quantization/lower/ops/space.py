"""Operators that trade channels for height and width, and resizing."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from quantization.lower.draft import TfliteDraft
from quantization.lower.graph import Operation
from quantization.lower.ops.sampling import Sampling, sampling
from quantization.lower.registry import lowers
from quantization.lower.window import read_map, write_map
from quantization.operators.table import refuse


@lowers("DepthToSpace")
def depth_to_space(operation: Operation, network: TfliteDraft) -> None:
    """DEPTH_TO_SPACE, which is ONNX's mode DCR; for CRD the channels are gathered first."""
    node, x = operation.node, operation.value()
    block = node.integer("blocksize", 1)
    source = read_map(network, x)
    if node.text("mode", "DCR") == "CRD":
        # DCR reads channel (block row, block column, c), CRD channel (c, row, column).
        channels = np.arange(x.shape[1]).reshape(-1, block * block).T.reshape(-1)
        _, _, height, width = x.shape
        shape = (1, height, width, x.shape[1])
        gathered = network.intermediate(f"{operation.output.name}:gathered", shape, x)
        options = schema.GatherOptionsT()
        options.axis = 3
        inputs = [source, network.constant("channels", channels.astype(np.int32))]
        network.emit(schema.BuiltinOperator.GATHER, 2, inputs, gathered, options)
        source = gathered
    options = schema.DepthToSpaceOptionsT()
    options.blockSize = block
    output = write_map(network, operation.output)
    network.emit(schema.BuiltinOperator.DEPTH_TO_SPACE, 1, [source], output, options)


@lowers("SpaceToDepth")
def space_to_depth(operation: Operation, network: TfliteDraft) -> None:
    """SPACE_TO_DEPTH."""
    options = schema.SpaceToDepthOptionsT()
    options.blockSize = operation.node.integer("blocksize", 1)
    inputs = [read_map(network, operation.value())]
    output = write_map(network, operation.output)
    network.emit(schema.BuiltinOperator.SPACE_TO_DEPTH, 2, inputs, output, options)


@lowers("Resize")
def resize(operation: Operation, network: TfliteDraft) -> None:
    """RESIZE_NEAREST_NEIGHBOR or RESIZE_BILINEAR, by whichever rule samples the same places."""
    node, x, y = operation.node, operation.value(), operation.output
    if len(x.shape) != 4 or x.shape[:2] != y.shape[:2]:
        refuse(node, f"of shape {x.shape} to {y.shape} has no lowering, only height and width")
    mode = node.text("mode", "nearest")
    rule = sampling(operation)
    if rule is None:
        transform = node.text("coordinate_transformation_mode", "half_pixel")
        refuse(node, f"with mode {mode!r} and coordinates {transform!r} has no lowering")
    nearest = mode == "nearest"
    kind = schema.ResizeNearestNeighborOptionsT if nearest else schema.ResizeBilinearOptionsT
    options = kind()
    options.alignCorners = rule is Sampling.ALIGN_CORNERS
    options.halfPixelCenters = rule is Sampling.HALF_PIXEL
    code = (
        schema.BuiltinOperator.RESIZE_NEAREST_NEIGHBOR
        if nearest
        else schema.BuiltinOperator.RESIZE_BILINEAR
    )
    version = 2 if rule is Sampling.ASYMMETRIC else 3  # align_corners is as old as 2
    inputs = [read_map(network, x), network.constant("size", np.array(y.shape[2:], np.int32))]
    network.emit(code, version, inputs, write_map(network, y), options)
