"""Loads and runs TFLite files as the agent does, in a process that may die of it.

Each request on stdin is the length of a file, 4 bytes, and the file; each answer on stdout a line:
`refused REASON` if the agent's own check refuses it, `runtime REASON` if the runtime does, `ran`.
Needs edge_agent and what it needs, in whatever environment it is started.
"""

import resource
import struct
import sys

import numpy as np

from edge_agent.common.errors import BundleError
from edge_agent.inference import runtime

# Of what one small network takes, many times as much.
MEMORY_BYTES = 4 << 30


def answer(model: bytes) -> str:
    """What became of a file."""
    try:
        with runtime.Interpreter(model) as interpreter:
            port = interpreter.input
            x = np.random.default_rng(0).integers(0, 100, port.shape).astype(port.dtype)
            for _ in range(2):
                interpreter.infer(x)
    except BundleError as error:
        text = str(error)
        return f"{'runtime' if ' cannot ' in text else 'refused'} {text}"
    except RuntimeError as error:
        return f"runtime {error}"
    return "ran"


def main() -> None:
    """Answer until stdin closes."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    while size := sys.stdin.buffer.read(4):
        said = answer(sys.stdin.buffer.read(struct.unpack("<I", size)[0]))
        sys.stdout.write(said.replace("\n", " ").encode("ascii", "replace").decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
