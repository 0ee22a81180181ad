"""Whether two pictures are one: laid over each other as well as may be, then compared.

OpenCV's ECC (G. Evangelidis, E. Psarakis, "Parametric image alignment using enhanced
correlation coefficient maximization", 2008) finds the affine map and the correlation that is
left, which neither brightness nor contrast changes.
"""

import cv2
import numpy as np

from edge_agent.common.arrays import U8
from pipeline.near.hashes import VIEWS, laid
from pipeline.near.search import Candidate
from pipeline.near.thumbnail import SIDE

# Copies of 1,120 photographs come to 0.96 and more; the most alike unrelated two to 0.88, and
# two fields of cells to 0.92.
SAME = 0.94
_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
_EVERYWHERE = np.full((SIDE, SIDE), 255, np.uint8)  # the mask of what is compared
_BLUR = 5  # pixels: makes up for another encoding, and lets the search see further
_LEAST_OVERLAP = 0.7
_LARGEST_SCALE = 1.6


def likeness(thumbs: U8, pair: Candidate) -> float:
    """The correlation, up to 1, of what the two of `pair` both show; 0 where they share little."""
    part = laid(thumbs[pair.part], pair.side)
    left, top, right, bottom = VIEWS[pair.view]
    # From a place in the part to its place in the whole, in pixels.
    start = np.array(
        [[right - left, 0, left * (SIDE - 1)], [0, bottom - top, top * (SIDE - 1)]], np.float32
    )
    try:
        found, warp = cv2.findTransformECC(
            np.ascontiguousarray(part),
            thumbs[pair.whole],
            start,
            cv2.MOTION_AFFINE,
            _STOP,
            _EVERYWHERE,
            _BLUR,
        )
    except cv2.error:
        return 0.0  # it did not converge: they have nothing in common
    return float(found) if _plausible(warp) else 0.0


def _plausible(warp: np.ndarray) -> bool:
    """Whether the map is one that a crop, a turn or a move of the camera makes."""
    scales = np.linalg.svd(warp[:, :2], compute_uv=False)
    if scales.max() > _LARGEST_SCALE or scales.min() < 1 / _LARGEST_SCALE:
        return False
    whole = np.ones((SIDE, SIDE), np.uint8)
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    covered = cv2.warpAffine(whole, warp, (SIDE, SIDE), flags=flags)
    return bool(covered.mean() >= _LEAST_OVERLAP)
