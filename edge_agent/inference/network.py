"""`Network`: an image in, the raw int8 output out; preprocessing and interpreter joined.

It takes a model as bytes and what its manifest says of it, so that the host can ask it
for the golden outputs before there is a bundle to hold them.
"""

import time
from typing import Self

import numpy as np

from edge_agent.bundle.manifest import MODEL_FILE, Manifest
from edge_agent.bundle.preprocess import ColourOrder, FastPreprocessor
from edge_agent.common.arrays import I8, U8
from edge_agent.common.errors import BundleError
from edge_agent.inference.runtime import Interpreter, Port


class Network:
    """A model that does what its manifest says; a context manager.

    Args:
        model: the bytes of the TFLite file.
        manifest: what it must be.
        threads: how many threads one inference may use.
        place: names the bundle in errors.

    Raises:
        BundleError: the model's shapes, types or scales are not the manifest's.
    """

    def __init__(self, model: bytes, manifest: Manifest, threads: int, place: str) -> None:
        self._preprocess = FastPreprocessor(manifest.input, manifest.quantisation.input)
        self._interpreter = Interpreter(model, threads, f"{place}/{MODEL_FILE}")
        self.runtime = self._interpreter.name
        _check_ports(self._interpreter, manifest, place)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the interpreter; the network cannot be used afterwards."""
        self._interpreter.close()

    def __call__(self, image: U8, order: ColourOrder = "rgb") -> I8:
        """The raw int8 output for an image, (H, W, 3) in `order` or (H, W) grey."""
        return self.infer(self.prepare(image, order))

    def prepare(self, image: U8, order: ColourOrder = "rgb") -> I8:
        """The network's (1, h, w, C) int8 input; any thread may ask, while another infers."""
        return self._preprocess(image, order)

    def infer(self, x: I8) -> I8:
        """The raw int8 output for a prepared input: (1, K), or (1, T, K) of a text."""
        return self._interpreter.infer(x)

    def timed(self, image: U8, order: ColourOrder = "rgb") -> tuple[I8, float, float]:
        """As calling it, with the seconds preprocessing and inference took."""
        start = time.perf_counter()
        x = self.prepare(image, order)
        ready = time.perf_counter()
        raw = self.infer(x)
        return raw, ready - start, time.perf_counter() - ready


def _check_ports(interpreter: Interpreter, manifest: Manifest, place: str) -> None:
    ports = (
        ("input", Port(manifest.input.shape, "int8", manifest.quantisation.input)),
        ("output", Port(manifest.output.shape, "int8", manifest.quantisation.output)),
    )
    for (name, expected), found in zip(ports, (interpreter.input, interpreter.output), strict=True):
        if not _same_port(expected, found):
            raise BundleError(
                f"{place}: the manifest and the model disagree on the {name}: "
                f"expected {expected}, found {found}"
            )


def _same_port(expected: Port, found: Port) -> bool:
    if expected.shape != found.shape or expected.dtype != found.dtype:
        return False
    if expected.affine is None or found.affine is None:
        return expected.affine is found.affine
    # The file stores float32 scales, the manifest the same number as JSON.
    same_scale = np.float32(expected.affine.scale) == np.float32(found.affine.scale)
    return bool(same_scale) and expected.affine.zero_point == found.affine.zero_point
