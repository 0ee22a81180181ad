"""Where the hand of a dial points: found by its contrast with the face, by no network.

A hand is what leads from the dial's middle outward without a gap, differs from the face all
along, and lies on a straight line. Around the centre the picture is unrolled: one row an angle,
one column a radius. `_reached` then says of every pixel how good the best way to it is from the
inner ring, where a way is as good as its worst pixel; scale marks, numerals and words stand apart
from the middle, so no good way leads there. What is reached along a ring has a middle; the line
through these middles is the hand's axis. Its direction does not change when the centre is given
a little wrong, as the direction from the centre to the tip would.

Angles are degrees clockwise from upright; lengths are in radii of the scale.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import F32, F64, U8

ANGLES, RINGS = 360, 48
# A scale of fewer pixels in radius has a hand of one or two.
MIN_RADIUS = 9.0
# The rings in which the face's colour is measured, and in which a hand may be followed.
FACE_FROM, FACE_TO = 0.25, 0.75
INNER, OUTER = 0.2, 0.92
# How far out every hand reaches, and how thick none is, there.
REACH, THICK = 0.5, 0.55
# In CIELAB, where 2 to 3 is the least that is seen and black is 100 from white.
MIN_CONTRAST = 8.0
# A hand differs so much more from the face than the face itself does, in the median.
CLEAR = 5.0
# Measured on drawn dials: one in a hundred has more than 5 % of words on its face; of what
# looked like a hand in photographs half had more than 7 % beside it.
CLUTTER = 0.1
# Of a hand's own contrast; a shadow has less.
SHARE = 0.55
# A hand that goes on behind the hub is so much longer in front of it.
LONGER, LEAVES = 0.15, 0.36
# No hub is larger, and no numeral nearer to the middle.
HUB, NUMERALS = 0.32, 0.62
# So much of a hand has to be straight; the rest is drawn aside by its hub, or by a mark.
MOST_OF_IT = 0.6
# The centre may be off by so much.
ASIDE = 0.24
# How far a hand's middle may be from a straight line.
CROOKED = 0.035
# A plane needs no more than each fourth angle.
SPARSE = 4
# From one ring to the next, so many degrees: as a line that misses the centre by ASIDE runs.
STRAY = 3


@dataclass(frozen=True)
class Hand:
    """Where a hand points.

    Args:
        degrees: clockwise from upright, [0, 360); 0 if none was found.
        confidence: [0, 1], how far it is from what would be refused; no probability.
        problem: why none was found; empty if one was.
    """

    degrees: float
    confidence: float
    problem: str = ""


def find_hand(image: U8, centre: tuple[float, float], radius: float) -> Hand:
    """The hand of one dial.

    Args:
        image: (H, W, 3) BGR or (H, W), uint8.
        centre: of the dial, x and y in pixels.
        radius: of the circle of its marks, in pixels.
    """
    if radius < MIN_RADIUS:
        return _none(f"expected a radius of {MIN_RADIUS:g} pixels or more, found {radius:.1f}")
    contrast, noise = _contrast(_unrolled(image, centre, radius))
    first = _first_ring(contrast)
    reached = _reached(contrast, first)
    at = round(REACH * RINGS)
    best = float(reached[:, at].max())
    least = max(MIN_CONTRAST, CLEAR * noise)
    if best < least:
        return _none(f"no hand: expected a contrast of {least:.0f} or more, found {best:.0f}")
    mask = reached >= SHARE * best
    clutter = _clutter(contrast >= SHARE * best, mask)
    if clutter > CLUTTER:
        return _none(
            f"expected a face with one hand, found {clutter:.0%} of it to be something else"
        )
    return _judged(mask, first, 1 - least / best)


def _none(problem: str) -> Hand:
    return Hand(0.0, 0.0, problem)


def _unrolled(image: U8, centre: tuple[float, float], radius: float) -> F32:
    """(ANGLES, RINGS, 3) CIELAB around the centre; row 0 is upright, and rows go clockwise."""
    if image.ndim == 2:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    scale = RINGS / radius
    size = 2 * RINGS + 1
    x, y = centre[0] - 0.5, centre[1] - 0.5  # OpenCV's origin is the first pixel's middle
    if scale < 1:  # what is sampled more seldom than it is there would flicker
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.4 / scale), np.uint8)
    to_patch = np.array([[scale, 0, RINGS - x * scale], [0, scale, RINGS - y * scale]])
    patch = cv2.warpAffine(
        image, to_patch, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    patch = cv2.GaussianBlur(patch, (0, 0), 1.0).astype(np.float32) / 255
    lab = cv2.cvtColor(patch, cv2.COLOR_BGR2Lab)
    polar = cv2.warpPolar(lab, (RINGS, ANGLES), (RINGS, RINGS), RINGS, cv2.INTER_LINEAR)
    return np.asarray(np.roll(polar, ANGLES // 4, axis=0), np.float32)


def _contrast(lab: F32) -> tuple[F32, float]:
    """(ANGLES, RINGS), how much each pixel differs from the face; and how much the face does."""
    rings = slice(round(FACE_FROM * RINGS), round(FACE_TO * RINGS))
    lightness = lab[:, :, 0] - _slope(lab[:, :, 0], rings)
    colour = lab[:, :, 1:] - np.median(lab[:, rings, 1:], axis=(0, 1))
    differs = np.sqrt(lightness**2 + (colour**2).sum(axis=2))
    return np.asarray(differs, np.float32), float(np.median(differs[:, rings]))


def _slope(lightness: F32, rings: slice) -> F32:
    """The plane through the face's lightness, what is not the face left out: light from aside."""
    angle = np.radians(np.arange(ANGLES, dtype=np.float32) * (360 / ANGLES))[:, None]
    far = (np.arange(RINGS, dtype=np.float32) / RINGS)[None, :]
    terms = np.stack([np.sin(angle) * far, -np.cos(angle) * far, np.ones((ANGLES, RINGS))], axis=2)
    points = terms[::SPARSE, rings].reshape(-1, 3)
    values = lightness[::SPARSE, rings].reshape(-1)
    plane = np.array([0.0, 0.0, float(np.median(values))])
    for _ in range(3):
        rest = np.abs(values - points @ plane)
        near = rest <= max(2.0, 2 * float(np.median(rest)))
        plane = np.linalg.lstsq(points[near], values[near], rcond=None)[0]
    return np.asarray(terms @ plane, np.float32)


