"""How long TFLite files take on whatever runtime this environment has, in turns.

    python latency.py ROUNDS FILE...

One thread. In each round every file runs for a few hundredths of a second, so that what else
the machine does meets all of them. Prints JSON: for each file the median milliseconds of
each round, or why it does not run. Imports nothing of this project.
"""

import json
import sys
import time
from typing import Any

import numpy as np

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    from tflite_runtime.interpreter import Interpreter

ROUND_S = 0.03
WARM_UP = 3


def opened(path: str) -> Any:
    """The interpreter with an input of noise, or the reason why there is none."""
    try:
        interpreter = Interpreter(path, num_threads=1)
        interpreter.allocate_tensors()
        source = interpreter.get_input_details()[0]
        noise = np.random.default_rng(0).integers(-128, 128, source["shape"])
        interpreter.set_tensor(source["index"], noise.astype(source["dtype"]))
        for _ in range(WARM_UP):
            interpreter.invoke()
    except (ValueError, RuntimeError) as error:
        return str(error).strip().splitlines()[0]
    return interpreter


def median_ms(interpreter: Any) -> float:
    """Of the invocations of one round."""
    times: list[float] = []
    while sum(times) < ROUND_S or len(times) < 3:
        start = time.perf_counter()
        interpreter.invoke()
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


rounds, paths = int(sys.argv[1]), sys.argv[2:]
files = {path: opened(path) for path in paths}
result: dict[str, Any] = {path: f if isinstance(f, str) else [] for path, f in files.items()}
for number in range(rounds):
    # Back and forth: whoever comes first in a round has no other file before it.
    for path, interpreter in sorted(files.items(), reverse=bool(number % 2)):
        if not isinstance(interpreter, str):
            result[path].append(median_ms(interpreter))
print(json.dumps(result))
