"""The memory of an agent above that of its interpreter and model alone."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from daemon.running import DEVICE, Memory, capture_process, memory, running_agent, write_config

from edge_agent.client import Subscriber
from edge_agent.contract.messages import ResultMessage

# Python, numpy, the runtime, and the model loaded and invoked; nothing of the agent.
BARE = """
import os, sys
from pathlib import Path
import numpy as np
try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    from tflite_runtime.interpreter import Interpreter
interpreter = Interpreter(model_content=Path(sys.argv[1]).read_bytes(), num_threads=1)
interpreter.allocate_tensors()
port = interpreter.get_input_details()[0]
for _ in range(50):
    interpreter.set_tensor(port["index"], np.zeros(port["shape"], np.int8))
    interpreter.invoke()
print(flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class Footprint:
    """The processes of an agent at work.

    Args:
        agent: its own.
        capture: the camera's; None where there is no camera.
    """

    agent: Memory
    capture: Memory | None


def bare_footprint(model: Path) -> Memory:
    """A process with numpy, the interpreter and the model, which has been invoked."""
    command = [sys.executable, "-c", BARE, str(model)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        if not process.stdout.readline():
            raise SystemExit("the bare interpreter did not run")
        found = memory(process.pid)
        process.stdin.close()
        return found


def agent_footprint(
    folder: Path, url: str, bundle: Path, source: str, results: int = 200
) -> Footprint:
    """An agent that has published so many results.

    Raises:
        SystemExit: it does not get there.
    """
    folder.mkdir()
    config = write_config(folder, url, bundle, source, "threads = 1")
    with Subscriber(url, DEVICE) as subscriber, running_agent(config) as process:
        while results:
            delivery = subscriber.receive(60)
            if delivery is None:
                raise SystemExit("no result within 60 s")
            results -= isinstance(delivery.message, ResultMessage)
        capture = capture_process(process.pid)
        return Footprint(memory(process.pid), None if capture is None else memory(capture))
