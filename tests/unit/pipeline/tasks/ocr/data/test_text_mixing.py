"""Which pictures a step sees: every real one in turn, no synthetic one twice, by numbers alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.common.distributed import Ranks
from pipeline.common.errors import DataError
from pipeline.tasks.ocr.data.mixing import Mixture

ALONE = Ranks()


def real_row(mixture: Mixture, steps: int, seed: int = 3, ranks: Ranks = ALONE) -> list[int]:
    """The real pictures of the first `steps` steps, one after another."""
    numbers: list[int] = []
    for step in range(steps):
        epoch, within = divmod(step, mixture.steps)
        numbers += mixture.real_numbers(seed, epoch, within, ranks).tolist()
    return numbers


@given(st.integers(5, 40), st.integers(2, 9), st.sampled_from([0.0, 0.3, 0.5, 0.9]))
def test_every_real_picture_comes_once_before_any_comes_again(
    pool: int, batch: int, share: float
) -> None:
    """The row of real pictures is one order of all of them after another, across epochs."""
    mixture = Mixture.of(pool, batch, share, 0, ALONE)
    assert mixture.real + mixture.synthetic == min(batch, pool + mixture.synthetic)
    row = real_row(mixture, 3 * pool)
    assert sorted(row[:pool]) == sorted(row[pool : 2 * pool]) == list(range(pool))
    assert mixture.steps * mixture.real >= pool


def test_orders_differ() -> None:
    """The second round is not the first one's order, nor is another seed's."""
    mixture = Mixture.of(20, 5, 0.0, 0, ALONE)
    row = real_row(mixture, 8)
    assert row[:20] != row[20:]
    assert row != real_row(mixture, 8, seed=4)


def test_synthetic_pictures_never_come_twice() -> None:
    """Steps and epochs take the numbers 0, 1, 2, ... in turn."""
    mixture = Mixture.of(10, 8, 0.5, 24, ALONE)
    numbers = [
        n for epoch in range(2) for step in range(3)
        for n in mixture.synthetic_numbers(epoch, step, ALONE)
    ]  # fmt: skip
    assert (mixture.real, mixture.synthetic, mixture.steps) == (4, 4, 3)
    assert numbers == list(range(24))


def test_ranks_share_a_batch() -> None:
    """Two processes see what one would see, each its half of either kind."""
    pair = Ranks(0, 2), Ranks(1, 2)
    mixture = Mixture.of(20, 8, 0.5, 0, pair[0])
    whole = mixture.real_numbers(1, 0, 2, ALONE).tolist()
    halves = [mixture.real_numbers(1, 0, 2, ranks).tolist() for ranks in pair]
    assert halves == [whole[0::2], whole[1::2]]
    made = [list(mixture.synthetic_numbers(0, 2, ranks)) for ranks in pair]
    assert sorted(made[0] + made[1]) == [8, 9, 10, 11]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ((0, 8, 0.5, 0), "train: expected real images for a synthetic share of 0.5"),
        (
            (0, 8, 1.0, 0),
            "train: expected epoch_images above 0 where every image is synthetic, found 0",
        ),
        (
            (1, 8, 0.0, 0),
            "train: expected at least 2 images per batch for each of 1 process(es), and one of "
            "each kind, found batches of 1 real and 0 synthetic ones",
        ),
        ((10, 8, 0.5, 7), "train: expected epoch_images to fill a batch of 8, found 7"),
    ],
)
def test_mixtures_that_cannot_be_had_are_refused(
    arguments: tuple[int, int, float, int], found: str
) -> None:
    """Nothing real, no end, too few, too short: each says so."""
    with pytest.raises(DataError) as error:
        Mixture.of(*arguments, ALONE)
    assert str(error.value) == found


def test_a_small_share_is_not_rounded_away() -> None:
    """One synthetic picture of eight at a share of 1 %, one real one at 99 %."""
    few, many = (Mixture.of(100, 8, share, 0, ALONE) for share in (0.01, 0.99))
    assert (few.synthetic, many.real) == (1, 1)
