"""A loop that only invokes the interpreter; run by the Python to measure, it prints JSON.

python benchmarks/daemon/bare.py BUNDLE SECONDS
"""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_agent.bundle.archive import open_bundle
from edge_agent.inference.runtime import Interpreter, runtime_name

WARM_UP = 20


@dataclass(frozen=True)
class Bare:
    """What such a loop found: inferences per second, and by which runtime."""

    per_s: float
    runtime: str


def bare_in(python: Path, bundle: Path, seconds: float) -> Bare:
    """What the loop finds in a process of `python`, whose runtime may be another than ours."""
    words = [str(python), __file__, str(bundle), str(seconds)]
    return Bare(**json.loads(subprocess.run(words, check=True, capture_output=True).stdout))


def invokes_per_s(bundle: Path, seconds: float) -> float:
    """Inferences per second of the interpreter alone: input set, invoked, output fetched."""
    with Interpreter(open_bundle(bundle).model) as interpreter:
        x = np.zeros(interpreter.input.shape, np.int8)
        for _ in range(WARM_UP):
            interpreter.infer(x)
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds:
            interpreter.infer(x)
            count += 1
        return count / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    bundle, seconds = sys.argv[1:]
    found = invokes_per_s(Path(bundle), float(seconds))
    sys.stdout.write(json.dumps({"per_s": found, "runtime": runtime_name()}))


if __name__ == "__main__":
    main()
