"""Whether a TFLite file is sound: looked at in full before C++ code that believes it.

The runtimes believe the offsets, indices and sizes in a file.
So everything that they follow is checked here: that it lies inside the file, and that
the graph it describes is one: every tensor's content of the size that its shape and type say,
every operator one that this project knows, reading what was written before it and writing what
its inputs and options give.
"""

from collections.abc import Sequence

from edge_agent.bundle.tflite.call import FileTensor, KernelCall
from edge_agent.bundle.tflite.flatbuffer import Fields, Reader
from edge_agent.bundle.tflite.refuse import Refuse
from edge_agent.bundle.tflite.scales import check_scales, check_types
from edge_agent.bundle.tflite.schema import (
    CUSTOM,
    IDENTIFIER,
    OPERATORS,
    TABLES,
    UNIONS,
    VERSION,
    Signature,
)
from edge_agent.bundle.tflite.shapes import given_shapes
from edge_agent.bundle.tflite.tensors import read_buffers, read_tensor
from edge_agent.common.errors import BundleError

# What a network's values may take if none shared its memory; a large one for a Pi takes a tenth.
MAX_VALUES_BYTES = 1 << 28


def check_model(model: bytes, place: str) -> None:
    """Refuse a TFLite file that a runtime could not be shown without danger.

    Raises:
        BundleError: it is damaged, contradicts itself, or has what no model of this project has:
            several graphs, state, custom operators, operators unknown to `schema`.
    """
    read_calls(model, place)


def read_calls(model: bytes, place: str) -> list[tuple[str, KernelCall]]:
    """The operators of a sound file by name, in their order; raises as `check_model` does."""
    refuse = Refuse(place)
    refuse.unless(
        model[4:8] == IDENTIFIER, f"a TFLite file, {IDENTIFIER!r} in byte 4", repr(model[4:8])
    )
    fields = Reader(model, TABLES, UNIONS, place).root("Model")
    refuse.unless(fields["version"] == VERSION, f"version {VERSION}", fields["version"])
    graphs = fields["subgraphs"]
    refuse.unless(len(graphs) == 1, "one graph", len(graphs))
    tensors = _read_tensors(fields, model, refuse)
    _check_signatures(fields, len(tensors), refuse)
    return _Graph(fields, tensors, refuse).calls()


def _read_tensors(model: Fields, file: bytes, refuse: Refuse) -> list[FileTensor]:
    buffers = read_buffers(model, file, refuse)
    tensors = [
        read_tensor(fields, buffers, refuse.at(f"tensor {number} {fields['name'][:64]!r}"))
        for number, fields in enumerate(model["subgraphs"][0]["tensors"])
    ]
    size = sum(tensor.size for tensor in tensors if tensor.values is None)
    refuse.unless(
        size <= MAX_VALUES_BYTES, f"values of at most {MAX_VALUES_BYTES} bytes in all", size
    )
    return tensors


def _check_signatures(model: Fields, tensors: int, refuse: Refuse) -> None:
    for entry in model["signature_defs"]:
        where = refuse.at(f"signature {entry['signature_key'][:64]!r}")
        where.index("a graph", entry["subgraph_index"], 1)
        for port in (*entry["inputs"], *entry["outputs"]):
            where.index("a tensor", port["tensor_index"], tensors)


class _Graph:
    """The operators of a file, in the order in which they run."""

    def __init__(self, model: Fields, tensors: list[FileTensor], refuse: Refuse) -> None:
        self._codes: Sequence[Fields] = model["operator_codes"]
        self._graph: Fields = model["subgraphs"][0]
        self._tensors = tensors
        self._refuse = refuse
        # What can be read by now: every value is written once, and no constant ever is.
        self._ready = {n for n, tensor in enumerate(tensors) if tensor.values is not None}

    def calls(self) -> list[tuple[str, KernelCall]]:
        """Every operator, all of them sound; and the graph's own inputs and outputs are too."""
        for index in self._ends("inputs"):
            self._write(index, self._refuse.at("inputs"))
        calls = [
            self._call(fields, self._refuse.at(f"operator {number}"))
            for number, fields in enumerate(self._graph["operators"])
        ]
        for index in self._ends("outputs"):
            self._read(index, self._refuse.at("outputs"))
        return calls

    def _ends(self, name: str) -> list[int]:
        ends = [int(index) for index in self._graph[name]]
        self._refuse.unless(bool(ends), f"{name}", "none")
        return ends

    def _read(self, index: int, refuse: Refuse) -> FileTensor:
        refuse.index("a tensor", index, len(self._tensors))
        name = self._tensors[index].name
        refuse.unless(index in self._ready, "what was written before", f"tensor {index} {name!r}")
        return self._tensors[index]

    def _write(self, index: int, refuse: Refuse) -> FileTensor:
        refuse.index("a tensor", index, len(self._tensors))
        name = self._tensors[index].name
        fresh = index not in self._ready
        refuse.unless(fresh, "what nothing else writes", f"tensor {index} {name!r}")
        self._ready.add(index)
        return self._tensors[index]

    def _call(self, fields: Fields, refuse: Refuse) -> tuple[str, KernelCall]:
        signature = self._signature(fields["opcode_index"], refuse)
        refuse = refuse.at(signature.name)
        _check_options(fields, signature, refuse)
        inputs = self._inputs(fields, signature, refuse)
        written = tuple(self._write(int(index), refuse) for index in fields["outputs"])
        call = KernelCall(inputs, written, fields["builtin_options"] or {})
        check_types(signature.name, call, refuse)
        check_scales(signature.name, call, refuse)
        try:
            expected = given_shapes(signature.name, call)
        except ValueError as error:
            raise BundleError(f"{refuse.place}: {error}") from error
        found = [tensor.shape for tensor in written]
        refuse.unless(found == expected, f"outputs of {expected}", found)
        return signature.name, call

    def _signature(self, index: int, refuse: Refuse) -> Signature:
        refuse.index("an operator code", index, len(self._codes))
        fields = self._codes[index]
        # Codes above 127 stand in the newer field alone; older files have only the older one.
        code = max(fields["builtin_code"], fields["deprecated_builtin_code"])
        custom = f"the custom operator {fields['custom_code'][:64]!r}"
        refuse.unless(code != CUSTOM, "a builtin operator", custom)
        refuse.unless(code in OPERATORS, "an operator that is known", f"number {code}")
        refuse.unless(fields["version"] >= 1, "a version of 1 or more", fields["version"])
        return OPERATORS[code]

    def _inputs(
        self, fields: Fields, signature: Signature, refuse: Refuse
    ) -> tuple[FileTensor | None, ...]:
        indices = [int(index) for index in fields["inputs"]]
        fits = signature.least <= len(indices) <= signature.most
        refuse.unless(fits, f"{signature.least} to {signature.most} inputs", len(indices))
        inputs = tuple(
            None if index == -1 and number >= signature.least else self._read(index, refuse)
            for number, index in enumerate(indices)
        )
        for number in signature.constants:
            tensor = inputs[number]
            constant = tensor is not None and tensor.values is not None
            refuse.unless(constant, f"a constant as input {number}", "a value")
        return inputs


def _check_options(fields: Fields, signature: Signature, refuse: Refuse) -> None:
    kind = UNIONS["BuiltinOptions"].get(fields["builtin_options_type"], "")
    wanted = kind == signature.options or not (kind or signature.needed)
    refuse.unless(wanted, signature.options or "no options", kind or "no options")
    custom = len(fields["custom_options"]) or len(fields["intermediates"])
    variables = any(fields["mutating_variable_inputs"])
    refuse.unless(not custom and not variables, "a builtin operator's fields", "others")
