"""TFLite files written out by hand, and the runtimes' reference kernels that judge them."""

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

Array = NDArray[Any]
SERVER = Path(__file__).parent / "tflite_ref_server.py"
OTHER_RUNTIME = "EDGEWARD_TFLITE_PYTHON"
TYPES = {
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.uint8): schema.TensorType.UINT8,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int64): schema.TensorType.INT64,
    np.dtype(np.float32): schema.TensorType.FLOAT32,
}


@dataclass(frozen=True, eq=False)
class T:
    """A tensor of a file: with `data` a constant, with `scale` quantised."""

    shape: Sequence[int]
    scale: float | Sequence[float] | None = None
    zero: int = 0
    dtype: Any = np.int8
    data: Array | None = None
    axis: int = 0


def constant(data: Array, scale: float | Sequence[float] | None = None, **more: Any) -> T:
    """A tensor whose values stand in the file."""
    return T(data.shape, scale, dtype=data.dtype, data=data, **more)


@dataclass
class File:
    """A file under construction: operators over tensors that are added as they appear."""

    graph: Any = field(default_factory=schema.SubGraphT)
    model: Any = field(default_factory=schema.ModelT)

    def __post_init__(self) -> None:
        empty = schema.BufferT()
        self.model.version, self.model.buffers = 3, [empty]
        self.model.operatorCodes, self.model.subgraphs = [], [self.graph]
        self.graph.tensors, self.graph.operators = [], []
        self.indices: dict[int, int] = {}
        self.kept: list[T] = []

    def then(
        self,
        name: str,
        inputs: Sequence[T | None],
        outputs: Sequence[T],
        options: Mapping[str, Any] | None = None,
        *,
        version: int = 1,
        kind: str = "",
    ) -> Self:
        """Append operator `name`; `kind` is the schema's options table if not by its name."""
        code, operator = schema.OperatorCodeT(), schema.OperatorT()
        code.builtinCode, code.version = getattr(schema.BuiltinOperator, name), version
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        operator.opcodeIndex = len(self.model.operatorCodes)
        self.model.operatorCodes.append(code)
        operator.inputs = [-1 if t is None else self.index(t) for t in inputs]
        operator.outputs = [self.index(t) for t in outputs]
        if kind:
            operator.builtinOptions = getattr(schema, f"{kind}T")()
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            for key, value in (options or {}).items():
                assert hasattr(operator.builtinOptions, key), key
                setattr(operator.builtinOptions, key, value)
        self.graph.operators.append(operator)
        return self

    def index(self, tensor: T) -> int:
        """The index of a tensor, added if it is new."""
        if id(tensor) not in self.indices:
            self.kept.append(tensor)  # an id is free again once its owner is gone
            self.indices[id(tensor)] = len(self.graph.tensors)
            self.graph.tensors.append(self._made(tensor))
        return self.indices[id(tensor)]

    def _made(self, tensor: T) -> Any:
        made = schema.TensorT()
        made.name, made.shape = f"t{len(self.graph.tensors)}", [int(n) for n in tensor.shape]
        made.type, made.buffer = TYPES[np.dtype(tensor.dtype)], 0
        if tensor.data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(tensor.data).tobytes(), np.uint8)
            made.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        if tensor.scale is not None:
            made.quantization = schema.QuantizationParametersT()
            scales = [tensor.scale] if isinstance(tensor.scale, float) else list(tensor.scale)
            made.quantization.scale = [float(s) for s in scales]
            made.quantization.zeroPoint = [tensor.zero] * len(scales)
            made.quantization.quantizedDimension = tensor.axis
        return made

    def bytes(self, source: T, result: T) -> bytes:
        """The file of a network that reads `source` and returns `result`."""
        self.graph.inputs, self.graph.outputs = [self.index(source)], [self.index(result)]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


class RefusedError(Exception):
    """The runtime does not take the file, and says why."""


class DiedError(Exception):
    """The runtime took the file and did not survive it."""


class Runtime:
    """A process that runs files by the reference kernels of one runtime."""

    def __init__(self, python: str) -> None:
        self.python = python
        self.start()

    def start(self) -> None:
        """Start the process, anew if it has ended."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        self.process = subprocess.Popen(
            [self.python, str(SERVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # its delegates and its refusals talk there
            env=environment,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()

    def trace(self, model: bytes, x: Array) -> dict[str, Array]:
        """Every tensor the network writes, by name; RefusedError if the runtime does not run it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        pickle.dump((model, x.dtype.str, x.shape, x.tobytes()), self.process.stdin)
        self.process.stdin.flush()
        try:
            answer = pickle.load(self.process.stdout)
        except EOFError:
            status = self.process.wait(timeout=10)
            self.close()
            self.start()  # the next file shall not suffer for this one
            raise DiedError(f"the runtime ended with status {status}") from None
        if isinstance(answer, str):
            raise RefusedError(answer)
        return {n: np.frombuffer(b, d).reshape(s) for n, (d, s, b) in answer.items()}


def runtimes() -> dict[str, str | None]:
    """Runtime name -> the Python that has it, if any."""
    return {"tflite-runtime": os.environ.get(OTHER_RUNTIME), "LiteRT": sys.executable}
