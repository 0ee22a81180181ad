"""The digit reader of jomjol's neural-network-digital-counter-readout, beside its pictures.

One wheel in, one of eleven classes out: 0 to 9, and `NaN` for a wheel between two digits.
The int8 file takes float32 and quantises it with scale 1 and zero point -128: pixels as they
are, 0 to 255, RGB. Other scalings read far worse with both files.
"""

from pathlib import Path
from typing import Self

import cv2
import numpy as np

from edge_agent.common.arrays import F32, U8
from edge_agent.inference.runtime import Interpreter
from pipeline.tasks.ocr.charset import BETWEEN, DIGITS

INT8, FLOAT = "dig-class11_2000_s2_q.tflite", "dig-class11_2000_s2.tflite"
CLASSES = DIGITS + BETWEEN


class DigitReader:
    """One of its networks; a context manager.

    Args:
        path: the .tflite file.
    """

    def __init__(self, path: Path) -> None:
        self.size = path.stat().st_size
        self._interpreter = Interpreter(path.read_bytes(), place=str(path))
        _, self._height, self._width, _ = self._interpreter.input.shape

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._interpreter.close()

    def read(self, image: U8) -> str:
        """The digit on an (H, W, 3) RGB picture, or `BETWEEN`."""
        size = (self._width, self._height)
        sized = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        x: F32 = np.asarray(sized, np.float32)[np.newaxis]
        (scores,) = self._interpreter.infer(x)
        return CLASSES[int(scores.argmax())]
