"""Frames through shared memory, from a real process: none torn, none old, none twice."""

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pattern_camera import PERIOD
from support.patterns import pattern_cameras, pattern_source

from edge_agent.sources.live import LiveSource
from edge_agent.sources.memory.ring import SLOTS, RingReader, RingWriter, make_memory


def look(source: LiveSource, count: int, seed: int) -> list[int]:
    """The numbers of so many frames, taken at an uneven pace; each frame is whole."""
    rng, seen = random.Random(seed), list[int]()
    for frame in source:
        assert frame.image.min() == frame.image.max() == frame.seq % PERIOD
        seen.append(frame.seq)
        if len(seen) == count:
            break
        if rng.random() < 0.2:
            time.sleep(rng.random() * 0.005)
    return seen


def test_no_frame_is_torn_while_the_other_process_writes_as_fast_as_it_can() -> None:
    """Every byte of a frame is its number's; each comes once, in order; all others are counted."""
    with pattern_source("fast") as source:
        seen = look(source, 400, seed=1)
        assert seen == sorted(set(seen))
        assert len(seen) == 400
        counters = source.counters
        assert counters.corrupt == counters.respawned == 0
        assert counters.dropped >= seen[-1] + 1 - len(seen)


def test_three_that_share_a_camera_each_see_whole_frames() -> None:
    """One process, one ring, three paces."""
    cameras = pattern_cameras()
    with ExitStack() as owned, ThreadPoolExecutor(3) as pool:
        sources = [owned.enter_context(pattern_source("fast", cameras=cameras)) for _ in range(3)]
        looks = [pool.submit(look, source, 200, seed) for seed, source in enumerate(sources)]
        for seen in (future.result(120) for future in looks):
            assert seen == sorted(set(seen))
            assert len(seen) == 200
        assert len({source._supervisor for source in sources}) == 1


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_slot_belongs_to_one_side_at_a_time(data: st.DataObject) -> None:
    """In any order of handing over and giving back: what the reader holds never changes."""
    memory = make_memory()
    try:
        writer, reader = RingWriter(memory, (2, 3, 3)), RingReader(memory, (2, 3, 3))
        held: dict[int, int] = {}
        last: int | None = None
        for number in range(data.draw(st.integers(1, 40))):
            takes_back = data.draw(st.booleans())
            if held and takes_back:
                slot = data.draw(st.sampled_from(sorted(held)))
                assert np.unique(reader.copy(slot)).tolist() == [held.pop(slot)]
                writer.take_back(slot)
            free = writer.free(but=last)
            if free is None:
                assert len(held) >= SLOTS - 1
                continue
            assert free not in held
            writer.view(free)[...] = number
            writer.hand_over(free)
            held[free], last = number, free
            for slot, what in held.items():
                assert np.unique(reader.copy(slot)).tolist() == [what]
    finally:
        os.close(memory)
