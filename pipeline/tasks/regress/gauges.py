"""Pictures of round needle gauges, drawn by seed, with the reading that the needle shows.

The scale runs clockwise over 270 degrees, from lower left over the top to lower right, as on
most pressure gauges and thermometers (EN 837-1 asks for this arc of gauges with a Bourdon
tube). Nothing is read from disk.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from edge_agent.common.arrays import F32, U8

# Where the scale begins, in degrees clockwise from straight up, and how far it runs.
START_DEG = -135.0
SWEEP_DEG = 270.0
# Pictures are drawn so many times larger and shrunk by area, which smooths every edge.
OVERSAMPLING = 3
# cv2 takes coordinates in fractions of a pixel: 2**-SHIFT each.
SHIFT = 4


@dataclass(frozen=True)
class GaugeLook:
    """How one gauge looks; lengths as shares of the picture's side, colours (R, G, B).

    Args:
        centre: of the dial, (x, y).
        radius: of the dial.
        face, ink, needle, wall: colours of dial, scale, needle and background.
        ticks: how many intervals the scale is cut into.
        subticks: how many each of those is.
        length, tail, width: of the needle, as shares of the radius.
        turn_deg: by how much the gauge is mounted askew.
    """

    centre: tuple[float, float]
    radius: float
    face: tuple[int, int, int]
    ink: tuple[int, int, int]
    needle: tuple[int, int, int]
    wall: tuple[int, int, int]
    ticks: int
    subticks: int
    length: float
    tail: float
    width: float
    turn_deg: float


def random_look(rng: np.random.Generator) -> GaugeLook:
    """A gauge as there are many: light or dark face, needle black, red or white."""
    dark = rng.random() < 0.3
    face = _grey(rng, 15, 60) if dark else _grey(rng, 200, 250)
    ink = _grey(rng, 200, 250) if dark else _grey(rng, 0, 70)
    red = (int(rng.integers(150, 230)), int(rng.integers(10, 60)), int(rng.integers(10, 60)))
    needle = red if rng.random() < 0.4 else ink
    wall = _wall(rng)
    return GaugeLook(
        centre=(0.5 + float(rng.uniform(-0.05, 0.05)), 0.5 + float(rng.uniform(-0.05, 0.05))),
        radius=float(rng.uniform(0.34, 0.44)),
        face=face,
        ink=ink,
        needle=needle,
        wall=wall,
        ticks=int(rng.choice((4, 5, 6, 8, 10))),
        subticks=int(rng.choice((2, 5))),
        length=float(rng.uniform(0.68, 0.9)),
        tail=float(rng.uniform(0.0, 0.28)),
        width=float(rng.uniform(0.03, 0.07)),
        turn_deg=float(rng.uniform(-4, 4)),
    )


def _wall(rng: np.random.Generator) -> tuple[int, int, int]:
    """A wall, a pipe or a board: some brightness with little colour in it."""
    level, tint = rng.uniform(25, 225), rng.uniform(-25, 25, 3)
    red, green, blue = (int(v) for v in np.clip(level + tint, 0, 255))
    return (red, green, blue)


def _grey(rng: np.random.Generator, low: int, high: int) -> tuple[int, int, int]:
    level = int(rng.integers(low, high))
    return (level, level, level)


def draw_gauge(look: GaugeLook, reading: float, side: int) -> U8:
    """The gauge `look` whose needle shows `reading`.

    Args:
        look: what the gauge looks like.
        reading: the share of the scale, 0 at its start to 1 at its end.
        side: of the picture, in pixels.

    Returns:
        (side, side, 3) uint8 RGB.
    """
    large = side * OVERSAMPLING
    image: U8 = np.full((large, large, 3), look.wall, np.uint8)
    centre = np.array(look.centre) * large
    radius = look.radius * large
    _disc(image, centre, radius * 1.1, _shade(look.face, 0.45))
    _disc(image, centre, radius, look.face)
    _scale(image, look, centre, radius)
    _needle(image, look, centre, radius, reading)
    _disc(image, centre, radius * 0.09, _shade(look.needle, 0.7))
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _scale(image: U8, look: GaugeLook, centre: F32, radius: float) -> None:
    steps = look.ticks * look.subticks
    for step in range(steps + 1):
        main = step % look.subticks == 0
        along = _direction(look, step / steps)
        inner = radius * (0.8 if main else 0.87)
        thick = max(1, round(radius * (0.03 if main else 0.014)))
        _line(image, centre + along * inner, centre + along * radius * 0.94, look.ink, thick)


def _needle(image: U8, look: GaugeLook, centre: F32, radius: float, reading: float) -> None:
    along = _direction(look, reading)
    across = np.array((-along[1], along[0])) * radius * look.width
    corners = (
        centre + along * radius * look.length,
        centre + across,
        centre - along * radius * look.tail + across * 0.6,
        centre - along * radius * look.tail - across * 0.6,
        centre - across,
    )
    points = np.rint(np.stack(corners) * 2**SHIFT).astype(np.int32)
    cv2.fillConvexPoly(image, points, look.needle, cv2.LINE_AA, SHIFT)


def _direction(look: GaugeLook, reading: float) -> F32:
    """The unit vector from the centre to `reading` on the scale, x to the right, y down."""
    angle = np.radians(START_DEG + look.turn_deg + SWEEP_DEG * reading)
    return np.array((np.sin(angle), -np.cos(angle)))


def _disc(image: U8, centre: F32, radius: float, colour: tuple[int, int, int]) -> None:
    x, y = (round(float(v) * 2**SHIFT) for v in centre)
    cv2.circle(image, (x, y), round(radius * 2**SHIFT), colour, -1, cv2.LINE_AA, SHIFT)


def _line(image: U8, start: F32, end: F32, colour: tuple[int, int, int], thick: int) -> None:
    (x0, y0), (x1, y1) = (np.rint(point * 2**SHIFT).astype(int).tolist() for point in (start, end))
    cv2.line(image, (x0, y0), (x1, y1), colour, thick, cv2.LINE_AA, SHIFT)


def _shade(colour: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(level * share) for level in colour)
    return (red, green, blue)