def _first_ring(contrast: F32) -> int:
    """The innermost ring that a hand crosses and its hub does not fill."""
    for ring in range(round(INNER * RINGS), round(REACH * RINGS) - 4):
        row = contrast[:, ring]
        if (row >= SHARE * row.max()).mean() < 0.4:
            return ring
    return round(INNER * RINGS)


def _clutter(strong: NDArray[np.bool_], hand: NDArray[np.bool_]) -> float:
    """Which share of the face, short of its numerals, is as strong as the hand and is not it."""
    rings = slice(round(0.3 * RINGS), round(0.62 * RINGS))
    return float((strong & ~hand)[:, rings].mean())


def _reached(contrast: F32, first: int) -> F32:
    """Of each pixel, the least contrast on the best way to it from ring `first` outward."""
    reached = np.zeros_like(contrast)
    reached[:, first] = contrast[:, first]
    for ring in range(first + 1, round(OUTER * RINGS)):
        before = reached[:, ring - 1]
        best = before
        for stray in range(1, STRAY + 1):
            best = np.maximum(best, np.maximum(np.roll(before, stray), np.roll(before, -stray)))
        reached[:, ring] = np.minimum(contrast[:, ring], best)
    return reached


@dataclass(frozen=True)
class _Run:
    """Neighbouring angles of a ring that are reached; of `middle` and `width` in degrees."""

    middle: float
    width: float


def _runs(row: NDArray[np.bool_]) -> list[_Run]:
    """What is reached along a ring, each piece of it."""
    if row.all():
        return [_Run(0.0, 360.0)]
    start = int(np.argmin(row))  # begin where there is none, so that none is parted
    turned = np.concatenate(([False], np.roll(row, -start), [False])).astype(np.int8)
    edges = np.flatnonzero(np.diff(turned))
    return [
        _Run((start + (a + b - 1) / 2) * 360 / ANGLES % 360, (b - a) * 360 / ANGLES)
        for a, b in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    ]


