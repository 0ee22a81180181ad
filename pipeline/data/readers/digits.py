"""The handwritten digits that come with scikit-learn: 1,797 real scans of 8x8 pixels.

ClassSource: UCI "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, 1998), the
test half, as `sklearn.datasets.load_digits` ships it. Strokes are light on dark.
"""

import numpy as np

from edge_agent.common.arrays import U8
from pipeline.data.base import Split
from pipeline.data.classes import ClassSource
from pipeline.data.pool import Pool, digest


def read_digits() -> ClassSource:
    """All digits as one pool of (8, 8) images, 0 to 255."""
    # Imported here: scikit-learn takes a second that the other data sets need not wait.
    from sklearn.datasets import load_digits

    found = load_digits()
    # Each pixel counts the set points of a 4x4 cell, 0 to 16.
    images: U8 = np.rint(found.images * (255 / 16)).astype(np.uint8)  # (1797, 8, 8)
    ids = tuple(f"digits/{number:04d}" for number in range(len(images)))
    split = Split(images, found.target.astype(np.int64), ids)
    pool = Pool(split, tuple(digest(image) for image in images))
    return ClassSource("digits", pool, labels=tuple("0123456789"))
