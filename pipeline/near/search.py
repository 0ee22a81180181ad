"""Which pictures may be near copies: every hash against every view's, in blocks of bounded size."""

from dataclasses import dataclass

import numpy as np

from pipeline.common.progress import SILENT, Progress
from pipeline.near.hashes import BITS, Hashes

# How many bits may differ among so many pictures. Of 627,000 pairs of unrelated photographs 999
# are within 14, 132 within 12 and 16 within 10; each costs an alignment of two milliseconds.
_NEAR = ((3_000, 14), (20_000, 12))
_NEAR_OF_MANY = 10
_NEIGHBOURS = 8  # at most so many are looked at of each picture: frames of a film are all alike
_BLOCK = 4_000_000  # products held at once: 16 MB


@dataclass(frozen=True, order=True)
class Candidate:
    """Two pictures that may be copies.

    Args:
        distance: how many of 64 bits differ.
        whole: the number of the picture that may show more.
        part: of the one that looks like its view.
        view: the number of that view.
        side: how `part` has to be turned or mirrored for it, see `laid`.
    """

    distance: int
    whole: int
    part: int
    view: int
    side: int


def candidates(hashes: Hashes, progress: Progress = SILENT) -> list[Candidate]:
    """The likely pairs, nearest first; of each picture the nearest few."""
    count = len(hashes.views)
    most = next((bits for limit, bits in _NEAR if count <= limit), _NEAR_OF_MANY)
    rows = max(1, _BLOCK // max(count, 1))
    found: list[Candidate] = []
    with progress.task("compare images", count) as task:
        for start in range(0, count, rows):
            block = hashes.views[start : start + rows]
            found += _of_block(hashes, block, start, most)
            task.advance(len(block))
    return sorted(found)


def _of_block(hashes: Hashes, block: np.ndarray, start: int, most: int) -> list[Candidate]:
    """Pairs of which the pictures of `block`, (B, V, 64), are the whole."""
    shared: np.ndarray | None = None
    for whole in hashes.sides:
        for view in range(block.shape[1]):
            product = block[:, view] @ whole.T  # (B, N), 64 less twice the bits that differ
            shared = product if shared is None else np.maximum(shared, product, out=shared)
    assert shared is not None
    inside = np.arange(len(shared))
    shared[inside, start + inside] = -BITS  # not with itself
    found: list[Candidate] = []
    for row in np.flatnonzero((shared >= BITS - 2 * most).any(axis=1)):
        near = np.flatnonzero(shared[row] >= BITS - 2 * most)
        order = np.argsort(-shared[row, near], kind="stable")[:_NEIGHBOURS]
        found += [_describe(hashes, start + int(row), int(part)) for part in near[order]]
    return found


def _describe(hashes: Hashes, whole: int, part: int) -> Candidate:
    """The view, and the side, by which `part` is most like `whole`."""
    sides = hashes.sides[:, part]
    shared = hashes.views[whole] @ sides.T  # (V, 8)
    view, side = np.unravel_index(int(shared.argmax()), shared.shape)
    distance = int(BITS - shared[view, side]) // 2
    return Candidate(distance, whole, part, int(view), int(side))
