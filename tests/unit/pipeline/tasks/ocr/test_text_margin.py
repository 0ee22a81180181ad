"""How clear a reading is: the least difference that lets another text be written."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edge_agent.common.arrays import F32
from pipeline.tasks.ocr.measure.margin import margin

BLANK = 2  # of the characters a, b and the blank


def written(path: tuple[int, ...]) -> tuple[int, ...]:
    """What a path writes, the plain way: runs are one, blanks go."""
    return tuple(k for k, _ in itertools.groupby(path) if k != BLANK)


def scores(*rows: tuple[float, float, float]) -> F32:
    """Outputs for a, b and the blank at each time step."""
    return np.array(rows, np.float32)


def test_the_closest_other_text_counts() -> None:
    """a, then b two ahead of a: with the two taken for equal it may be a alone."""
    assert margin(scores((9, 0, 0), (5, 7, 0))) == 2


def test_a_border_between_characters_may_go_either_way() -> None:
    """Where a ends and the blank begins makes no difference; a b between them would."""
    assert margin(scores((9, 0, 0), (5, 0, 5.5), (0, 0, 9))) == 5.5


def test_equal_outputs_have_no_margin() -> None:
    """Whichever of two equal outputs comes first would decide."""
    assert margin(scores((5, 5, 0))) == 0


def test_where_nothing_else_can_be_written_there_is_no_limit() -> None:
    """A network with the blank alone reads nothing, whatever comes."""
    assert margin(np.zeros((4, 1), np.float32)) == float("inf")


@given(arrays.arrays(np.int8, (4, 3), elements=st.integers(-20, 20)))
def test_it_is_what_trying_every_path_gives(outputs: np.ndarray) -> None:
    """Over all paths: the least loss at its worst step of one that writes something else."""
    values = outputs.astype(np.float32)
    gaps = values.max(axis=1, keepdims=True) - values
    paths = list(itertools.product(range(3), repeat=4))
    best = written(tuple(int(k) for k in values.argmax(axis=1)))
    others = [
        max(gaps[t, k] for t, k in enumerate(path)) for path in paths if written(path) != best
    ]
    assert margin(values) == min(others)
