"""Lines on a page: found, levelled, parted and put in order; and none where there is none."""

import cv2
import numpy as np
import pytest

from edge_agent.common.arrays import U8
from edge_agent.tasks.ocr.picture.lines import PageLayout, Span, edges, lay_out, skew

TEXTS = ["Grocery store 42", "Milk 2 x 1.20", "Bread 3.10", "Total 5.50 EUR", "Thank you!"]
NOISE = np.random.default_rng(0).normal(0, 6, (480, 640))


def page(degrees: float = 0.0, paper: int = 215, ink: int = 40) -> U8:
    """A noisy 640x480 page of five lines, its rows falling to the right by `degrees`."""
    image = np.full((480, 640), paper, np.uint8)
    for row, text in enumerate(TEXTS):
        cv2.putText(image, text, (40, 60 + 60 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (ink,), 2)
    turn = cv2.getRotationMatrix2D((320, 240), -degrees, 1)
    turned = cv2.warpAffine(image, turn, (640, 480), borderValue=(paper,))
    return np.asarray((turned + NOISE).clip(0, 255).astype(np.uint8))


def found(image: U8, aspect: float = 20.0) -> PageLayout:
    return lay_out(image, image, aspect)


@pytest.mark.parametrize("degrees", [0.0, 3.0, -5.4, 8.0])
def test_the_lines_of_a_turned_page_are_found_level(degrees: float) -> None:
    """Five lines, from the top, each around its own text, whatever the turn."""
    layout = found(page(degrees))
    assert len(layout.lines) == 5
    for row, (line, text) in enumerate(zip(layout.lines, TEXTS, strict=True)):
        assert line.top < 60 + 60 * row - 10 < line.bottom
        (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 2)
        assert abs(line.left - 37) <= 6
        assert abs(line.right - (40 + width)) <= 12


@pytest.mark.parametrize("degrees", [0.0, 3.0, -5.4, 8.0])
def test_skew_is_measured_to_a_quarter_of_a_degree(degrees: float) -> None:
    """By the rows alone."""
    assert skew(edges(page(degrees))) == pytest.approx(degrees, abs=0.25)


def test_the_way_back_leads_to_the_turned_page() -> None:
    """The level page's middle stays, and its first line's start is where it is drawn."""
    layout = found(page(8.0))
    x, y = cv2.perspectiveTransform(np.array([[[40.0, 60.0]]]), layout.to_page)[0, 0]
    turn = cv2.getRotationMatrix2D((320, 240), -8.0, 1)
    expected = turn @ np.array([40.0, 60.0, 1.0])
    assert np.hypot(x - expected[0], y - expected[1]) < 3


def test_light_writing_on_dark_is_found_as_well() -> None:
    """Displays have it so."""
    assert len(found(page(paper=30, ink=210)).lines) == 5


def test_a_long_line_is_parted_at_gaps_between_words() -> None:
    """In pieces that fit the model, from left to right, cutting no word."""
    layout = found(page(), aspect=5.0)
    assert len(layout.lines) > 5
    first = [line for line in layout.lines if line.top < 60]
    assert [line.left for line in first] == sorted(line.left for line in first)
    assert all(line.width <= 1.3 * 5.0 * line.height for line in layout.lines)


def test_columns_are_read_row_by_row() -> None:
    """A wide gap parts a row, and its left part comes first."""
    image = np.full((160, 640), 215, np.uint8)
    for x, y, text in ((400, 60, "1.20"), (20, 62, "Milk"), (20, 120, "Bread"), (400, 118, "3.1")):
        cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (40,), 2)
    places = [(line.left < 200, line.top < 70) for line in found(image).lines]
    assert places == [(True, True), (False, True), (True, False), (False, False)]


@pytest.mark.parametrize(
    "image",
    [
        np.full((480, 640), 150, np.uint8),
        np.zeros((480, 640), np.uint8),
        np.asarray((150 + NOISE).clip(0, 255).astype(np.uint8)),
        np.asarray((10 + 2 * NOISE).clip(0, 255).astype(np.uint8)),
        np.tile(np.linspace(40, 220, 640).astype(np.uint8), (480, 1)),
        np.full((3, 3), 9, np.uint8),
    ],
    ids=["wall", "black", "noisy wall", "night", "light along a wall", "tiny"],
)
def test_no_lines_are_found_where_nothing_is(image: U8) -> None:
    """Must not fire."""
    layout = found(image)
    assert layout.lines == ()
    assert layout.image is image  # nothing says it is turned


def test_spans_join_to_what_has_both() -> None:
    """The smallest rectangle."""
    assert Span(0, 5, 10, 9).join(Span(8, 0, 20, 6)) == Span(0, 0, 20, 9)
