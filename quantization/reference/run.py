"""Running a network: one operator after the other, every value kept by name."""

from collections.abc import Mapping
from typing import cast

import numpy as np

from edge_agent.common.arrays import I8
from quantization.graph.graph import Array
from quantization.reference import kernels as kernels  # fills the table
from quantization.reference.errors import TfliteFileError
from quantization.reference.model import ReferenceOperator, ReferenceTensor, TfliteModel, read
from quantization.reference.registry import find


def run(model: bytes, x: I8) -> I8:
    """The output of a network for one input.

    Args:
        model: a TFLite file with one input and one output.
        x: the input, of the file's shape and type.

    Raises:
        TfliteFileError: if the file cannot be read, or x is not its input.
        UnsupportedKernelError: if an operator is not defined here; nothing is run before.
    """
    network = read(model)
    if len(network.outputs) != 1:
        raise TfliteFileError(f"expected one output, found {len(network.outputs)}")
    return cast("I8", execute(network, x)[network.outputs[0].name])


def trace(model: bytes, x: I8) -> dict[str, Array]:
    """Every value on the way, by tensor name, in the order they are computed; the input first.

    Takes and raises what `run` does, except that the file may have several outputs.
    """
    return execute(read(model), x)


def execute(network: TfliteModel, x: Array) -> dict[str, Array]:
    """What `trace` gives, of a network that has been read."""
    functions = [(operator, find(operator)) for operator in network.operators]
    values: dict[str, Array] = {_input(network, x).name: x}
    for operator, function in functions:
        inputs = [None if t is None else _value(t, values) for t in operator.inputs]
        results = function(operator, *inputs)
        results = results if isinstance(results, tuple) else (results,)
        for tensor, result in zip(operator.outputs, results, strict=True):
            _check(operator, tensor, result)
            values[tensor.name] = result
    return values


def _input(network: TfliteModel, x: Array) -> ReferenceTensor:
    if len(network.inputs) != 1:
        raise TfliteFileError(f"expected one input, found {len(network.inputs)}")
    (source,) = network.inputs
    if (x.shape, x.dtype) != (source.shape, source.dtype):
        raise TfliteFileError(
            f"input {source.name!r}: expected {source.dtype} {source.shape}, "
            f"found {x.dtype} {x.shape}"
        )
    return source


def _value(tensor: ReferenceTensor, values: Mapping[str, Array]) -> Array:
    if tensor.data is not None:
        return tensor.data
    if tensor.name not in values:
        raise TfliteFileError(f"tensor {tensor.name!r}: read before any operator writes it")
    return values[tensor.name]


def _check(operator: ReferenceOperator, tensor: ReferenceTensor, result: Array) -> None:
    """Refuse a file whose shapes disagree with its operators."""
    if result.shape != tensor.shape or result.dtype != np.dtype(tensor.dtype):
        raise TfliteFileError(
            f"{operator}: computed {result.dtype} {result.shape}, "
            f"the file says {tensor.dtype} {tensor.shape}"
        )
