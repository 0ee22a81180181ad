"""`Recognizer`: an image in, an answer out; the composition the device runs.

The host's `verify` runs this very module, so what it measures is what the device does.
"""

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from edge_agent.arrays import I8, U8
from edge_agent.bundle.archive import Bundle
from edge_agent.bundle.preprocess import ColourOrder, FastPreprocessor
from edge_agent.decode.classify import classify
from edge_agent.errors import BundleError
from edge_agent.results import Result
from edge_agent.runtime import Interpreter, Port


class Recognizer(Protocol):
    """Anything that answers for an image; safe to call from one thread at a time."""

    def __call__(self, image: U8, order: ColourOrder = "rgb") -> Result:
        """The answer for `image`, (H, W, 3) in `order` or (H, W) grey."""
        ...


@dataclass(frozen=True)
class Timings:
    """How long the three steps of one answer took, in seconds."""

    preprocess_s: float
    invoke_s: float
    decode_s: float

    @property
    def total_s(self) -> float:
        """The whole answer, in seconds."""
        return self.preprocess_s + self.invoke_s + self.decode_s


class TfliteRecognizer:
    """A bundle, opened and proven on this machine; a context manager.

    Args:
        bundle: an opened bundle.
        threads: how many threads one inference may use.

    Raises:
        BundleError: the model's shapes, types or scales are not the manifest's, or the
            golden frames do not give the outputs they must.
    """

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        self.bundle = bundle
        manifest = bundle.manifest
        self._output, self._affine = manifest.output, manifest.quantisation.output
        self._preprocess = FastPreprocessor(manifest.input, manifest.quantisation.input)
        self._interpreter = Interpreter(bundle.model, threads)
        self.runtime = self._interpreter.name
        _check_ports(bundle, self._interpreter)
        self.golden_quanta = _replay(bundle, self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._interpreter.close()

    def __call__(self, image: U8, order: ColourOrder = "rgb") -> Result:
        """The answer for `image`, (H, W, 3) in `order` or (H, W) grey."""
        return self.decode(self.raw(image, order))

    def raw(self, image: U8, order: ColourOrder = "rgb") -> I8:
        """The network's int8 output for `image`, before decoding; (1, K)."""
        return self._interpreter.infer(self._preprocess(image, order))

    def decode(self, raw: I8) -> Result:
        """The answer a raw output stands for."""
        return classify(self._affine.dequantize(raw), self._output)

    def timed(self, image: U8, order: ColourOrder = "rgb") -> tuple[Result, Timings]:
        """As calling it, with the time each step took."""
        start = time.perf_counter()
        x = self._preprocess(image, order)
        ready = time.perf_counter()
        raw = self._interpreter.infer(x)
        done = time.perf_counter()
        result = self.decode(raw)
        return result, Timings(ready - start, done - ready, time.perf_counter() - done)


def open_recognizer(bundle: Bundle, threads: int = 1) -> TfliteRecognizer:
    """The recogniser of `bundle`, proven against its golden frames; see `TfliteRecognizer`."""
    return TfliteRecognizer(bundle, threads)


def _check_ports(bundle: Bundle, interpreter: Interpreter) -> None:
    manifest = bundle.manifest
    expected_in = Port(manifest.input.shape, "int8", manifest.quantisation.input)
    classes = (1, len(manifest.output.labels))
    expected_out = Port(classes, "int8", manifest.quantisation.output)
    for name, expected, found in (
        ("input", expected_in, interpreter.input),
        ("output", expected_out, interpreter.output),
    ):
        if not _same_port(expected, found):
            raise BundleError(
                f"{bundle.path}: the manifest and the model disagree on the {name}: "
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


def _replay(bundle: Bundle, recognizer: TfliteRecognizer) -> int:
    """Replay the golden frames; the largest difference seen, in quanta."""
    worst = 0
    tolerance = bundle.manifest.golden.tolerance_quanta
    for number, frame in enumerate(bundle.golden):
        raw = recognizer.raw(frame.image).reshape(-1)
        place = f"{bundle.path}: golden frame {number} on {recognizer.runtime}"
        if raw.shape != frame.output.shape:
            raise BundleError(f"{place}: expected {frame.output.size} outputs, found {raw.size}")
        quanta = int(np.abs(raw.astype(np.int32) - frame.output.astype(np.int32)).max())
        if quanta > tolerance:
            raise BundleError(
                f"{place}: expected outputs within {tolerance} quanta, found {quanta} off"
            )
        expected, found = recognizer.decode(frame.output), recognizer.decode(raw)
        if expected.label != found.label:
            raise BundleError(f"{place}: expected {expected.label!r}, found {found.label!r}")
        worst = max(worst, quanta)
    return worst
