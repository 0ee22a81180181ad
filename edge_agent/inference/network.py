"""`Network`: an image in, the raw outputs out; preprocessing and interpreter joined.

It takes a model as bytes and the ports it must have, so that the host can ask it for the
golden outputs before there is a bundle to hold them.
"""

import time
from typing import Self

import numpy as np

from edge_agent.bundle.affine import Affine
from edge_agent.bundle.manifest import MODEL_FILE
from edge_agent.bundle.placement import Placement
from edge_agent.bundle.ports import Ports, Raw
from edge_agent.bundle.preprocess import ColourOrder, FastPreprocessor
from edge_agent.common.arrays import I8, U8
from edge_agent.common.errors import BundleError
from edge_agent.inference.runtime import Interpreter, InterpreterPort


class Network:
    """A model that has the ports it must have; a context manager.

    Args:
        model: the bytes of the TFLite file.
        ports: what its ends must be.
        threads: how many threads one inference may use.
        place: names the bundle in errors.

    Raises:
        BundleError: the model has another number of outputs, or other shapes, types or scales.
    """

    def __init__(self, model: bytes, ports: Ports, threads: int, place: str) -> None:
        self.ports = ports
        self._preprocess = FastPreprocessor(ports.input, ports.affine)
        self._interpreter = Interpreter(model, threads, f"{place}/{MODEL_FILE}")
        self.runtime = self._interpreter.name
        _check_ports(self._interpreter, ports, place)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the interpreter; the network cannot be used afterwards."""
        self._interpreter.close()

    def __call__(self, image: U8, order: ColourOrder = "rgb") -> tuple[Raw, ...]:
        """The raw outputs for an image, (H, W, 3) in `order` or (H, W) grey."""
        return self.infer(self.prepare(image, order))

    def prepare(self, image: U8, order: ColourOrder = "rgb") -> I8:
        """The network's (1, h, w, C) int8 input; any thread may ask, while another infers."""
        return self._preprocess(image, order)

    def placement(self, height: int, width: int) -> Placement:
        """Where the pixels of a frame of `height` x `width` lie in the input, and back."""
        return self._preprocess.placement(height, width)

    def infer(self, x: I8) -> tuple[Raw, ...]:
        """The raw outputs for a prepared input, an array for each of the ports' outputs."""
        return self._interpreter.infer(x)

    def timed(self, image: U8, order: ColourOrder = "rgb") -> tuple[tuple[Raw, ...], float, float]:
        """As calling it, with the seconds preprocessing and inference took."""
        start = time.perf_counter()
        x = self.prepare(image, order)
        ready = time.perf_counter()
        raws = self.infer(x)
        return raws, ready - start, time.perf_counter() - ready


def _check_ports(interpreter: Interpreter, ports: Ports, place: str) -> None:
    wanted = len(ports.outputs)
    if wanted != len(interpreter.outputs):
        count = "one output" if wanted == 1 else f"{wanted} outputs"
        names = ", ".join(repr(port.name) for port in ports.outputs)
        raise BundleError(
            f"{place}/{MODEL_FILE}: expected {count}, {names}, found {len(interpreter.outputs)}"
        )
    ends = [
        ("input", InterpreterPort(ports.input.shape, "int8", ports.affine), interpreter.input),
        *(
            (f"output {port.name!r}", InterpreterPort(port.shape, port.dtype, port.affine), found)
            for port, found in zip(ports.outputs, interpreter.outputs, strict=True)
        ),
    ]
    for name, expected, found in ends:
        if not _same_port(expected, found):
            raise BundleError(
                f"{place}: the manifest and the model disagree on the {name}: "
                f"expected {expected}, found {found}"
            )


def _same_port(expected: InterpreterPort, found: InterpreterPort) -> bool:
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return False
    return _same_scale(expected.affine, found.affine)


def _same_scale(expected: Affine | None, found: Affine | None) -> bool:
    if expected is None or found is None:
        return expected is found
    # The file stores float32 scales, the manifest the same number as JSON.
    same_scale = np.float32(expected.scale) == np.float32(found.scale)
    return bool(same_scale) and expected.zero_point == found.zero_point
