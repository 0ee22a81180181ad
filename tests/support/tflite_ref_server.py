"""Runs TFLite files by the reference kernels of whatever runtime this Python has, on request.

A request on stdin is a pickle of (model bytes, input dtype, input shape, input bytes); the
answer on stdout one of {tensor name: (dtype, shape, bytes)} or of the error's text. Imports
nothing of this project: it also runs where only tflite-runtime is installed.
"""

import pickle
import sys
from typing import Any

import numpy as np

try:
    from tflite_runtime.interpreter import Interpreter, OpResolverType
except ImportError:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType


def tensors(model: bytes, x: Any) -> dict[str, Any]:
    """Every tensor the file's network writes, by name, and its input."""
    interpreter = Interpreter(
        model_content=model,
        num_threads=1,
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    (source,) = interpreter.get_input_details()
    interpreter.set_tensor(source["index"], x)
    interpreter.invoke()
    written = [source["index"]]
    for operator in interpreter._get_ops_details():
        written.extend(operator["outputs"])
    names = {d["index"]: d["name"] for d in interpreter.get_tensor_details()}
    # A tensor without a name has no details.
    return {names[i]: np.array(interpreter.get_tensor(i)) for i in written if i in names}


def main() -> None:
    """Answer until stdin closes."""
    while True:
        try:
            model, dtype, shape, data = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            found = tensors(model, np.frombuffer(data, dtype).reshape(shape))
            answer: Any = {n: (a.dtype.str, a.shape, a.tobytes()) for n, a in found.items()}
        except (RuntimeError, ValueError) as error:
            answer = str(error)
        sys.stdout.buffer.write(pickle.dumps(answer))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
