"""Seven-segment digits, as LCD and LED displays draw them.

Segments are named as everywhere: a on top, then clockwise b to f, g across the middle.
"""

from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import U8

Corners: TypeAlias = NDArray[np.int32]
"""(n, 2) x and y, in sixteenths of a pixel."""

SEGMENTS = {
    "0": "abcdef", "1": "bc", "2": "abdeg", "3": "abcdg", "4": "bcfg", "5": "acdfg",
    "6": "acdefg", "7": "abc", "8": "abcdefg", "9": "abcdfg", "-": "g", " ": "",
}  # fmt: skip
# What displays draw in more than one way: a 6 and a 9 without tails, a 7 with one.
VARIANTS = {"6": "cdefg", "9": "abcfg", "7": "abcf"}
POINT = "."
HEIGHT = 40  # pixels, of a digit before it is scaled to the line
MARGIN = 4  # pixels of it, on every side of a text
_SUBPIXEL = 4  # bits that cv2 gives to the fraction of a coordinate


@dataclass(frozen=True)
class SegmentStyle:
    """How one display draws its digits; lengths are shares of a digit's height.

    Args:
        width: of a digit.
        thick: of a segment.
        gap: between two segments.
        slant: how far the top leans to the right.
        pitch: from one digit's left edge to the next's, less its width.
        point: the side of the decimal point.
        point_apart: whether the point has a place of its own, as wide as itself.
        point_at: where the point is in the room it has, from 0 at the digit before it to 1.
        tails: whether 6, 7 and 9 are drawn in their other way.
        blunt: whether segments end straight instead of pointed.
    """

    width: float
    thick: float
    gap: float
    slant: float
    pitch: float
    point: float
    point_apart: bool
    tails: bool
    blunt: bool
    point_at: float = 0.5

    @classmethod
    def draw(cls, rng: Random) -> "SegmentStyle":
        """A display at random."""
        thick = rng.uniform(0.08, 0.18)
        return cls(
            width=rng.uniform(0.45, 0.65),
            thick=thick,
            gap=rng.choice((0.0, rng.uniform(0.005, 0.04), rng.uniform(0.005, 0.04))),
            slant=rng.choice((0.0, rng.uniform(0.0, 0.2))),
            pitch=rng.uniform(0.12, 0.5),
            point=thick * rng.uniform(0.8, 1.3),
            point_apart=rng.random() < 0.3,
            tails=rng.random() < 0.15,
            blunt=rng.random() < 0.3,
            point_at=rng.uniform(0.1, 0.8),
        )


@dataclass(frozen=True)
class Contrasts:
    """How dark each character of a display is; an LCD's are not alike when seen from the side.

    Args:
        lit: of the segments that make up each character, in (0, 1].
        idle: of the other segments of its place, in [0, 1], as a share of the most there is.
    """

    lit: tuple[float, ...]
    idle: tuple[float, ...]

    @classmethod
    def full(cls, count: int) -> "Contrasts":
        """`count` characters alike."""
        return cls((1.0,) * count, (1.0,) * count)


def draw_segments(
    text: str, style: SegmentStyle, contrasts: Contrasts | None = None
) -> tuple[U8, U8]:
    """`text` of digits, points, minuses and spaces: what is lit, and what could be.

    Args:
        text: what is shown.
        style: how.
        contrasts: one for each character of `text`; None draws all of them in full.

    Returns:
        Two masks (H, W) uint8, 255 times its contrast where there is a segment: those of
        `text`, and all seven of every digit, which a display shows faintly.

    Raises:
        KeyError: another character.
        ValueError: another number of contrasts than of characters.
    """
    contrasts = contrasts or Contrasts.full(len(text))
    places, right = _places(text, style)
    lean = round(style.slant * HEIGHT)
    shape = (HEIGHT + 2 * MARGIN, right + lean + 2 * MARGIN)
    lit, every = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for (character, left), strong, idle in zip(places, contrasts.lit, contrasts.idle, strict=True):
        if character == POINT:
            _fill(lit, [_point(style)], left, strong)
            continue
        on = VARIANTS.get(character, "") if style.tails else ""
        on = on or SEGMENTS[character]
        polygons = _polygons(style)
        _fill(lit, [polygons[name] for name in on], left, strong)
        _fill(every, list(polygons.values()), left, idle)
    return lit, every


def _places(text: str, style: SegmentStyle) -> tuple[list[tuple[str, int]], int]:
    """Each character with its left edge, and where the last one ends, in pixels."""
    places: list[tuple[str, int]] = []
    x = 0.0
    for character in text:
        if character == POINT:
            # Between two digits, with room of its own or in the room there is.
            at = x - style.pitch + (style.pitch - style.point) * style.point_at
            places.append((character, round(max(at, 0) * HEIGHT)))
            x += style.point if style.point_apart or at < 0 else 0.0
        else:
            places.append((character, round(x * HEIGHT)))
            x += style.width + style.pitch
    return places, round(x * HEIGHT)


def _fill(mask: U8, polygons: list[Corners], left: int, contrast: float) -> None:
    offset = np.array([(left + MARGIN) << _SUBPIXEL, MARGIN << _SUBPIXEL], np.int32)
    for polygon in polygons:
        cv2.fillPoly(mask, [polygon + offset], (round(255 * contrast),), cv2.LINE_AA, _SUBPIXEL)


@lru_cache(256)
def _polygons(style: SegmentStyle) -> dict[str, Corners]:
    """The corners of the seven segments of a digit at the left edge."""
    w, t, g = style.width, style.thick, style.gap
    half = t / 2
    # The middle lines of the segments: corner to corner, the ends held apart by the gap.
    left, right, top, middle, bottom = half, w - half, half, 0.5, 1 - half
    ends = {
        "a": ((left, top), (right, top)),
        "b": ((right, top), (right, middle)),
        "c": ((right, middle), (right, bottom)),
        "d": ((left, bottom), (right, bottom)),
        "e": ((left, middle), (left, bottom)),
        "f": ((left, top), (left, middle)),
        "g": ((left, middle), (right, middle)),
    }
    return {name: _corners(a, b, half, g, style) for name, (a, b) in ends.items()}


def _corners(
    a: tuple[float, float], b: tuple[float, float], half: float, gap: float, style: SegmentStyle
) -> Corners:
    """A bar from `a` to `b`, pointed or blunt, leaning as the display does."""
    start, end = np.array(a), np.array(b)
    along = (end - start) / np.linalg.norm(end - start)
    across = np.array([-along[1], along[0]]) * half
    first, last = start + along * gap, end - along * gap
    inset = along * half * (0.35 if style.blunt else 1.0)
    sides = [first + inset + across, last - inset + across, last, last - inset - across]
    corners = np.array([first, *sides, first + inset - across])
    corners[:, 0] += style.slant * (1 - corners[:, 1])
    return np.asarray(np.rint(corners * (HEIGHT << _SUBPIXEL)), np.int32)


def _point(style: SegmentStyle) -> Corners:
    s = style.point
    corners = np.array([(0.0, 1 - s), (s, 1 - s), (s, 1.0), (0.0, 1.0)])
    corners[:, 0] += style.slant * (1 - corners[:, 1])
    return np.asarray(np.rint(corners * (HEIGHT << _SUBPIXEL)), np.int32)
