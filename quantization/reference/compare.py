"""Where a device leaves the reference: the first tensor that differs, and by how much."""

from collections.abc import Mapping
from dataclasses import dataclass

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edge_agent.common.arrays import I8
from quantization.graph.graph import Array
from quantization.reference.errors import TfliteFileError
from quantization.reference.model import IDENTIFIER, ReferenceOperator, TfliteModel, read
from quantization.reference.registry import find
from quantization.reference.run import execute


@dataclass(frozen=True)
class Difference:
    """One operator whose output another runtime computes differently.

    Args:
        operator: its name, such as CONV_2D.
        tensor: the name of the tensor it writes.
        quanta: the largest distance of two values of it; in real units if it is of floats.
        elements: how many of its values differ.
        size: how many it has.
        index: where the largest distance is.
        expected: the reference's value there.
        found: the other runtime's.
    """

    operator: str
    tensor: str
    quanta: float
    elements: int
    size: int
    index: tuple[int, ...]
    expected: float
    found: float

    def __str__(self) -> str:
        """One sentence for a person."""
        return (
            f"{self.operator} {self.tensor!r}: {self.elements} of {self.size} values differ, "
            f"by up to {self.quanta:g} (at {self.index}: expected {self.expected:g}, "
            f"found {self.found:g})"
        )


def exposed(model: bytes) -> bytes:
    """The same network with every tensor that it computes as an output, in order.

    An interpreter returns outputs as they were computed. What it shows of other tensors may
    have been overwritten: tflite-runtime 2.14 adds in place, even when told to preserve all.
    """
    read(model)  # raises what is wrong with the file
    unpacked = schema.ModelT.InitFromPackedBuf(model, 0)
    (graph,) = unpacked.subgraphs
    graph.outputs = [int(i) for operator in graph.operators for i in operator.outputs]
    unpacked.signatureDefs = None  # they name the outputs that were
    builder = flatbuffers.Builder(len(model))
    builder.Finish(unpacked.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def first_difference(
    model: bytes, x: I8, found: Mapping[str, Array], *, alone: bool = True, tolerance: int = 0
) -> Difference | None:
    """The first operator, in order of execution, that another runtime computes differently.

    Args:
        model: the TFLite file.
        x: the input both were given.
        found: the other runtime's tensors by name: the outputs of the `exposed` file, or
            only those that a device can give.
        alone: judge each operator on the other runtime's own inputs to it, so that an
            earlier difference does not count again; else on the reference's.
        tolerance: quanta that count as equal.

    Returns:
        None if no tensor of `found` differs.

    Raises:
        TfliteFileError: if `found` has no tensor of the network, or one of another shape.
    """
    network = read(model)
    _check(network, found)
    values = execute(network, x)
    for operator in network.operators:
        if alone:
            values = {**values, **_step(operator, {**values, **found})}
        for tensor in operator.outputs:
            if tensor.name in found:
                difference = _difference(
                    operator, tensor.name, values[tensor.name], found[tensor.name]
                )
                if difference is not None and difference.quanta > tolerance:
                    return difference
    return None


def _step(operator: ReferenceOperator, values: Mapping[str, Array]) -> dict[str, Array]:
    """What one operator writes, given the values it reads."""
    inputs = [
        None if t is None else t.data if t.data is not None else values[t.name]
        for t in operator.inputs
    ]
    results = find(operator)(operator, *inputs)
    results = results if isinstance(results, tuple) else (results,)
    return {t.name: r for t, r in zip(operator.outputs, results, strict=True)}


def _difference(
    operator: ReferenceOperator, name: str, ours: Array, theirs: Array
) -> Difference | None:
    distance = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
    if not distance.any():
        return None
    index = tuple(int(i) for i in np.unravel_index(distance.argmax(), distance.shape))
    return Difference(
        operator=operator.name,
        tensor=name,
        quanta=float(distance[index]),
        elements=int(np.count_nonzero(distance)),
        size=distance.size,
        index=index,
        expected=float(ours[index]),
        found=float(theirs[index]),
    )


def _check(network: TfliteModel, found: Mapping[str, Array]) -> None:
    known = {t.name: t for o in network.operators for t in o.outputs}
    common = known.keys() & found.keys()
    if not common:
        raise TfliteFileError(
            f"expected tensors of the network, such as {next(iter(known))!r}; "
            f"found {', '.join(sorted(found)[:3]) or 'none'}"
        )
    for name in sorted(common):
        if known[name].shape != found[name].shape:
            raise TfliteFileError(
                f"tensor {name!r}: expected shape {known[name].shape}, found {found[name].shape}"
            )
