"""`LatestFrame`: the slot between a camera and the model."""

import threading

import numpy as np

from edge_agent.sources.base import Frame, bgr_frame
from edge_agent.sources.latest import LatestFrame


def frame(seq: int) -> Frame:
    return bgr_frame(np.zeros((2, 2, 3), np.uint8), seq)


def test_the_freshest_is_taken_and_the_rest_are_counted() -> None:
    """Three frames, one look: two were dropped."""
    slot = LatestFrame()
    for seq in range(3):
        slot.put(frame(seq))
    taken = slot.take(1)
    assert taken is not None
    assert taken.seq == 2
    assert slot.dropped == 2


def test_a_frame_is_taken_once() -> None:
    """Looking at the same frame twice would be a lie about freshness."""
    slot = LatestFrame()
    slot.put(frame(0))
    assert slot.take(1) is not None
    assert slot.take(0.01) is None
    assert slot.dropped == 0


def test_closing_wakes_whoever_waits() -> None:
    """A dead camera must not keep the agent from ending."""
    slot, got = LatestFrame(), list[Frame | None]()
    waiting = threading.Thread(target=lambda: got.append(slot.take(60)))
    waiting.start()
    slot.close()
    waiting.join(5)
    assert got == [None]


def test_nothing_is_taken_after_closing() -> None:
    """An end is an end, even with a frame left in the slot."""
    slot = LatestFrame()
    slot.put(frame(0))
    slot.close()
    assert slot.take(1) is None
