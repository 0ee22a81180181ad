"""A TFLite file as frozen values: tensors, and the operators that read and write them."""

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from quantization.graph.graph import Array, Shape
from quantization.reference.errors import TfliteFileError

IDENTIFIER = b"TFL3"
DTYPES: dict[int, Any] = {
    schema.TensorType.INT8: np.int8,
    schema.TensorType.UINT8: np.uint8,
    schema.TensorType.INT16: np.int16,
    schema.TensorType.INT32: np.int32,
    schema.TensorType.INT64: np.int64,
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.BOOL: np.bool_,
}
OPERATOR_NAMES: dict[int, str] = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)
}


@dataclass(frozen=True, eq=False)
class ReferenceTensor:
    """A tensor of the file; its integers mean ``real = scale * (q - zero_point)``.

    Args:
        name: as the file has it; those of a `TfliteModel` are distinct.
        shape: static.
        dtype: of its values.
        scales: float32, one for the tensor, or one per index of `axis`; none if it is not
            quantised.
        zero_points: as many.
        axis: what several scales run along.
        data: its values, if it is a constant.
    """

    name: str
    shape: Shape
    dtype: np.dtype[Any]
    scales: NDArray[np.float32]
    zero_points: NDArray[np.int64]
    axis: int
    data: Array | None

    @property
    def scale(self) -> np.float32:
        """The one scale of an activation: of float32, as a runtime stores it."""
        return np.float32(self._sole(self.scales, "scale"))

    @property
    def zero_point(self) -> int:
        """The one zero point of an activation."""
        return int(self._sole(self.zero_points, "zero point"))

    def _sole(self, values: Array, what: str) -> Any:
        if len(values) != 1:
            raise TfliteFileError(f"tensor {self.name!r}: expected one {what}, found {len(values)}")
        return values[0]


@dataclass(frozen=True, eq=False)
class ReferenceOperator:
    """An operator of the file.

    Args:
        name: the schema's, such as CONV_2D.
        inputs: what it reads; None where an optional one is left out.
        outputs: what it writes.
        options: the schema's options object (`Conv2DOptionsT` and so on), or None.
    """

    name: str
    inputs: tuple[ReferenceTensor | None, ...]
    outputs: tuple[ReferenceTensor, ...]
    options: Any

    def input(self, index: int) -> ReferenceTensor:
        """An input that the operator cannot do without."""
        tensor = self.inputs[index] if index < len(self.inputs) else None
        if tensor is None:
            raise TfliteFileError(f"{self}: expected an input {index}, found none")
        return tensor

    @property
    def output(self) -> ReferenceTensor:
        """The first output: the only one of most operators."""
        return self.outputs[0]

    def __str__(self) -> str:
        """How an error names the operator."""
        return f"operator {self.name} that writes {self.output.name!r}"


@dataclass(frozen=True, eq=False)
class TfliteModel:
    """A network: its operators in execution order, the input it is fed and what it returns."""

    operators: tuple[ReferenceOperator, ...]
    inputs: tuple[ReferenceTensor, ...]
    outputs: tuple[ReferenceTensor, ...]

    @cached_property
    def written(self) -> tuple[ReferenceTensor, ...]:
        """The tensors that running the network fills, in order: the input first."""
        return (*self.inputs, *(t for o in self.operators for t in o.outputs))


def read(file: bytes) -> TfliteModel:
    """The network of a TFLite file.

    Raises:
        TfliteFileError: if the bytes are no TFLite file, or hold more than one graph.
    """
    if file[4:8] != IDENTIFIER:
        raise TfliteFileError(f"expected a TFLite file ({IDENTIFIER!r}), found {file[4:8]!r}")
    try:
        model = schema.ModelT.InitFromPackedBuf(file, 0)
    except (IndexError, TypeError, ValueError, struct.error) as error:
        raise TfliteFileError(f"the TFLite file is damaged: {error}") from error
    if not model.subgraphs or len(model.subgraphs) != 1:
        raise TfliteFileError(f"expected one graph, found {len(model.subgraphs or [])}")
    try:
        return _network(model, model.subgraphs[0])
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise TfliteFileError(f"the TFLite file is damaged: {error!r}") from error


def _network(model: Any, graph: Any) -> TfliteModel:
    tensors: list[ReferenceTensor] = []
    taken: set[str] = set()
    for index, raw in enumerate(graph.tensors):
        name = (raw.name or b"").decode(errors="replace")
        if not name or name in taken:  # some converters leave names out or use them twice
            name = f"{name}#{index}"
        taken.add(name)
        tensors.append(_tensor(raw, name, model.buffers[raw.buffer].data))
    return TfliteModel(
        tuple(_operator(model, raw, tensors) for raw in _some(graph.operators)),
        tuple(tensors[i] for i in _some(graph.inputs)),
        tuple(tensors[i] for i in _some(graph.outputs)),
    )


def _tensor(raw: Any, name: str, data: Array | None) -> ReferenceTensor:
    dtype = np.dtype(DTYPES[raw.type]).newbyteorder("<")  # a flatbuffer is little-endian
    shape = tuple(int(n) for n in _some(raw.shape))
    quantization = raw.quantization or schema.QuantizationParametersT()
    values = None
    if data is not None and len(data):
        values = np.frombuffer(bytes(data), dtype).reshape(shape).astype(dtype.newbyteorder("="))
    return ReferenceTensor(
        name=name,
        shape=shape,
        dtype=dtype.newbyteorder("="),
        scales=np.array(_some(quantization.scale), np.float32),
        zero_points=np.array(_some(quantization.zeroPoint), np.int64),
        axis=int(quantization.quantizedDimension),
        data=values,
    )


def _operator(model: Any, raw: Any, tensors: list[ReferenceTensor]) -> ReferenceOperator:
    code = model.operatorCodes[raw.opcodeIndex]
    # Codes above 127 stand in the newer field alone; older files have only the older one.
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    return ReferenceOperator(
        name=OPERATOR_NAMES[number],
        inputs=tuple(None if i < 0 else tensors[i] for i in _some(raw.inputs)),
        outputs=tuple(tensors[i] for i in _some(raw.outputs)),
        options=raw.builtinOptions,
    )


def _some(values: Any) -> Any:
    """A vector of the file, which is None where it is empty."""
    return [] if values is None else values
