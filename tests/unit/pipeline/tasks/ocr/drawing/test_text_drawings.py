"""What is drawn: glyphs, segments and wheels show what their texts say."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from pipeline.tasks.ocr.drawing.drawings import in_segments
from pipeline.tasks.ocr.drawing.fonts import Font
from pipeline.tasks.ocr.drawing.marks.glyphs import draw_text
from pipeline.tasks.ocr.drawing.marks.odometer import (
    WheelStyle,
    draw_wheels,
    wheel_text,
    wheel_turns,
)
from pipeline.tasks.ocr.drawing.marks.segments import (
    HEIGHT,
    SEGMENTS,
    Contrasts,
    SegmentStyle,
    draw_segments,
)

PLAIN = SegmentStyle(
    width=0.5,
    thick=0.12,
    gap=0.01,
    slant=0.0,
    pitch=0.2,
    point=0.12,
    point_apart=False,
    tails=False,
    blunt=False,
)
# Where each segment's middle is, as shares of a digit's width and height.
MIDDLES = {
    "a": (0.5, 0.06), "b": (0.88, 0.28), "c": (0.88, 0.72), "d": (0.5, 0.94),
    "e": (0.12, 0.72), "f": (0.12, 0.28), "g": (0.5, 0.5),
}  # fmt: skip
WHEELS = WheelStyle(
    aspect=0.7, digit=0.7, pitch=1.0, ink=200, face=20, last_face=90, frame=0, bar=2, shade=0.0
)


def lit_segments(mask: np.ndarray, left: float) -> str:
    """Which segments of the digit whose left edge is at `left` (in heights) are lit."""
    margin = (mask.shape[0] - HEIGHT) / 2
    found = ""
    for name, (x, y) in MIDDLES.items():
        column = round(margin + (left + x * PLAIN.width) * HEIGHT)
        row = round(margin + y * HEIGHT)
        found += name if mask[row, column] > 128 else ""
    return found


@pytest.mark.parametrize("digit", "0123456789-")
def test_a_digit_lights_its_segments_and_no_others(digit: str) -> None:
    """Read back at the middle of each segment, every digit is the standard one."""
    lit, every = draw_segments(digit, PLAIN)
    assert lit_segments(lit, 0) == SEGMENTS[digit]
    assert lit_segments(every, 0) == "abcdefg"


def test_digits_stand_beside_one_another_with_their_point() -> None:
    """`4.7` has a 4, low ink between the digits, and a 7 one pitch further."""
    lit, _ = draw_segments("4.7", PLAIN)
    step = PLAIN.width + PLAIN.pitch
    assert (lit_segments(lit, 0), lit_segments(lit, step)) == ("bcfg", "abc")
    without, _ = draw_segments("47", PLAIN)
    point = np.argwhere(lit.astype(int) - without > 128)
    assert (point[:, 0] > 0.75 * lit.shape[0]).all()
    assert len(point) > 10


@pytest.mark.parametrize(("point_at", "nearer"), [(0.0, "before"), (1.0, "behind")])
def test_a_point_stands_where_its_display_has_it(point_at: float, nearer: str) -> None:
    """Close to the digit before it, or to the one behind it, and on neither."""
    style = replace(PLAIN, point_at=point_at, pitch=0.5)
    points = draw_segments("4.4", style)[0].astype(int) - draw_segments("44", style)[0]
    columns = np.flatnonzero((points > 128).any(axis=0))
    margin = (points.shape[0] - HEIGHT) / 2
    before = columns[0] - margin - PLAIN.width * HEIGHT
    behind = margin + (PLAIN.width + 0.5) * HEIGHT - columns[-1]
    assert min(before, behind) > -1.5
    assert (before < behind) == (nearer == "before")


def test_each_character_has_its_own_contrast() -> None:
    """A third of the contrast is a third of the grey, of lit segments and of idle ones."""
    full_lit, full_every = draw_segments("1.1", PLAIN)
    lit, every = draw_segments("1.1", PLAIN, Contrasts((1.0, 0.6, 1 / 3), (0.2, 1.0, 1.0)))
    half = full_lit.shape[1] // 2
    assert (lit[:, :half].max(), lit[:, half + 10 :].max()) == (255, 85)
    # Where two segments meet their smoothed edges add up to a little more than 51.
    assert 51 <= every[:, :half].max() < 70
    assert every[:, half + 10 :].max() == 255
    assert ((lit > 0) == (full_lit > 0)).mean() > 0.99
    assert full_every.max() == 255
    assert 153 in lit  # the point


def test_every_character_needs_a_contrast() -> None:
    """Two contrasts for three characters are a mistake of the caller's."""
    with pytest.raises(ValueError, match="zip"):
        draw_segments("123", PLAIN, Contrasts((1.0, 1.0), (1.0, 1.0)))


