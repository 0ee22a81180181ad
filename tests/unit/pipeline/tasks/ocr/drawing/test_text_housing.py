"""Housings: the digits stay as they were, and around their window is something else."""

from random import Random

import numpy as np
import pytest

from edge_agent.common.arrays import F32, U8
from pipeline.tasks.ocr.drawing.housing import Housing
from pipeline.tasks.ocr.drawing.place import Placing

DIGITS = (20, 60)  # rows and columns
AT = (40.0, 30.0)  # where they lie in the picture, x and y
LABEL = np.full((10, 40), 255, np.uint8)


def housed(seed: int, label: U8 | None = None) -> tuple[F32, F32]:
    """A picture of noise, 160 by 80, and the same with a housing around the digits in it."""
    image = np.random.default_rng(0).uniform(100, 200, (80, 160)).astype(np.float32)
    move = np.array([[1, 0, AT[0]], [0, 1, AT[1]], [0, 0, 1]])
    placing = Placing(move, (160, 80))
    return image, Housing(DIGITS, label).around(image, placing, Random(seed))


@pytest.mark.parametrize("seed", range(20))
def test_the_digits_are_left_alone(seed: int) -> None:
    """The window and its rim leave them free, though not all of their mask's margin."""
    image, found = housed(seed)
    inside = np.s_[32:48, 42:98]
    np.testing.assert_allclose(found[inside], image[inside], atol=1e-3)


@pytest.mark.parametrize("seed", range(20))
def test_outside_the_window_is_one_grey(seed: int) -> None:
    """Half a digit's height and a rim from the digits on three sides the noise is gone."""
    _, found = housed(seed)
    level = found[0, -1]
    assert 0 <= level <= 255
    for outside in (found[:18], found[63:], found[:, 113:]):
        assert np.ptp(outside) < 1e-3
        assert outside[0, 0] == level


def test_a_label_stands_outside_the_window() -> None:
    """Lighter or darker than the housing, on one side of the digits, never over them."""
    places = set()
    for seed in range(40):
        image, found = housed(seed, LABEL)
        inside = np.s_[32:48, 42:98]
        np.testing.assert_allclose(found[inside], image[inside], atol=1e-3)
        parts = {"above": found[:18, :113], "below": found[63:, :113], "right": found[:, 113:]}
        seen = {name for name, part in parts.items() if np.ptp(part) > 30}
        assert not {"above", "below"} <= seen
        places |= seen
    assert places == {"above", "below", "right"}


def test_some_windows_have_a_rim() -> None:
    """A line of another grey around the window: neither the housing's nor of the noise within."""
    greys = []
    for seed in range(40):
        _, count = np.unique(housed(seed)[1], return_counts=True)
        greys.append(int((count > 40).sum()))  # the noise has no grey twice
    assert set(greys) == {1, 2}
    assert 8 < greys.count(2) < 25


def test_the_same_generator_gives_the_same_housing() -> None:
    """One seed, one picture; another seed, another one."""
    assert (housed(3, LABEL)[1] == housed(3, LABEL)[1]).all()
    assert (housed(3, LABEL)[1] != housed(4, LABEL)[1]).any()
