"""What is in a TFLite file: its operators, and which of them compute in float."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

FLOATS = (schema.TensorType.FLOAT32, schema.TensorType.FLOAT16, schema.TensorType.FLOAT64)
NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}


@dataclass(frozen=True)
class Contents:
    """A file's operators by name, those of them with a float end, and its size.

    Args:
        operators: how many of each.
        floats: how many of each read or write a float tensor.
        float_ends: how many inputs and outputs of the network are float.
        kilobytes: of the file.
    """

    operators: Counter[str]
    floats: Counter[str]
    float_ends: int
    kilobytes: float

    @property
    def is_full_int8(self) -> bool:
        """Whether nothing in it is float."""
        return not self.floats and not self.float_ends


def contents(path: Path) -> Contents:
    """Walk all subgraphs of a file."""
    data = path.read_bytes()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    operators, floats = Counter[str](), Counter[str]()
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            name = NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)]
            ends = [i for i in (*operator.inputs, *operator.outputs) if i >= 0]
            operators[name] += 1
            floats[name] += any(graph.tensors[i].type in FLOATS for i in ends)
    graph = model.subgraphs[0]
    ports = (*graph.inputs, *graph.outputs)
    float_ends = sum(graph.tensors[i].type in FLOATS for i in ports)
    return Contents(operators, +floats, float_ends, len(data) / 1000)


def listed(operators: Counter[str]) -> str:
    """As `CONV_2D 9, ADD 3`, the most frequent first."""
    return ", ".join(f"{name} {count}" for name, count in operators.most_common())
