"""Pictures made ahead: by processes of their own they are the same, and in the same order."""

import os
import signal
from collections.abc import Callable

import numpy as np
import pytest

from edge_agent.bundle.manifest import InputSpec
from pipeline.errors import TrainError
from pipeline.text.render import Synthetic
from pipeline.text.workers import PicturePool

SPEC = InputSpec(height=32, width=64, colour="rgb", mean=(0.5,) * 3, std=(0.25,) * 3)
NUMBERS = [range(0, 3), range(3, 5), range(5, 9), range(9, 10), range(10, 13), range(13, 14)]


def test_processes_make_the_same_pictures(synthetic: Callable[..., Synthetic]) -> None:
    """One other process and none give equal batches in equal order, at the network's size."""
    with PicturePool(synthetic(), SPEC, workers=1) as other:
        made = list(other.batches(NUMBERS))
    here = list(PicturePool(synthetic(), SPEC).batches(NUMBERS))
    assert [len(batch.texts) for batch in made] == [3, 2, 4, 1, 3, 1]
    for a, b in zip(made, here, strict=True):
        assert a.texts == b.texts
        assert a.pixels.shape == (len(a.texts), 32, 64, 3)
        np.testing.assert_array_equal(a.pixels, b.pixels)


def test_a_dead_process_is_one_error(synthetic: Callable[..., Synthetic]) -> None:
    """Killed, it does not leave the training waiting for ever."""
    with PicturePool(synthetic(), SPEC, workers=1) as pool:
        batches = pool.batches([[n] for n in range(1000)])
        next(batches)
        assert pool._pool is not None
        for process in list(pool._pool._processes):
            os.kill(process, signal.SIGKILL)
        with pytest.raises(TrainError, match=r"^synthetic: expected the processes that make"):
            list(batches)


def test_a_batch_left_behind_leaves_nothing_running(synthetic: Callable[..., Synthetic]) -> None:
    """Whoever stops after one batch can close the pool at once."""
    with PicturePool(synthetic(), SPEC) as pool:
        assert len(next(pool.batches(NUMBERS)).texts) == 3
