"""Finding a hand: many kinds, in many lights, and none where there is none."""

import cv2
import numpy as np
import pytest
from support.drawn_dials import HANDS, Style, Wear, draw_dials

from edge_agent.common.arrays import U8
from edge_agent.tasks.ocr.dials.hands import Hand, find_hand

RADIUS = 40
CENTRE = (float(RADIUS), float(RADIUS))
# A dial's digit is 36 degrees wide.
NEAR = 3.0


def dial(position: float, style: Style | None = None, wear: Wear | None = None) -> U8:
    return draw_dials([position], [True], RADIUS, style=style, wear=wear)


def off(hand: Hand, position: float) -> float:
    """How far it points beside what was drawn, in degrees."""
    assert hand.problem == ""
    return abs((hand.degrees - 36 * position + 180) % 360 - 180)


@pytest.mark.parametrize("kind", HANDS)
@pytest.mark.parametrize("tail", [0.0, 0.3])
def test_every_kind_of_hand_is_found_all_around(kind: str, tail: float) -> None:
    """Must fire: all around, with and without a tail, sure of itself."""
    for position in np.arange(0, 10, 0.9):
        hand = find_hand(dial(position, Style(hand=kind, tail=tail)), CENTRE, RADIUS)
        assert off(hand, position) < NEAR
        assert hand.confidence > 0.3


@pytest.mark.parametrize(
    "style",
    [
        Style(colour=(40, 40, 210), hub_colour=(250, 250, 250), tail=0.25),
        Style(face=(30, 30, 30), ink=(240, 240, 240), colour=(240, 240, 240)),
        Style(face=(30, 30, 30), ink=(240, 240, 240), colour=(40, 40, 210), hub=0.2),
        Style(numerals="inside", words="x0.1", ticks=100),
        Style(colour=(150, 60, 20), hub_colour=(140, 160, 170), hub=0.2, ring=False),
    ],
    ids=["red, hub like the face", "white on black", "red on black", "words", "blue, metal hub"],
)
def test_every_colour_is_found(style: Style) -> None:
    """Must fire: whatever the hand, its hub and the face look like."""
    for position in (0.0, 2.6, 5.1, 7.7):
        assert off(find_hand(dial(position, style), CENTRE, RADIUS), position) < NEAR


@pytest.mark.parametrize(
    "wear",
    [
        Wear(light=0.35),
        Wear(falloff=0.5),
        Wear(shadow=0.4),
        Wear(blur=2.0),
        Wear(noise=12.0),
        Wear(quality=40),
        Wear(off_centre=0.08),
    ],
    ids=str,
)
def test_a_camera_may_be_a_cheap_one(wear: Wear) -> None:
    """Must fire: dim, lit from aside, shadowed, blurred, noisy, packed small, aimed badly."""
    for position in (0.4, 3.3, 8.2):
        assert off(find_hand(dial(position, wear=wear), CENTRE, RADIUS), position) < 2 * NEAR


def test_a_grey_picture_is_read_as_a_coloured_one() -> None:
    """(H, W) and (H, W, 3) give the same direction."""
    picture = dial(6.4)
    grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    assert off(find_hand(grey, CENTRE, RADIUS), 6.4) < NEAR


def clock() -> U8:
    """Two hands, as long as each other."""
    picture = dial(1.0)
    return np.minimum(picture, dial(4.5))


def stripes() -> U8:
    return np.tile(np.repeat([40, 210], 8).astype(np.uint8), (80, 5))


NOTHING = {
    "an empty face": dial(0.0, Style(length=0.05, tail=0.0)),
    "two hands": clock(),
    "plain": np.full((80, 80, 3), 128, np.uint8),
    "noise": np.random.default_rng(1).integers(0, 255, (80, 80, 3)).astype(np.uint8),
    "stripes": stripes(),
    "half and half": np.repeat(np.where(np.arange(80) < 40, 30, 220)[None], 80, 0).astype(np.uint8),
    "a hand far aside": np.roll(dial(2.5, Style(ring=False, ticks=1, numerals="none")), 18, 0),
}


@pytest.mark.parametrize("name", NOTHING)
def test_where_there_is_no_hand_none_is_found(name: str) -> None:
    """Must not fire, and says what it was that was not one."""
    hand = find_hand(NOTHING[name], CENTRE, RADIUS)
    assert hand.problem
    assert (hand.degrees, hand.confidence) == (0.0, 0.0)


def test_a_dial_of_a_few_pixels_is_refused() -> None:
    """By its size, whatever is in it."""
    hand = find_hand(dial(3.0), CENTRE, 8.0)
    assert hand.problem == "expected a radius of 9 pixels or more, found 8.0"


def test_a_tail_is_not_taken_for_the_hand() -> None:
    """Must not fire: a thin tip that blur hides, a thick tail, and a centre that is off."""
    style = Style(tail=0.35, length=0.62, width=0.2, numerals="none")
    for position in np.arange(0, 10, 0.9):
        picture = dial(position, style, Wear(blur=2.0))
        angle, aside = np.radians(36 * position), 0.13 * RADIUS
        centre = (RADIUS + aside * np.sin(angle), RADIUS - aside * np.cos(angle))
        hand = find_hand(picture, centre, RADIUS)
        assert hand.problem or off(hand, position) < 3 * NEAR