def test_displays_pale_to_one_end_and_stay_legible() -> None:
    """Some do, seen from the side; then an outer digit has far less ink, but never none."""
    shares = []
    for seed in range(60):
        mask = in_segments("888888", Random(seed)).mask
        digits = [int(part.max()) for part in np.array_split(mask, 6, axis=1)]
        shares.append(min(digits[0], digits[-1]) / max(digits))
        assert min(digits) > 0.04 * 255
    pale = np.array(shares) < 0.6
    assert 0.1 < pale.mean() < 0.6


def test_idle_segments_show_beneath_some_digits() -> None:
    """They are there in half of the displays or so, in places where a digit has none of its own."""
    ghosts = [in_segments("111", Random(seed)) for seed in range(60)]
    shown = [ink for ink in ghosts if ink.ghost is not None]
    assert 0.3 < len(shown) / len(ghosts) < 0.8
    for ink in shown:
        assert ink.ghost is not None
        assert ((ink.ghost > 0) & (ink.mask == 0)).any()


def test_a_display_is_cut_at_its_first_1_half_of_the_time() -> None:
    """Or at the whole place that the 1 stands in; an 8 fills its own either way."""

    def rooms(text: str) -> list[int]:
        masks = [in_segments(text, Random(seed)).mask for seed in range(60)]
        return [int(np.flatnonzero(mask.any(axis=0))[0]) for mask in masks]

    cut = np.array([room <= 4 for room in rooms("18")])
    assert 0.3 < cut.mean() < 0.7
    assert max(rooms("81")) <= 5


def test_displays_differ_and_a_point_may_come_first() -> None:
    """Two displays draw a number unlike each other; `.5` is drawn at all."""
    one, other = (draw_segments("28.10", SegmentStyle.draw(Random(seed)))[0] for seed in (1, 2))
    assert one.shape != other.shape or (one != other).any()
    assert draw_segments(".5", PLAIN)[0].any()


def test_a_character_without_segments_is_refused() -> None:
    """Letters are not drawn as something else."""
    with pytest.raises(KeyError):
        draw_segments("1A", PLAIN)


def test_ink_is_cut_to_its_width_and_not_blown_up(fonts: tuple[Font, ...]) -> None:
    """The first and last column have ink; small letters keep the room of capitals."""
    mask = draw_text("oo", fonts[0], 32)
    assert mask[:, 0].any()
    assert mask[:, -1].any()
    assert mask[:3].max() == 0
    assert draw_text("o o", fonts[0], 32).shape[1] > mask.shape[1]


def test_spacing_moves_letters_apart(fonts: tuple[Font, ...]) -> None:
    """Ten pixels between four letters are thirty more altogether, give or take rounding."""
    close, wide = (draw_text("HHHH", fonts[0], 32, spacing).shape[1] for spacing in (0, 10))
    assert abs(wide - close - 30) <= 3


@pytest.mark.parametrize(
    ("reading", "turn", "wheels", "text"),
    [
        (1234, 0.0, 4, "1234"),
        (7, 0.0, 4, "0007"),
        (1234, 0.5, 4, "123?"),
        (1234, 0.2, 4, "1234"),
        (1234, 0.8, 4, "1235"),
        (1239, 0.5, 4, "12??"),
        (1239, 0.8, 4, "1240"),
        (9999, 0.5, 4, "????"),
        (9999, 0.9, 4, "0000"),
        (1909, 0.5, 4, "19??"),
    ],
)
def test_wheels_turn_with_the_nines_to_their_right(
    reading: int, turn: float, wheels: int, text: str
) -> None:
    """A wheel moves only while those to its right go from 9 to 0; halves are not a reading."""
    assert wheel_text(wheel_turns(reading, turn, wheels)) == text


def test_a_rolling_wheel_shows_two_halves(fonts: tuple[Font, ...]) -> None:
    """Half a turn on, a digit's own rows have moved up and the next digit's have come in."""
    still, half, done = (
        draw_wheels([(3, turn)], 0, fonts[0], WHEELS).astype(int) for turn in (0.0, 0.5, 1.0)
    )
    following = draw_wheels([(4, 0.0)], 0, fonts[0], WHEELS).astype(int)
    assert (done == following).all()
    rows = len(still)
    assert (half[: rows // 2] == still[rows // 2 :]).mean() > 0.9
    assert (half[rows // 2 :] == following[: rows // 2]).mean() > 0.9


def test_the_last_wheels_have_their_own_face(fonts: tuple[Font, ...]) -> None:
    """Of three wheels with one decimal the third one's ground is of the other level."""
    picture = draw_wheels([(1, 0.0)] * 3, 1, fonts[0], WHEELS)
    grounds = [int(np.median(part)) for part in np.array_split(picture, 3, axis=1)]
    assert grounds == [20, 20, 90]
