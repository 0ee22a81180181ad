"""Published weights: what stands in a TFLite file, put into a torch network of its kind.

Float weights are taken as they are. Of int8 ones only the grid is left: what rounding took
away, up to half a step, is drawn at random, so that a converter meets float weights as
training leaves them and not ones that already lie on its grid.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from ai_edge_litert import schema_py_generated as schema
from torch import nn

from edge_agent.common.arrays import F32

WEIGHTED = (
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D,
    schema.BuiltinOperator.FULLY_CONNECTED,
)
TYPES = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.INT8: np.int8,
    schema.TensorType.INT32: np.int32,
}


def fill(module: nn.Module, example: torch.Tensor, path: Path) -> None:
    """Give every layer of `module`, in the order in which it runs, the file's next weights.

    The norms, which the file has folded away, become identities with its biases.

    Raises:
        ValueError: if the layers are not those of the file.
    """
    layers = _in_order(module, example)
    weights = _weights(path)
    if len(layers) != len(weights):
        raise ValueError(f"{path}: expected {len(layers)} layers, found {len(weights)}")
    for (layer, norm), (weight, bias) in zip(layers, weights, strict=True):
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight.reshape(layer.weight.shape)))
            target = layer.bias if norm is None else norm.bias
            target.copy_(torch.from_numpy(bias))
            if norm is not None:
                norm.running_var.fill_(1 - norm.eps)


def _in_order(module: nn.Module, example: torch.Tensor) -> list[tuple[Any, Any]]:
    """The layers with weights as they run, each with the norm that follows it, or None."""
    met: list[list[Any]] = []

    def note(layer: nn.Module, *_: object) -> None:
        if isinstance(layer, nn.BatchNorm2d):
            met[-1][1] = layer
        else:
            met.append([layer, None])

    kinds = nn.Conv2d | nn.Linear | nn.BatchNorm2d
    hooks = [m.register_forward_hook(note) for m in module.modules() if isinstance(m, kinds)]
    with torch.no_grad():
        module.eval()(example)
    for hook in hooks:
        hook.remove()
    return [(layer, norm) for layer, norm in met]


def _weights(path: Path) -> list[tuple[F32, F32]]:
    """Weights (O, ...) in torch's order of axes with their biases (O,), in the file's order."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    (graph,), found = model.subgraphs, []
    random = np.random.default_rng(0)
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        if kind in WEIGHTED:
            weight, bias = (_real(model, graph.tensors[i], random) for i in operator.inputs[1:3])
            if weight.ndim == 4:  # (O, h, w, I), or (1, h, w, O) for a depthwise one
                depthwise = kind == schema.BuiltinOperator.DEPTHWISE_CONV_2D
                weight = weight.transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
            found.append((np.ascontiguousarray(weight), bias))
    return found


def _real(model: Any, tensor: Any, random: np.random.Generator) -> F32:
    data = model.buffers[tensor.buffer].data
    array = np.frombuffer(bytes(data), TYPES[tensor.type]).reshape(tensor.shape)
    if tensor.type == schema.TensorType.FLOAT32:
        return array.astype(np.float32)
    shape = [1] * array.ndim
    shape[tensor.quantization.quantizedDimension] = -1
    steps = array.astype(np.float32)
    if tensor.type == schema.TensorType.INT8:
        steps = np.clip(steps + random.uniform(-0.5, 0.5, array.shape), -127, 127)
    real: F32 = (steps * np.asarray(tensor.quantization.scale).reshape(shape)).astype(np.float32)
    return real