def _judged(mask: NDArray[np.bool_], first: int, contrast: float) -> Hand:
    """The hand among what is reached, if that is one hand and nothing else."""
    across = _runs(mask[:, round(REACH * RINGS)])
    # What its tail is: a hand may end thinner than can be seen, and its tail be seen to its end.
    ways = sorted(_lengths(mask), reverse=True)
    if len(ways) > 1 and ways[0] - ways[1] < LONGER:
        return _none(f"expected one hand, found {len(ways)}")
    hand = max((_followed(mask, first, run) for run in across), key=_length)
    thick = max(np.radians(run.width) for run in across) * REACH
    if thick > THICK:
        return _none(f"expected a hand, found something {thick:.1f} radii wide")
    axis = _hand_axis(hand)
    if axis.crooked > CROOKED:
        return _none("expected a straight hand, found a crooked one")
    if axis.aside > ASIDE:
        return _none(f"expected a hand through the middle, found one {axis.aside:.2f} radii aside")
    margins = (contrast, 1 - thick / THICK, 1 - axis.crooked / CROOKED, 1 - axis.aside / ASIDE)
    return Hand(axis.degrees, round(float(min(margins)), 4))


def _followed(mask: NDArray[np.bool_], first: int, at_reach: _Run) -> F64:
    """(N, 2) x and y of the hand's middle on every ring, inwards and outwards from REACH."""
    points = []
    for rings in (
        range(round(REACH * RINGS), first - 1, -1),
        range(round(REACH * RINGS) + 1, RINGS),
    ):
        run, last = at_reach, at_reach.width * REACH
        for ring in rings:
            near = min(
                _runs(mask[:, ring]), key=lambda r: _apart(r.middle, run.middle), default=None
            )
            if near is None or _apart(near.middle, run.middle) > 20:
                break
            if near.width * ring / RINGS > 1.6 * last + 360 / ANGLES:
                break  # it has reached a numeral, or the hub
            run, last = near, max(near.width * ring / RINGS, 0.5 * last)
            angle = np.radians(run.middle)
            points.append((np.sin(angle) * ring / RINGS, -np.cos(angle) * ring / RINGS))
    return np.array(points)


def _nearest(runs: list[_Run], middle: float) -> _Run:
    return min(runs, key=lambda run: _apart(run.middle, middle))


def _lengths(mask: NDArray[np.bool_]) -> list[float]:
    """How far out everything reaches that leaves the hub."""
    lengths = []
    for run in _runs(mask[:, round(LEAVES * RINGS)]):
        ring = round(LEAVES * RINGS)
        while ring + 1 < RINGS:
            on = [r for r in _runs(mask[:, ring + 1]) if _apart(r.middle, run.middle) <= 20]
            if not on:
                break
            run, ring = _nearest(on, run.middle), ring + 1
        lengths.append(ring / RINGS)
    return lengths


def _length(middles: F64) -> float:
    """How far out the hand of these middles reaches."""
    return float(np.hypot(middles[:, 0], middles[:, 1]).max())


def _apart(a: float, b: float) -> float:
    return abs((a - b + 180) % 360 - 180)


@dataclass(frozen=True, eq=False)
class _Axis:
    """A line: where it points, how far it misses the centre, how far points are off it."""

    degrees: float
    aside: float
    crooked: float
    middle: F64
    across: F64


def _hand_axis(points: F64) -> _Axis:
    """The line through the hand's middles, those left out that the hub or a mark draws aside."""
    far = np.hypot(points[:, 0], points[:, 1])
    used = points[(far >= HUB) & (far <= NUMERALS)]
    for _ in range(3):
        axis = _axis(used)
        off = np.abs((points - axis.middle) @ axis.across)
        near = points[off <= CROOKED]
        if len(near) < MOST_OF_IT * len(points):
            return replace(axis, crooked=1.0)
        used = near
    return _axis(used)


def _axis(points: F64) -> _Axis:
    middle = points.mean(axis=0)
    _, _, directions = np.linalg.svd(points - middle)
    along = directions[0] * (1 if directions[0] @ middle >= 0 else -1)
    across = np.array([-along[1], along[0]])
    return _Axis(
        float(np.degrees(np.arctan2(along[0], -along[1])) % 360),
        abs(float(across @ middle)),
        float(np.abs((points - middle) @ across).mean()),
        middle,
        across,
    )
