"""The TFLite interpreter: the only module that imports one.

`ai-edge-litert` is preferred; `tflite-runtime` is its predecessor, the choice where no
LiteRT wheel exists. EDGEWARD_RUNTIME names one of the two to overrule the order.
"""

import importlib
import importlib.metadata
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.affine import Affine
from edge_agent.bundle.tflite.check import check_model
from edge_agent.common.errors import BundleError, RuntimeUnavailableError
from edge_agent.common.native_stderr import without_lines

# Distribution name -> module that has `Interpreter`, in order of preference.
RUNTIMES = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
}
CHOICE_VARIABLE = "EDGEWARD_RUNTIME"
CPU_INFO = Path("/proc/cpuinfo")
# Said by both runtimes at every start; no variable and no call turns it off.
DELEGATE_NOTICE = b"INFO: Created TensorFlow Lite XNNPACK delegate"


@dataclass(frozen=True)
class InterpreterPort:
    """One end of the network as the interpreter sees it: shape, type name and int8 scale."""

    shape: tuple[int, ...]
    dtype: str
    affine: Affine | None


class Interpreter:
    """One network, ready to run; a context manager that owns the native interpreter.

    Args:
        model: the bytes of a TFLite file with one input.
        threads: how many threads one inference may use; more can be slower.
        place: names the file in errors.

    Raises:
        BundleError: the file is not sound (`check_model`), not a model this runtime can load,
            or has several inputs.
        RuntimeUnavailableError: there is no runtime, or it does not run.
    """

    def __init__(self, model: bytes, threads: int = 1, place: str = "model") -> None:
        name, module = _runtime()
        self.name = name
        check_model(model, place)
        try:
            with without_lines(DELEGATE_NOTICE):
                self._native = module.Interpreter(model_content=model, num_threads=threads)
                self._native.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise BundleError(f"{place}: {name} cannot load it: {_first_line(error)}") from error
        inputs, outputs = self._native.get_input_details(), self._native.get_output_details()
        if len(inputs) != 1:
            raise BundleError(f"{place}: expected one input, found {len(inputs)}")
        self.input, self.outputs = _port(inputs[0]), tuple(_port(output) for output in outputs)
        self._in, self._outs = inputs[0]["index"], [output["index"] for output in outputs]
        self._place = place

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the native interpreter; it cannot be used afterwards."""
        self._native = None

    def infer(self, x: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Run the network once; an array for each of `outputs`, of that shape and type.

        Args:
            x: an array of the input's shape and type.

        Returns:
            The raw outputs, copied: the interpreter's own views die at the next call.
        """
        self._native.set_tensor(self._in, x)
        self._native.invoke()
        return tuple(self._native.get_tensor(index) for index in self._outs)


def runtime_name() -> str:
    """The runtime that will be used and its version, as `ai-edge-litert 2.3.0`."""
    return _runtime()[0]


def machine_name() -> str:
    """The processor this runs on, as its maker names it: where a latency was measured."""
    try:
        lines = CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    named = {key.strip(): value.strip() for key, value in pairs}
    # A Raspberry Pi names itself under `Model`, a PC its processor under `model name`.
    for key in ("Model", "model name", "Hardware"):
        if named.get(key):
            return f"{named[key]} ({platform.machine()})"
    return platform.processor() or platform.machine()


def _runtime() -> tuple[str, Any]:
    """The first runtime that truly runs, as (name with version, module)."""
    choice = os.environ.get(CHOICE_VARIABLE)
    if choice is not None and choice not in RUNTIMES:
        raise RuntimeUnavailableError(
            f"{CHOICE_VARIABLE}: expected one of {', '.join(RUNTIMES)}, found {choice!r}"
        )
    reasons = []
    for distribution in [choice] if choice else list(RUNTIMES):
        try:
            module = importlib.import_module(RUNTIMES[distribution])
            _refuse_numpy_2_with_tflite(distribution)
        except ImportError as error:
            reasons.append(f"{distribution}: {_first_line(error)}")
            continue
        return f"{distribution} {importlib.metadata.version(distribution)}", module
    raise RuntimeUnavailableError(
        "no TFLite runtime: expected ai-edge-litert or tflite-runtime, found neither usable "
        f"({'; '.join(reasons)}); install one: pip install ai-edge-litert, or on 32-bit Arm "
        "or by choice: pip install 'tflite-runtime>=2.14' 'numpy<2'"
    )


def _refuse_numpy_2_with_tflite(distribution: str) -> None:
    # tflite-runtime 2.14 is built against numpy 1 and does not declare it: with numpy 2 the
    # import succeeds and every Interpreter() then fails with an unrelated SystemError.
    if distribution == "tflite-runtime" and int(np.__version__.split(".")[0]) >= 2:
        raise ImportError(f"needs numpy below 2, found {np.__version__}: pip install 'numpy<2'")


def _port(details: dict[str, Any]) -> InterpreterPort:
    scale, zero_point = details["quantization"]
    dtype = np.dtype(details["dtype"]).name
    affine = Affine(float(scale), int(zero_point)) if dtype == "int8" and scale > 0 else None
    return InterpreterPort(tuple(int(n) for n in details["shape"]), dtype, affine)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
