"""Learned rounding of a layer's weights, by its objective and by trying every rounding."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from quantization.remedies.rounding import BLOCK, learned, objective

F64 = NDArray[np.float64]


def problem(groups: int, outputs: int, n: int, seed: int = 0) -> tuple[F64, F64, F64, F64]:
    """Rows, scales, second and cross moments of inputs that are alike in part, as pixels are."""
    rng = np.random.default_rng(seed)
    xq = rng.normal(size=(groups, 300, n)) + rng.normal(size=(groups, 300, 1))
    off = 0.02 * rng.normal(size=xq.shape)
    rows = rng.normal(size=(groups, outputs, n))
    scales = np.abs(rows).max(axis=2, keepdims=True) / 127
    turned = xq.transpose(0, 2, 1)
    cross = (off @ rows.transpose(0, 2, 1)).transpose(0, 2, 1) @ xq / 300
    return rows, scales, turned @ xq / 300, cross


def test_the_objective_is_the_error_of_the_outputs() -> None:
    """It differs from E[(w x - wq xq)^2], taken sample by sample, by what no rounding changes."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(50, 4)), rng.normal(size=4)
    xq, scale = np.round(x, 1), np.full((1, 1, 1), 0.1)
    moments = (xq.T @ xq)[None] / 50, ((x - xq) @ w @ xq)[None, None] / 50
    for wq in (np.floor(w / 0.1), np.ceil(w / 0.1)):
        error = np.square(x @ w - xq @ (wq * 0.1)).mean() - np.square((x - xq) @ w).mean()
        found = objective(wq[None, None], w[None, None], scale, *moments)
        assert found == pytest.approx(error, rel=1e-9)


@pytest.mark.parametrize("shape", [(1, 8, 20), (6, 1, 9), (3, 4, 5), (1, 3, 2 * BLOCK + 7)])
def test_no_row_is_worse_than_by_nearest(shape: tuple[int, int, int]) -> None:
    """Every weight is its exact value rounded up or down, and most rows are better for it."""
    rows, scales, second, cross = problem(*shape)
    q = learned(rows, scales, second, cross)
    assert np.abs(q).max() <= 127
    assert np.isin(q - np.floor(rows / scales), (0, 1)).all()
    nearest = objective(np.rint(rows / scales), rows, scales, second, cross)
    found = objective(q, rows, scales, second, cross)
    assert (found <= nearest + 1e-12).all()
    assert found.mean() < nearest.mean() - 0.1 * abs(nearest.mean())


@pytest.mark.parametrize("shape", [(1, 2, 12), (2, 1, 2 * BLOCK + 3)])
def test_no_single_change_is_better(shape: tuple[int, int, int]) -> None:
    """It ends where no weight alone would gain by its other value, across blocks too."""
    rows, scales, second, cross = problem(*shape)
    q = learned(rows, scales, second, cross)
    best = objective(q, rows, scales, second, cross)
    low, high = np.floor(rows / scales), np.ceil(rows / scales)
    for j in range(shape[2]):
        other = q.copy()
        other[..., j] = (low + high - q)[..., j]
        assert (objective(other, rows, scales, second, cross) >= best - 1e-9 * abs(best)).all()


def test_tiny_rows_are_solved_as_by_trying_everything() -> None:
    """Of 200 rows of three weights, at least 90 % get the best of all eight roundings."""
    rows, scales, second, cross = problem(200, 1, 3)
    q = learned(rows, scales, second, cross)
    low = np.floor(rows / scales)
    tried = [
        objective(low + np.array(up), rows, scales, second, cross)
        for up in itertools.product((0, 1), repeat=3)
    ]
    best = np.min(tried, axis=0)
    solved = np.isclose(objective(q, rows, scales, second, cross), best, rtol=1e-9)
    assert solved.mean() >= 0.9


def test_inputs_that_are_not_alike_leave_the_nearest() -> None:
    """Where errors cannot make up for each other, rounding to nearest is best."""
    rows, scales, _, cross = problem(1, 5, 30)
    q = learned(rows, scales, np.eye(30)[None], 0 * cross)
    np.testing.assert_array_equal(q, np.rint(rows / scales))


def test_weights_on_the_grid_and_dead_inputs_stay() -> None:
    """A weight that is exact has one value; an input that is always 0 gives no reason to move."""
    rows, scales, second, cross = problem(1, 4, 6)
    exact = np.rint(rows / scales)
    np.testing.assert_array_equal(learned(exact * scales, scales, second, cross), exact)
    nothing = np.zeros_like(second)
    np.testing.assert_array_equal(learned(rows, scales, nothing, 0 * cross), exact)


def test_it_is_the_same_every_time() -> None:
    """Nothing is drawn at random."""
    given = problem(2, 3, 40)
    np.testing.assert_array_equal(learned(*given), learned(*given))
