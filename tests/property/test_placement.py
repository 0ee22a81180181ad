"""Placements are exact both ways, for every resize, size and orientation."""

from typing import Literal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.placement import Placement
from edge_agent.bundle.preprocess import fit

Resize = Literal["stretch", "crop", "letterbox"]
sides = st.integers(1, 97)
shares = st.floats(0, 1)


@st.composite
def placements(draw: st.DrawFn) -> tuple[InputSpec, Placement]:
    """Any input and any frame, wide or high; a region of a larger frame in half of the cases."""
    resize: Resize = draw(st.sampled_from(("stretch", "crop", "letterbox")))
    spec = InputSpec(
        height=draw(sides),
        width=draw(sides),
        colour="gray",
        resize=resize,
        interpolation="area",
        mean=(0.0,),
        std=(1.0,),
    )
    height, width = draw(sides), draw(sides)
    placement = Placement.of(spec, height, width)
    if draw(st.booleans()):
        left, top = draw(st.integers(0, 9)), draw(st.integers(0, 9))
        more = draw(st.integers(0, 9))
        placement = placement.within(height + top + more, width + left, left, top)
    return spec, placement


def _inside(placement: Placement, x: float, y: float) -> tuple[float, float]:
    seen = placement.seen
    return seen.left + x * seen.width, seen.top + y * seen.height


@settings(max_examples=400, deadline=None)
@given(placements(), st.lists(st.tuples(shares, shares, shares, shares), min_size=1, max_size=5))
def test_boxes_come_back(
    made: tuple[InputSpec, Placement], drawn: list[tuple[float, float, float, float]]
) -> None:
    """Frame to input and back, within the last bits; what is seen lies inside the input."""
    _, placement = made
    boxes = np.array(
        [
            [*_inside(placement, min(a, c), min(b, d)), *_inside(placement, max(a, c), max(b, d))]
            for a, b, c, d in drawn
        ]
    )
    inside = placement.to_input(boxes)
    np.testing.assert_allclose(placement.to_frame(inside), boxes, atol=1e-9)
    np.testing.assert_allclose(placement.visible(boxes), boxes, atol=1e-9)
    height, width = placement.input
    assert inside.min() >= 0
    assert (inside <= np.array([width, height] * 2) + 1e-9).all()
    assert (inside[:, 2:] >= inside[:, :2]).all()


@settings(max_examples=200, deadline=None)
@given(placements())
def test_the_edges_of_what_is_seen_are_the_edges_of_where_it_lies(
    made: tuple[InputSpec, Placement],
) -> None:
    """To the last bit: no factor is rounded on the way."""
    _, placement = made
    seen, placed = placement.seen, placement.placed
    corners = np.array([seen.left, seen.top, seen.left + seen.width, seen.top + seen.height])
    expected = [placed.left, placed.top, placed.left + placed.width, placed.top + placed.height]
    np.testing.assert_array_equal(placement.to_input(corners), expected)
    np.testing.assert_array_equal(placement.to_frame(np.array(expected, float)), corners)


@settings(max_examples=300, deadline=None)
@given(placements(), shares, shares, shares, shares)
def test_a_mask_of_a_box_is_the_box_of_the_mask(
    made: tuple[InputSpec, Placement], a: float, b: float, c: float, d: float
) -> None:
    """A pixel of the input is set if its middle lies in the box where the box lies there."""
    _, placement = made
    low = np.floor(_inside(placement, min(a, c), min(b, d))).astype(int)
    high = np.ceil(_inside(placement, max(a, c), max(b, d))).astype(int)
    mask = np.zeros(placement.frame, bool)
    mask[low[1] : high[1], low[0] : high[0]] = True
    left, top, right, bottom = placement.to_input(np.array([*low, *high], float))
    middles_y, middles_x = (np.arange(size) + 0.5 for size in placement.input)
    placed = placement.placed
    rows = (middles_y > top) & (middles_y < bottom)
    columns = (middles_x > left) & (middles_x < right)
    found = placement.mask_to_input(mask)
    # A middle that lies on the very edge belongs to either side.
    certain = np.outer(
        (np.abs(middles_y - top) > 1e-6) & (np.abs(middles_y - bottom) > 1e-6),
        (np.abs(middles_x - left) > 1e-6) & (np.abs(middles_x - right) > 1e-6),
    )
    bars = np.ones(placement.input, bool)
    bars[placed.top : placed.top + placed.height, placed.left : placed.left + placed.width] = False
    assert not found[bars].any()
    np.testing.assert_array_equal(found[certain & ~bars], np.outer(rows, columns)[certain & ~bars])


@settings(max_examples=300, deadline=None)
@given(placements(), st.integers(0, 2**32 - 1))
def test_a_mask_of_the_input_covers_what_is_seen_and_comes_back(
    made: tuple[InputSpec, Placement], seed: int
) -> None:
    """Over a frame as large as its place or larger nothing is lost on the way there and back."""
    _, placement = made
    rng = np.random.default_rng(seed)
    mask = rng.integers(1, 200, placement.input).astype(np.uint8)
    over = placement.mask_to_frame(mask)
    seen, placed = placement.seen, placement.placed
    outside = over.copy()
    outside[seen.top : seen.top + seen.height, seen.left : seen.left + seen.width] = 0
    assert not outside.any()
    assert np.count_nonzero(over) == seen.width * seen.height
    if seen.width >= placed.width and seen.height >= placed.height:
        window = np.s_[
            placed.top : placed.top + placed.height, placed.left : placed.left + placed.width
        ]
        again = placement.mask_to_input(over)
        np.testing.assert_array_equal(again[window], mask[window])


@settings(max_examples=200, deadline=None)
@given(placements(), st.integers(0, 255))
def test_preprocessing_leaves_out_what_is_not_seen(
    made: tuple[InputSpec, Placement], level: int
) -> None:
    """The picture is the judge: a frame that is grey outside of `seen` shows none of that."""
    spec, placement = made
    seen, placed = placement.seen, placement.placed
    image = np.full(placement.frame, 255 - level, np.uint8)
    image[seen.top : seen.top + seen.height, seen.left : seen.left + seen.width] = level
    height, width = placement.frame
    if Placement.of(spec, height, width).seen != seen:
        return  # a region: the stream cuts it out before
    window = np.s_[
        placed.top : placed.top + placed.height, placed.left : placed.left + placed.width
    ]
    assert (fit(image, spec)[window] == level).all()
