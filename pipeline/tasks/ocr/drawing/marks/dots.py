"""Characters of dots, as ink-jet coders and needle printers put dates on packages.

A coder fires one column of drops after the other while the package passes: every character
is a raster of dots, 7 high for the smallest and up to 16. The smallest raster has shapes of
its own (`SMALL`); larger ones follow whatever font they are given.
"""

from dataclasses import dataclass
from functools import lru_cache
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_agent.common.arrays import U8
from pipeline.tasks.ocr.drawing.fonts import Font
from pipeline.tasks.ocr.drawing.marks.glyphs import draw_text

# Seven rows of dots from the top, each as the digits of its five columns.
SMALL = {
    "0": "01110 10001 10011 10101 11001 10001 01110",
    "1": "00100 01100 00100 00100 00100 00100 01110",
    "2": "01110 10001 00001 00110 01000 10000 11111",
    "3": "01110 10001 00001 00110 00001 10001 01110",
    "4": "00010 00110 01010 10010 11111 00010 00010",
    "5": "11111 10000 11110 00001 00001 10001 01110",
    "6": "00110 01000 10000 11110 10001 10001 01110",
    "7": "11111 00001 00010 00100 00100 01000 01000",
    "8": "01110 10001 10001 01110 10001 10001 01110",
    "9": "01110 10001 10001 01111 00001 00010 01100",
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "B": "11110 10001 10001 11110 10001 10001 11110",
    "C": "01110 10001 10000 10000 10000 10001 01110",
    "D": "11110 10001 10001 10001 10001 10001 11110",
    "E": "11111 10000 10000 11110 10000 10000 11111",
    "F": "11111 10000 10000 11110 10000 10000 10000",
    "G": "01110 10001 10000 10111 10001 10001 01110",
    "H": "10001 10001 10001 11111 10001 10001 10001",
    "I": "01110 00100 00100 00100 00100 00100 01110",
    "J": "00111 00010 00010 00010 00010 10010 01100",
    "K": "10001 10010 10100 11000 10100 10010 10001",
    "L": "10000 10000 10000 10000 10000 10000 11111",
    "M": "10001 11011 10101 10101 10001 10001 10001",
    "N": "10001 11001 10101 10011 10001 10001 10001",
    "O": "01110 10001 10001 10001 10001 10001 01110",
    "P": "11110 10001 10001 11110 10000 10000 10000",
    "Q": "01110 10001 10001 10001 10101 10010 01101",
    "R": "11110 10001 10001 11110 10100 10010 10001",
    "S": "01111 10000 10000 01110 00001 00001 11110",
    "T": "11111 00100 00100 00100 00100 00100 00100",
    "U": "10001 10001 10001 10001 10001 10001 01110",
    "V": "10001 10001 10001 10001 10001 01010 00100",
    "W": "10001 10001 10001 10101 10101 11011 10001",
    "X": "10001 01010 00100 00100 00100 01010 10001",
    "Y": "10001 01010 00100 00100 00100 00100 00100",
    "Z": "11111 00001 00010 00100 01000 10000 11111",
    ".": "00000 00000 00000 00000 00000 01100 01100",
    ":": "00000 01100 01100 00000 01100 01100 00000",
    "/": "00001 00010 00010 00100 01000 01000 10000",
    "-": "00000 00000 00000 11111 00000 00000 00000",
    " ": "00000 00000 00000 00000 00000 00000 00000",
}
PLAIN_ZERO = "01110 10001 10001 10001 10001 10001 01110"
HEIGHT = 56  # pixels, of a character before it is scaled to the line
_SAMPLE = 64  # em size, in pixels, of a font whose letters become rasters
_INKED = 0.42  # a dot stands where at least this share of its cell is ink
_SUBPIXEL = 4  # bits that cv2 gives to the fraction of a coordinate


