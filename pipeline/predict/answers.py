"""`Predictor`: a picture in, what the device would publish of it out, for every task."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeAlias

from edge_agent.bundle.archive import Bundle
from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import F32, U8
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.tasks.classify.decode import classify
from edge_agent.tasks.classify.spec import ClassifySpec
from edge_agent.tasks.kinds import Result
from edge_agent.tasks.ocr.line_reader import LineReader
from edge_agent.tasks.ocr.spec import TextSpec

NOT_SURE = "not sure"


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a bundle answers for one picture.

    Args:
        answer: the class or the text; empty where nothing can be read.
        confidence: its calibrated probability, in [0, 1].
        sure: whether the device would take it for a sure, or accepted, answer.
        why: why not; empty where it is.
        result: the whole answer, as on the device.
        scores: (K,) of a classifier; None of a reader of texts.
        latency_ms: preprocessing, inference and decoding, on this machine.
    """

    answer: str
    confidence: float
    sure: bool
    why: str
    result: Result
    scores: F32 | None
    latency_ms: float


_Answer: TypeAlias = Callable[[U8, ColourOrder], Prediction]


class Predictor:
    """A bundle, opened and proven on this machine; a context manager.

    A classifier looks at the whole picture. A reader of texts takes the picture for one
    line, through the gates that the device has before its network.

    Raises:
        BundleError: the bundle does not run here, or fails its own golden frames.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._recognizer = TfliteRecognizer(bundle)
        self.runtime = self._recognizer.runtime
        match bundle.manifest.output:
            case ClassifySpec() as spec:
                self._answer = _classifier(self._recognizer, spec)
            case TextSpec() as spec:
                self._answer = _reader(self._recognizer, spec)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._recognizer.__exit__()

    def __call__(self, image: U8, order: ColourOrder = "rgb") -> Prediction:
        """The answer for `image`, (H, W, 3) in `order` or (H, W) grey."""
        return self._answer(image, order)


def _classifier(recognizer: TfliteRecognizer, spec: ClassifySpec) -> _Answer:
    def answer(image: U8, order: ColourOrder) -> Prediction:
        start = time.perf_counter()
        scores = recognizer.scores(recognizer.prepare(image, order))[0].reshape(-1)
        result = classify(scores, spec)
        taken = _milliseconds(start)
        why = "" if result.sure else NOT_SURE
        return Prediction(result.label, result.confidence, result.sure, why, result, scores, taken)

    return answer


def _reader(recognizer: TfliteRecognizer, spec: TextSpec) -> _Answer:
    read = LineReader(recognizer, spec)

    def answer(image: U8, order: ColourOrder) -> Prediction:
        start = time.perf_counter()
        text, verdict = read(image, order, None)
        taken = _milliseconds(start)
        sure = verdict.state == "accepted"
        why = "" if sure else f"{verdict.state}: {verdict.why}"
        return Prediction(text.text, text.confidence, sure, why, text, None, taken)

    return answer


def _milliseconds(start: float) -> float:
    return (time.perf_counter() - start) * 1000
