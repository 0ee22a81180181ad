"""`Predictor`: a picture in, what the device would publish of it out, for every task."""

import time
from typing import Self

from edge_agent.bundle.archive import Bundle
from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import U8
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.tasks.kinds import task_name
from pipeline.evaluation.prediction import Prediction
from pipeline.tasks import task_named


class Predictor:
    """A bundle, opened and proven on this machine; a context manager.

    It looks at the whole picture, through the gates that the device has before its network.

    Raises:
        BundleError: the bundle does not run here, or fails its own golden frames.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._recognizer = TfliteRecognizer(bundle)
        self.runtime = self._recognizer.runtime
        spec = bundle.manifest.output
        judge = task_named(task_name(spec)).judge()
        self._answer = judge.answerer(self._recognizer, spec)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._recognizer.__exit__()

    def __call__(self, image: U8, order: ColourOrder = "rgb") -> tuple[Prediction, float]:
        """The answer for `image`, (H, W, 3) in `order` or (H, W) grey, and how long it took.

        That is preprocessing, inference and decoding on this machine, in milliseconds.
        """
        start = time.perf_counter()
        found = self._answer(image, order)
        return found, (time.perf_counter() - start) * 1000
