"""Run TFLite files by tflite-runtime's reference kernels, in whatever environment has it.

Usage: python tflite_runtime_worker.py FOLDER [AUTO]: for each NAME.tflite and NAME.in.npy
(N, ...) in the folder, writes NAME.outK.npy (N, ...) for each output K; with AUTO by the default
kernels. Imports nothing of this project.
"""

import sys
from pathlib import Path

import numpy as np
from tflite_runtime.interpreter import Interpreter, OpResolverType

KERNELS = OpResolverType[sys.argv[2] if len(sys.argv) > 2 else "BUILTIN_REF"]

for model in sorted(Path(sys.argv[1]).glob("*.tflite")):
    interpreter = Interpreter(str(model), num_threads=1, experimental_op_resolver_type=KERNELS)
    try:
        interpreter.allocate_tensors()
    except RuntimeError as error:
        raise SystemExit(f"{model.name}: {error}") from error
    (source,), results = interpreter.get_input_details(), interpreter.get_output_details()
    outputs: list[list[np.ndarray]] = [[] for _ in results]
    for sample in np.load(model.with_suffix(".in.npy")):
        interpreter.set_tensor(source["index"], sample[None])
        interpreter.invoke()
        for found, result in zip(outputs, results, strict=True):
            found.append(interpreter.get_tensor(result["index"]))
    for index, found in enumerate(outputs):
        np.save(model.with_suffix(f".out{index}.npy"), np.stack(found))
