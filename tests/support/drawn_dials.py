"""Dials with hands, drawn: many faces, many hands, and what a camera does to them."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from edge_agent.common.arrays import U8

Colour = tuple[int, int, int]
# Drawn so much larger than shown, so that lines have soft edges.
OVERSAMPLE = 3
FACES: tuple[Colour, ...] = ((250, 250, 250), (225, 238, 245), (200, 205, 205), (35, 35, 35))
HANDS = ("line", "wedge", "lance", "arrow", "sword", "drop")


@dataclass(frozen=True)
class Style:
    """How the dials of one meter look; lengths in radii of the scale."""

    face: Colour = (250, 250, 250)
    ink: Colour = (20, 20, 20)
    hand: str = "wedge"
    colour: Colour = (20, 20, 20)
    length: float = 0.8
    width: float = 0.14
    tail: float = 0.2
    hub: float = 0.1
    hub_colour: Colour = (20, 20, 20)
    numerals: str = "outside"
    ticks: int = 10
    ring: bool = True
    words: str = ""


@dataclass(frozen=True)
class Wear:
    """What stands between the dials and the picture; angles in degrees."""

    off_centre: float = 0.0
    turn: float = 0.0
    light: float = 1.0
    falloff: float = 0.0
    glare: float = 0.0
    shadow: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    quality: int = 100


def random_style(rng: np.random.Generator) -> Style:
    """One of the many ways in which dials are printed."""
    face = FACES[rng.integers(len(FACES))]
    dark = sum(face) < 300
    ink: Colour = (240, 240, 240) if dark else (20, 20, 20)
    red: Colour = (40, 40, 210)
    colours = [red, ink, ink] + ([(60, 200, 240)] if dark else [(150, 60, 20)])
    colour = colours[rng.integers(len(colours))]
    hub_colours = [colour, colour, ink, (140, 160, 170), face]
    hand = HANDS[rng.integers(len(HANDS))]
    return Style(
        face=face,
        ink=ink,
        hand=hand,
        colour=colour,
        length=float(rng.uniform(0.6, 0.95)),
        width=float(rng.uniform(0.05, 0.09) if hand == "line" else rng.uniform(0.1, 0.24)),
        tail=float(rng.choice([0.0, 0.15, 0.25, 0.35])),
        hub=float(rng.uniform(0.05, 0.2)),
        hub_colour=hub_colours[rng.integers(len(hub_colours))],
        numerals=str(rng.choice(["outside", "inside", "none"])),
        ticks=int(rng.choice([10, 20, 50, 100])),
        ring=bool(rng.random() < 0.7),
        words=str(rng.choice(["", "", "x0.1", "10 000", "kWh"])),
    )


def random_wear(rng: np.random.Generator) -> Wear:
    """A camera that is neither good nor hopeless."""
    return Wear(
        off_centre=float(rng.uniform(0, 0.04)),
        turn=float(rng.uniform(-2, 2)),
        light=float(rng.uniform(0.45, 1.1)),
        falloff=float(rng.uniform(0, 0.35)),
        glare=float(rng.choice([0.0, 0.0, 0.0, 0.6, 0.9])),
        shadow=float(rng.choice([0.0, 0.0, 0.25, 0.4])),
        blur=float(rng.uniform(0, 1.3)),
        noise=float(rng.uniform(0, 9)),
        quality=int(rng.integers(45, 100)),
    )


def positions_of(value: int, count: int) -> list[float]:
    """Where `count` hands stand at `value`, in units of the last one; the last is at the mark."""
    return [(value / 10 ** (count - 1 - i)) % 10 for i in range(count)]


def alternating(count: int) -> list[bool]:
    """Whether each turns clockwise, where the last one does and neighbours never alike."""
    return [(count - 1 - i) % 2 == 0 for i in range(count)]


def draw_dials(
    positions: list[float],
    clockwise: list[bool],
    radius: int = 40,
    gap: float = 0.3,
    style: Style | None = None,
    wear: Wear | None = None,
    rng: np.random.Generator | None = None,
) -> U8:
    """A row of dials, (2 * radius, W, 3) BGR, that touch its four sides.

    Args:
        positions: of each hand, 0 to 10 along its scale.
        clockwise: which way each counts.
        radius: of each scale, in pixels.
        gap: between two, in radii.
        style: how they look.
        wear: what the camera does to them.
        rng: for what is drawn at random.
    """
    style, wear = style or Style(), wear or Wear()
    rng = rng or np.random.default_rng(0)
    big = radius * OVERSAMPLE
    pitch, margin = round(big * (2 + gap)), big // 2
    width = 2 * big + (len(positions) - 1) * pitch
    canvas = np.full((2 * (big + margin), width + 2 * margin, 3), style.face, np.uint8)
    for i, (position, right) in enumerate(zip(positions, clockwise, strict=True)):
        centre = np.array([margin + big + i * pitch, margin + big], float)
        centre += rng.uniform(-1, 1, 2) * wear.off_centre * big
        _face(canvas, centre, big, style, right)
        angle = math.radians((1 if right else -1) * position * 36)
        if wear.shadow:
            _shadow(canvas, centre + 0.06 * big, big, angle, style, wear.shadow)
        _hand(canvas, centre, big, angle, style, style.colour)
        cv2.circle(canvas, _at(centre), round(style.hub * big), style.hub_colour, -1, cv2.LINE_AA)
    return _photographed(canvas, margin, wear, rng)


def _face(canvas: U8, centre: np.ndarray, big: int, style: Style, right: bool) -> None:
    if style.ring:
        cv2.circle(
            canvas, _at(centre), round(0.98 * big), style.ink, max(1, big // 30), cv2.LINE_AA
        )
    for tick in range(style.ticks):
        angle = 2 * math.pi * tick / style.ticks
        long = 0.14 if tick % max(1, style.ticks // 10) == 0 else 0.07
        a, b = _on(centre, angle, 0.98 * big), _on(centre, angle, (0.98 - long) * big)
        cv2.line(canvas, _at(a), _at(b), style.ink, max(1, big // 35), cv2.LINE_AA)
    if style.numerals != "none":
        far, scale = (1.2, big / 90) if style.numerals == "outside" else (0.72, big / 130)
        for digit in range(10):
            angle = math.radians((1 if right else -1) * digit * 36)
            _word(canvas, _on(centre, angle, far * big), str(digit), scale, style.ink)
    if style.words:
        _word(canvas, centre + np.array([0, 0.42 * big]), style.words, big / 200, style.ink)


def _word(canvas: U8, centre: np.ndarray, word: str, scale: float, ink: Colour) -> None:
    thick = max(1, round(scale * 2))
    (w, h), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    at = (round(centre[0] - w / 2), round(centre[1] + h / 2))
    cv2.putText(canvas, word, at, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thick, cv2.LINE_AA)


def _outline(style: Style) -> list[tuple[float, float]]:
    """The hand's corners along it and across it, in radii."""
    far, half, tail = style.length, style.width / 2, style.tail
    match style.hand:
        case "line":
            return [(-tail, half), (far, half), (far, -half), (-tail, -half)]
        case "wedge":
            return [
                (-tail, half),
                (0, half),
                (far, 0.015),
                (far, -0.015),
                (0, -half),
                (-tail, -half),
            ]
        case "lance":
            return [(-tail, 0.02), (0.25, half), (far, 0), (0.25, -half), (-tail, -0.02)]
        case "arrow":
            neck, head = 0.62 * far, half * 1.3
            right = [(-tail, half / 2), (neck, half / 2), (neck, head), (far, 0)]
            return right + [(x, -y) for x, y in reversed(right[:-1])]
        case "sword":
            right = [(-tail, half), (0.7 * far, half * 0.8), (far, 0)]
            return right + [(x, -y) for x, y in reversed(right[:-1])]
        case _:
            right = [(-tail, half / 3), (0, half), (0.3 * far, half), (far, 0.01)]
            return right + [(x, -y) for x, y in reversed(right)]


