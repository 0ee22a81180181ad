"""`TfliteRecognizer`: an image in, an answer out: a bundle's network, and how its task decodes.

The host's `verify` replays a bundle's golden frames through it, and measures the very
`Network` it is made of, so what it measures is what the device does.
"""

import time
from dataclasses import dataclass
from typing import Self

import numpy as np

from edge_agent.bundle.archive import Bundle
from edge_agent.bundle.golden import GoldenFrame
from edge_agent.bundle.manifest import Manifest
from edge_agent.bundle.ports import Ports, Raw
from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import F32, I8, U8
from edge_agent.common.errors import BundleError
from edge_agent.inference.network import Network
from edge_agent.tasks.kinds import Result
from edge_agent.tasks.registry import task_of


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
        self._task, self._ports = task_of(manifest.output), Ports.of(manifest)
        self._network = Network(bundle.model, self._ports, threads, str(bundle.path))
        self.runtime = self._network.runtime
        self.golden_quanta = self._replay()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._network.close()

    def __call__(self, image: U8, order: ColourOrder = "rgb") -> Result:
        """The answer for `image`, (H, W, 3) in `order` or (H, W) grey."""
        return self.decode(self._network(image, order))

    def prepare(self, image: U8, order: ColourOrder = "rgb") -> I8:
        """As `Recognizer.prepare`: at the network's size and colour, quantised."""
        return self._network.prepare(image, order)

    def scores(self, x: I8) -> tuple[F32, ...]:
        """As `Recognizer.scores`."""
        return self._ports.real(self._network.infer(x))

    def decode(self, raws: tuple[Raw, ...]) -> Result:
        """The answer that raw outputs stand for."""
        outputs = self._ports.real(raws)
        result: Result = self._task.decode(outputs, self.bundle.manifest.output)
        return result

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
            expected, found = self.decode(frame.outputs), self.decode(raws)
            differs = self._task.difference(expected, found, self.bundle.manifest.output)
            if differs:
                raise BundleError(f"{place}: {differs}")
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
    spec, scores = manifest.output, Ports.of(manifest).real(raws)
    result: Result = task_of(spec).decode(scores, spec)
    return result
