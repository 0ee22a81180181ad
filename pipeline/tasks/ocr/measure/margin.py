"""The smallest change of a reader's scores that changes the text.

A text hangs on which output is the largest at each time step, but not on every step of it: at
the border of two characters the first may go on for a step, or the blank begin, and the text
is the same. So what is asked is not which step is closest, but from which difference on some
choice of nearly largest outputs writes something else.
"""

import numpy as np

from edge_agent.common.arrays import F32

# More beginnings than this are no clear reading, whatever they would come to.
_MOST = 256


def margin(output: F32) -> float:
    """The least difference of outputs that, taken for none, lets (T, K) write another text.

    The blank is the last output. Infinite if nothing else can be written.
    """
    gaps = output.max(axis=1, keepdims=True) - output
    steps = np.unique(gaps)
    low, high = 0, len(steps)  # below `low` one text only, from `high` on more
    if not _one_text(gaps, float(steps[0])):
        return 0.0
    while high - low > 1:
        middle = (low + high) // 2
        if _one_text(gaps, float(steps[middle])):
            low = middle
        else:
            high = middle
    return float(steps[high]) if high < len(steps) else float("inf")


def _one_text(gaps: F32, within: float) -> bool:
    """Whether all paths over outputs at most `within` below the largest write the same."""
    blank = gaps.shape[1] - 1
    begun: set[tuple[tuple[int, ...], int]] = {((), blank)}  # what is written, and the last output
    for row in gaps <= within:
        begun = {
            (text if k in (blank, last) else (*text, k), k)
            for text, last in begun
            for k in map(int, np.flatnonzero(row))
        }
        if len(begun) > _MOST:
            return False
    return len({text for text, _ in begun}) == 1
