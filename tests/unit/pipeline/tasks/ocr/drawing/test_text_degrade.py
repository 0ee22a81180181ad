"""What panes mirror: light with edges on part of a picture, the same by seed."""

from random import Random

import numpy as np
import pytest

from edge_agent.common.arrays import F32
from pipeline.tasks.ocr.drawing.degrade import reflect

SEEDS = range(40)


def mirrored(seed: int) -> F32:
    """What `reflect` adds to a plain grey picture, 32 by 128."""
    return reflect(np.full((32, 128), 100, np.float32), Random(seed)) - 100


@pytest.mark.parametrize("seed", SEEDS)
def test_a_pane_lightens_or_darkens_and_never_both(seed: int) -> None:
    """By at most 175 grey levels, those of a spark, and the picture keeps its shape and type."""
    light = mirrored(seed)
    assert light.dtype == np.float32
    assert light.shape == (32, 128)
    assert light.min() >= 0 or light.max() <= 0
    assert np.abs(light).max() <= 175


def test_most_panes_mirror_something_bright_in_a_part_of_the_picture() -> None:
    """What is mirrored seldom covers all; most of it is bright, a little is dark."""
    lights = [mirrored(seed) for seed in SEEDS]
    seen = [light for light in lights if np.abs(light).max() > 1]
    assert len(seen) > 0.7 * len(lights)
    assert np.mean([light.max() > 0 for light in seen]) > 0.6
    assert any(light.min() < -1 for light in seen)
    assert np.median([(np.abs(light) < 1).mean() for light in seen]) > 0.3


def test_the_same_generator_mirrors_the_same() -> None:
    """One seed, one picture; another seed, another one."""
    assert (mirrored(3) == mirrored(3)).all()
    assert (mirrored(3) != mirrored(4)).any()


def test_what_is_there_stays_beneath() -> None:
    """Light is added: the difference of two pictures is what it was."""
    image = np.random.default_rng(0).uniform(0, 200, (32, 128)).astype(np.float32)
    np.testing.assert_allclose(reflect(image, Random(5)) - image, mirrored(5), atol=1e-3)