def _hand(
    canvas: U8, centre: np.ndarray, big: int, angle: float, style: Style, colour: Colour
) -> None:
    along = np.array([math.sin(angle), -math.cos(angle)])
    across = np.array([math.cos(angle), math.sin(angle)])
    points = [centre + big * (x * along + y * across) for x, y in _outline(style)]
    cv2.fillPoly(canvas, [np.round(points).astype(np.int32)], colour, cv2.LINE_AA)


def _shadow(
    canvas: U8, centre: np.ndarray, big: int, angle: float, style: Style, depth: float
) -> None:
    mask = np.zeros(canvas.shape, np.uint8)
    _hand(mask, centre, big, angle, style, (255, 255, 255))
    soft = cv2.GaussianBlur(mask, (0, 0), big * 0.03).astype(np.float32) / 255
    canvas[:] = (canvas * (1 - depth * soft)).astype(np.uint8)


def _photographed(canvas: U8, margin: int, wear: Wear, rng: np.random.Generator) -> U8:
    height, width = canvas.shape[:2]
    if wear.turn:
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), wear.turn, 1)
        turned = cv2.warpAffine(canvas, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        canvas = np.asarray(turned, np.uint8)
    inner = canvas[margin : height - margin, margin : width - margin]
    h, w = inner.shape[0] // OVERSAMPLE, inner.shape[1] // OVERSAMPLE
    image = cv2.resize(inner, (w, h), interpolation=cv2.INTER_AREA).astype(np.float32)
    x, y = np.meshgrid(np.linspace(0, 1, w), np.linspace(0, 1, h))
    slope = wear.falloff * (x if rng.random() < 0.5 else y)
    image *= (wear.light * (1 - slope))[..., None]
    if wear.glare:
        spot = np.array([rng.uniform(0, w), rng.uniform(0, h)])
        size = rng.uniform(0.1, 0.3) * h
        blob = np.exp(-((x * w - spot[0]) ** 2 + (y * h - spot[1]) ** 2) / (2 * size**2))
        image += (255 - image) * (wear.glare * blob)[..., None]
    if wear.blur:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), wear.blur), np.float32)
    image += rng.normal(0, wear.noise, image.shape) if wear.noise else 0
    done = np.clip(image, 0, 255).astype(np.uint8)
    if wear.quality < 100:
        _, data = cv2.imencode(".jpg", done, [cv2.IMWRITE_JPEG_QUALITY, wear.quality])
        done = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return done


def _on(centre: np.ndarray, angle: float, far: float) -> np.ndarray:
    return centre + far * np.array([math.sin(angle), -math.cos(angle)])


def _at(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