@dataclass(frozen=True)
class DotStyle:
    """How one coder prints; lengths are shares of the distance between two dots of a column.

    Args:
        rows: dots of a column; 7 takes `SMALL`.
        radius: of a dot; from about 0.5 on they touch.
        across: the distance between two columns.
        gap: empty columns between two characters.
        slant: how far the top leans to the right: the package moves while a column is fired.
        scatter: standard deviation of where a dot lands.
        missing: the share of the dots that are not there.
        wave: how far the line rises and falls, as belts shake.
        plain_zero: whether the zero has no stroke through it.
        bold: how many times each column is printed.
    """

    rows: int
    radius: float
    across: float
    gap: int
    slant: float
    scatter: float
    missing: float
    wave: float
    plain_zero: bool
    bold: int

    @classmethod
    def draw(cls, rng: Random, strength: float) -> "DotStyle":
        """A coder at random, as worn as `strength` in [0, 1] allows."""
        return cls(
            rows=rng.choice((7, 7, 7, 7, 9, 12, 16)),
            radius=rng.uniform(0.3, 0.62),
            across=rng.uniform(0.7, 1.35),
            gap=rng.choice((1, 1, 2)),
            slant=rng.choice((0.0, rng.uniform(-0.2, 0.3) * strength)),
            scatter=rng.uniform(0.0, 0.14) * strength,
            missing=rng.choice((0.0, rng.uniform(0.0, 0.08) * strength)),
            wave=rng.uniform(0.0, 0.5) * strength,
            plain_zero=rng.random() < 0.6,
            bold=rng.choice((1, 1, 1, 2)),
        )


def can_print(text: str) -> bool:
    """Whether the smallest raster has every character of `text`."""
    return all(character in SMALL for character in text)


def draw_dots(text: str, style: DotStyle, font: Font, rng: Random) -> U8:
    """`text` as dots: a mask (H, W) uint8, 255 where there is ink.

    Args:
        text: of the characters of `SMALL`.
        style: how it is printed.
        font: whose shapes a raster of more than seven rows has.
        rng: lets dots scatter and be missing.

    Raises:
        KeyError: another character.
    """
    raster = _line(text, style, font)
    pitch = HEIGHT / style.rows
    along, lean = pitch * style.across, style.slant * HEIGHT
    margin = HEIGHT // 7
    rows, columns = np.nonzero(raster)
    width = round(raster.shape[1] * along + abs(lean)) + 2 * margin
    mask = np.zeros((HEIGHT + 2 * margin, width), np.uint8)
    phase, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 2.0) * max(width, 1)
    radius = max(round(style.radius * pitch * 2**_SUBPIXEL), 1)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        if rng.random() < style.missing:
            continue
        x = margin + (column + 0.5) * along + (0.5 - row / style.rows) * lean + abs(lean) / 2
        y = margin + (row + 0.5) * pitch
        y += style.wave * pitch * np.sin(phase + 2 * np.pi * x / length)
        place = (value + rng.gauss(0, style.scatter) * pitch for value in (x, y))
        centre = tuple(round(value * 2**_SUBPIXEL) for value in place)
        cv2.circle(mask, centre, radius, (255,), cv2.FILLED, cv2.LINE_AA, _SUBPIXEL)
    return mask


def _line(text: str, style: DotStyle, font: Font) -> NDArray[np.bool_]:
    """The dots of a whole text, (rows, columns)."""
    parts: list[NDArray[np.bool_]] = []
    for character in text:
        raster = _small(character, style.plain_zero)
        if style.rows > len(raster):
            raster = _from_font(character, font, style.rows)
        parts.append(np.repeat(raster, style.bold, axis=1))
        parts.append(np.zeros((len(raster), style.gap * style.bold), bool))
    return np.concatenate(parts[:-1], axis=1)


@lru_cache(128)
def _small(character: str, plain_zero: bool) -> NDArray[np.bool_]:
    shape = PLAIN_ZERO if character == "0" and plain_zero else SMALL[character]
    return np.array([[dot == "1" for dot in row] for row in shape.split()], bool)


@lru_cache(2048)
def _from_font(character: str, font: Font, rows: int) -> NDArray[np.bool_]:
    """A character of `font` as a raster of `rows` dots a column, its line's height kept."""
    if character == " ":
        return np.zeros((rows, max(2, rows // 2)), bool)
    # A tall letter before it gives every character the same top and baseline.
    whole, prefix = draw_text(f"H{character}", font, _SAMPLE), draw_text("H", font, _SAMPLE)
    mask = whole[: prefix.shape[0], prefix.shape[1] :]
    inked = np.flatnonzero(mask.max(axis=0))
    if not inked.size:
        return np.zeros((rows, 2), bool)
    mask = mask[:, int(inked[0]) : int(inked[-1]) + 1]
    columns = max(1, round(mask.shape[1] * rows / mask.shape[0]))
    share = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA) / 255
    raster = np.asarray(share.reshape(rows, columns) >= _INKED, bool)
    # A stroke thinner than a dot would vanish.
    return raster if raster.any() else np.asarray(share >= share.max(), bool)
