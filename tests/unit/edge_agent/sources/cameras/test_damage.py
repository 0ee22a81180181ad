"""Grey bands: what a truncated picture ends in."""

import numpy as np
import pytest

from edge_agent.common.arrays import U8
from edge_agent.sources.cameras.damage import GreyBand, grey_rows


def scene(seed: int = 0) -> U8:
    return np.random.default_rng(seed).integers(0, 256, (64, 96, 3), np.uint8)


def banded(rows: int, level: int = 128) -> U8:
    image = scene()
    image[64 - rows :] = level
    return image


@pytest.mark.parametrize("rows", [0, 1, 8, 40, 64])
def test_grey_rows_at_the_bottom_are_counted(rows: int) -> None:
    """All of them and no more."""
    assert grey_rows(banded(rows)) == rows


@pytest.mark.parametrize("level", [0, 60, 124, 132, 255])
def test_other_even_colours_are_a_scene(level: int) -> None:
    """Must not fire: night, a letterbox, a wall in the light."""
    assert grey_rows(banded(20, level)) == 0


def test_a_row_with_one_other_pixel_is_not_grey() -> None:
    """Must not fire: a real grey floor has noise."""
    image = banded(20)
    image[-1, 0, 0] = 120
    assert grey_rows(image) == 0


def test_a_band_that_appears_is_damage() -> None:
    """After a picture without one; and the next picture without one is well."""
    band = GreyBand()
    assert band.problem(scene()) == ""
    assert band.problem(banded(16)) == (
        "truncated: expected a picture to its last row, found 16 rows of grey"
    )
    assert band.problem(scene(1)) == ""
    assert band.problem(banded(7)) == ""


def test_a_band_that_was_always_there_is_part_of_the_scene() -> None:
    """Must not fire: some cameras write the date on a grey bar."""
    band = GreyBand()
    assert {band.problem(banded(16)) for _ in range(5)} == {""}
