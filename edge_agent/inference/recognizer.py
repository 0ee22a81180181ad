"""`Recognizer`: an image in, an answer out; the composition the device runs.

The host's `verify` replays a bundle's golden frames through it, and measures the very
`Network` it is made of, so what it measures is what the device does.
"""

import time
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from edge_agent.bundle.archive import Bundle
from edge_agent.bundle.golden import GoldenFrame
from edge_agent.bundle.manifest import Manifest
from edge_agent.bundle.ports import Ports, Raw
from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import F32, I8, U8
from edge_agent.common.errors import BundleError
from edge_agent.inference.network import Network
from edge_agent.tasks.classify.answer import Classification
from edge_agent.tasks.classify.decode import classify
from edge_agent.tasks.classify.spec import ClassifySpec
from edge_agent.tasks.kinds import OutputSpec, Result
from edge_agent.tasks.ocr.decode.ctc import read_text
from edge_agent.tasks.ocr.spec import TextSpec


class Recognizer(Protocol):
    """Anything that answers for an image, in two steps.

    One thread may prepare the next image while another answers for the last.
    """

    def prepare(self, image: U8, order: ColourOrder = "rgb") -> I8:
        """The network's (1, h, w, C) input for `image`, (H, W, 3) in `order` or (H, W) grey."""
        ...

    def answer(self, x: I8) -> Result:
        """The answer for a prepared image."""
        ...

    def scores(self, x: I8) -> F32:
        """The network's output for a prepared image, for whoever decodes it by rules of its own."""
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
        self._ports = Ports.of(manifest)
        self._network = Network(bundle.model, self._ports, threads, str(bundle.path))
        self.runtime = self._network.runtime
        self.golden_quanta = self._replay()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._network.close()

    def __call__(self, image: U8, order: ColourOrder = "rgb") -> Result:
        """The answer for `image`, (H, W, 3) in `order` or (H, W) grey."""
        return self.answer(self.prepare(image, order))

    def prepare(self, image: U8, order: ColourOrder = "rgb") -> I8:
        """As `Recognizer.prepare`: at the network's size and colour, quantised."""
        return self._network.prepare(image, order)

    def answer(self, x: I8) -> Result:
        """As `Recognizer.answer`: invoke and decode."""
        return self.decode(self._network.infer(x))

    def scores(self, x: I8) -> F32:
        """As `Recognizer.scores`: (1, K) of a classifier, (1, T, K) of a text network."""
        return self._ports.real(self._network.infer(x))[0]

    def decode(self, raws: tuple[Raw, ...]) -> Result:
        """The answer that raw outputs stand for."""
        return _decode(self._ports.real(raws), self.bundle.manifest.output)

    def timed(self, image: U8, order: ColourOrder = "rgb") -> tuple[Result, Timings]:
        """As calling it, with the time each step took."""
        raws, preprocess_s, invoke_s = self._network.timed(image, order)
        start = time.perf_counter()
        result = self.decode(raws)
        return result, Timings(preprocess_s, invoke_s, time.perf_counter() - start)

    def _replay(self) -> int:
        """Replay the golden frames; the largest difference seen, in quanta."""
        worst = 0
        for number, frame in enumerate(self.bundle.golden):
            place = f"{self.bundle.path}: golden frame {number} on {self.runtime}"
            try:
                raws = self._network(frame.image)
            except RuntimeError as error:  # a kernel refuses what it was given, when it runs
                raise BundleError(f"{place}: cannot be run: {error}") from error
            worst = max(worst, self._quanta(frame, raws, place))
            expected, found = said(self.decode(frame.outputs)), said(self.decode(raws))
            if expected != found:
                raise BundleError(f"{place}: expected {expected!r}, found {found!r}")
        return worst

    def _quanta(self, frame: GoldenFrame, raws: tuple[Raw, ...], place: str) -> int:
        """How far int8 outputs are from the frame's, at most; raises beyond the tolerance.

        Whole numbers are places among scores, of which any quantum may change one, and floats
        have no quantum: of these the answer alone has to be the same.
        """
        worst, tolerance = 0, self.bundle.manifest.golden.tolerance_quanta
        for port, expected, raw in zip(self._ports.outputs, frame.outputs, raws, strict=True):
            if port.affine is None:
                continue
            quanta = int(np.abs(raw.astype(np.int32) - expected.astype(np.int32)).max())
            if quanta > tolerance:
                raise BundleError(
                    f"{place}: expected output {port.name!r} within {tolerance} quanta, "
                    f"found {quanta} off"
                )
            worst = max(worst, quanta)
        return worst


def decode_outputs(raws: tuple[Raw, ...], manifest: Manifest) -> Result:
    """The answer that raw outputs of the network of `manifest` stand for."""
    return _decode(Ports.of(manifest).real(raws), manifest.output)


def _decode(outputs: tuple[F32, ...], spec: OutputSpec) -> Result:
    scores = outputs[0]
    match spec:
        case ClassifySpec():
            return classify(scores, spec)
        case TextSpec():
            return read_text(scores, spec)


def said(result: Result) -> str:
    """What must be the same on every machine: the class or the text."""
    return result.label if isinstance(result, Classification) else result.text


def open_recognizer(bundle: Bundle, threads: int = 1) -> TfliteRecognizer:
    """The recogniser of `bundle`, proven against its golden frames; see `TfliteRecognizer`."""
    return TfliteRecognizer(bundle, threads)
