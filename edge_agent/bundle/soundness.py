"""Whether a TFLite file is sound: looked at in full before C++ code that believes it.

The runtimes follow offsets, indices and sizes in a file without a check, and a wrong one ends the
process. So everything that they follow is checked here: that it lies inside the file, and that
the graph it describes is one: every tensor's content of the size that its shape and type say,
every operator one that this project knows, reading what was written before it.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.flatbuffer import Fields, Reader
from edge_agent.bundle.tflite_schema import (
    CUSTOM,
    IDENTIFIER,
    OPERATORS,
    TABLES,
    TYPES,
    UNIONS,
    VERSION,
    Signature,
)
from edge_agent.errors import BundleError

# What a network's values may take if none shared its memory; a large one for a Pi takes a tenth.
MAX_VALUES_BYTES = 1 << 30
MAX_RANK = 8
# Of 8-bit types, what a zero point may be.
ZERO_POINTS = {"int8": (-128, 127), "uint8": (0, 255)}


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of a sound file: its values are there if it is a constant."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    size: int
    values: NDArray[Any] | None
    quantised: bool


@dataclass(frozen=True, eq=False)
class Operator:
    """An operator of a sound file; `where` names it in errors, None is an input left out."""

    signature: Signature
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: Fields
    where: str


def check_model(model: bytes, place: str) -> None:
    """Refuse a TFLite file that a runtime could not be shown without danger.

    Raises:
        BundleError: it is damaged, contradicts itself, or has what no model of this project has:
            several graphs, state, custom operators, operators unknown to `tflite_schema`.
    """
    if model[4:8] != IDENTIFIER:
        raise BundleError(
            f"{place}: expected a TFLite file, {IDENTIFIER!r} in byte 4, found {model[4:8]!r}"
        )
    _Check(model, place).graph()


class _Check:
    """One file's checks; every error names the file and the place in it."""

    def __init__(self, file: bytes, place: str) -> None:
        self._place = place
        self._file = file
        self._model = Reader(file, TABLES, UNIONS, place).root("Model")
        self._buffers: list[NDArray[Any]] = []

    def graph(self) -> list[Operator]:
        """The operators of the file's one graph, all of them sound."""
        model = self._model
        self._expect("Model.version", VERSION, model["version"])
        self._expect(
            "Model.subgraphs", "one", len(model["subgraphs"]), len(model["subgraphs"]) == 1
        )
        graph = model["subgraphs"][0]
        self._check_buffers()
        tensors = [self._tensor(f, f"tensor {i}") for i, f in enumerate(graph["tensors"])]
        values = sum(t.size for t in tensors if t.values is None)
        self._expect(
            "all tensors", f"at most {MAX_VALUES_BYTES} bytes", values, values <= MAX_VALUES_BYTES
        )
        operators = [
            self._operator(fields, tensors, f"operator {number}")
            for number, fields in enumerate(graph["operators"])
        ]
        self._check_order(graph, tensors, operators)
        self._check_signatures(len(tensors))
        return operators

    def _check_buffers(self) -> None:
        for number, fields in enumerate(self._model["buffers"]):
            self._buffers.append(self._buffer(fields, f"buffer {number}"))
        for metadata in self._model["metadata"]:
            self._index("metadata", metadata["buffer"], len(self._buffers), "a buffer")
        for index in self._model["metadata_buffer"]:
            self._index("metadata", int(index), len(self._buffers), "a buffer")

    def _buffer(self, fields: Fields, where: str) -> NDArray[Any]:
        """A buffer's bytes: in its table, or, as some converters have it, behind all tables."""
        data: NDArray[Any] = fields["data"]
        start, size = fields["offset"], fields["size"]
        if not start and not size:
            return data
        sound = not len(data) and start + size <= len(self._file)
        self._expect(where, "its bytes within the file", f"{size} at {start}", sound)
        return np.frombuffer(self._file, np.uint8, size, start)

    def _tensor(self, fields: Fields, where: str) -> Tensor:
        name = fields["name"].decode(errors="replace")
        where = f"{where} {name[:64]!r}"
        stateful = fields["is_variable"] or fields["sparsity"] is not None
        self._expect(where, "a plain tensor", "a variable or sparse one", not stateful)
        self._expect(
            where,
            f"a type of {', '.join(map(str, TYPES))}",
            fields["type"],
            fields["type"] in TYPES,
        )
        dtype, bits = TYPES[fields["type"]]
        shape = tuple(int(n) for n in fields["shape"])
        self._expect(where, "sides of 1 or more", shape, all(n > 0 for n in shape))
        self._expect(where, f"at most {MAX_RANK} sides", len(shape), len(shape) <= MAX_RANK)
        signature = tuple(int(n) for n in fields["shape_signature"])
        same = len(signature) in (0, len(shape)) and all(
            s in (-1, n) for s, n in zip(signature, shape, strict=False)
        )
        self._expect(f"{where}: shape_signature", f"{shape}, or -1 in it", signature, same)
        size = (math.prod(shape) * bits + 7) // 8
        data = self._data(fields["buffer"], where)
        self._expect(f"{where}: data", f"{size} bytes", len(data), len(data) in (0, size))
        quantised = self._check_quantisation(fields["quantization"], dtype, shape, where)
        return Tensor(name, shape, dtype, size, _values(data, dtype, shape), quantised)

    def _data(self, buffer: int, where: str) -> NDArray[Any]:
        if not buffer and not self._buffers:
            return np.empty(0, np.uint8)  # the first is empty by convention, and may be left out
        self._index(where, buffer, len(self._buffers), "a buffer")
        return self._buffers[buffer]

    def _check_quantisation(
        self, fields: Fields | None, dtype: str, shape: tuple[int, ...], where: str
    ) -> bool:
        if fields is None:
            return False
        custom = fields["details_type"] or fields["details"] is not None
        self._expect(where, "a scale and a zero point", "custom quantisation", not custom)
        scales, zeros = fields["scale"], fields["zero_point"]
        count = len(scales)
        if not count:
            return False
        self._expect(f"{where}: zero_point", f"1 or {count}", len(zeros), len(zeros) in (1, count))
        axis = fields["quantized_dimension"]
        self._index(f"{where}: quantized_dimension", axis, max(1, len(shape)), "a side")
        if count > 1:
            along = shape[axis] if shape else 1
            self._expect(f"{where}: scale", f"1 or {along}", count, count == along)
        sound = bool(np.all(np.isfinite(scales)) and np.all(scales > 0))
        self._expect(f"{where}: scale", "finite numbers above 0", scales[:4], sound)
        low, high = ZERO_POINTS.get(dtype, (-(2**31), 2**31 - 1))
        sound = bool(np.all(zeros >= low) and np.all(zeros <= high))
        self._expect(f"{where}: zero_point", f"{low} to {high}", zeros[:4], sound)
        return True

    def _operator(self, fields: Fields, tensors: list[Tensor], where: str) -> Operator:
        signature = self._signature(fields["opcode_index"], where)
        where = f"{where} {signature.name}"
        options = fields["builtin_options"]
        self._check_options(fields, signature, where)
        inputs = [int(i) for i in fields["inputs"]]
        counts = f"{signature.least} to {signature.most} inputs"
        fits = signature.least <= len(inputs) <= signature.most
        self._expect(where, counts, len(inputs), fits)
        read: list[Tensor | None] = []
        for number, index in enumerate(inputs):
            if index == -1 and number >= signature.least:
                read.append(None)
                continue
            self._index(f"{where}: input {number}", index, len(tensors), "a tensor")
            read.append(tensors[index])
        for number in signature.constants:
            tensor = read[number]
            constant = tensor is not None and tensor.values is not None
            self._expect(f"{where}: input {number}", "a constant", "none", constant)
        for index in fields["outputs"]:
            self._index(f"{where}: output", int(index), len(tensors), "a tensor")
        written = tuple(tensors[int(i)] for i in fields["outputs"])
        return Operator(signature, tuple(read), written, options or {}, where)

    def _signature(self, index: int, where: str) -> Signature:
        codes = self._model["operator_codes"]
        self._index(where, index, len(codes), "an operator code")
        # Codes above 127 stand in the newer field alone; older files have only the older one.
        code = max(codes[index]["builtin_code"], codes[index]["deprecated_builtin_code"])
        if code == CUSTOM:
            name = codes[index]["custom_code"][:64].decode(errors="replace")
            raise self._error(where, "a builtin operator", f"the custom operator {name!r}")
        if code not in OPERATORS:
            raise self._error(where, "an operator that is known", f"number {code}")
        self._expect(
            f"{where}: version", "1 or more", codes[index]["version"], codes[index]["version"] >= 1
        )
        return OPERATORS[code]

    def _check_options(self, fields: Fields, signature: Signature, where: str) -> None:
        kind = UNIONS["BuiltinOptions"].get(fields["builtin_options_type"], "")
        allowed = {signature.options} if signature.needed else {signature.options, ""}
        self._expect(
            where, signature.options or "no options", kind or "no options", kind in allowed
        )
        custom = len(fields["custom_options"]) + len(fields["intermediates"])
        variables = bool(np.any(fields["mutating_variable_inputs"]))
        self._expect(where, "nothing custom", "custom options", not custom and not variables)

    def _check_order(self, graph: Fields, tensors: list[Tensor], operators: list[Operator]) -> None:
        """Every value is written once, before it is read; what the file holds is never written."""
        ready: set[int] = {id(t) for t in tensors if t.values is not None}
        for number in ("inputs", "outputs"):
            for index in graph[number]:
                self._index(f"graph: {number}", int(index), len(tensors), "a tensor")
            self._expect(f"graph: {number}", "at least one", 0, len(graph[number]) > 0)
        for tensor in [tensors[int(i)] for i in graph["inputs"]]:
            self._expect("graph: inputs", "each once", tensor.name, id(tensor) not in ready)
            ready.add(id(tensor))
        for operator in operators:
            for read in operator.inputs:
                sound = read is None or id(read) in ready
                self._expect(
                    operator.where,
                    "inputs that are written before it",
                    "" if read is None else repr(read.name),
                    sound,
                )
            self._expect(operator.where, "an output", "none", len(operator.outputs) > 0)
            for written in operator.outputs:
                self._expect(
                    operator.where,
                    "an output that nothing else writes",
                    repr(written.name),
                    id(written) not in ready,
                )
                ready.add(id(written))
        for tensor in [tensors[int(i)] for i in graph["outputs"]]:
            self._expect(
                "graph: outputs", "values that are written", repr(tensor.name), id(tensor) in ready
            )

    def _check_signatures(self, tensors: int) -> None:
        for entry in self._model["signature_defs"]:
            self._expect("signature: subgraph_index", 0, entry["subgraph_index"])
            for port in (*entry["inputs"], *entry["outputs"]):
                self._index("signature", port["tensor_index"], tensors, "a tensor")

    def _index(self, where: str, index: int, count: int, what: str) -> None:
        self._expect(where, f"{what} from 0 to {count - 1}", index, 0 <= index < count)

    def _expect(
        self, where: str, expected: object, found: object, holds: bool | None = None
    ) -> None:
        if not (expected == found if holds is None else holds):
            raise self._error(where, str(expected), str(found))

    def _error(self, where: str, expected: str, found: str) -> BundleError:
        return BundleError(f"{self._place}: {where}: expected {expected}, found {found}")


def _values(data: NDArray[Any], dtype: str, shape: tuple[int, ...]) -> NDArray[Any] | None:
    """A constant's values, as an array that shares the file's memory; None without any."""
    if not len(data):
        return None
    if dtype == "int4":
        return data  # two in a byte; no kernel takes what decides a shape from them
    values: NDArray[Any] = data.view(np.dtype(dtype).newbyteorder("<")).reshape(shape)
    return values

