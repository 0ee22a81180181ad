"""Mechanical counters: wheels of digits behind windows, some of them rolling.

A wheel turns only while all wheels to its right show a 9 on its way to 0, as in the meters
that have such counters. What is read from a wheel that is more than a quarter of a digit on
its way is `BETWEEN`: neither of its two halves is the reading.
"""

from dataclasses import dataclass
from functools import lru_cache
from random import Random

import cv2
import numpy as np

from edge_agent.common.arrays import F32, U8
from pipeline.tasks.ocr.charset import BETWEEN
from pipeline.tasks.ocr.drawing.fonts import Font
from pipeline.tasks.ocr.drawing.marks.glyphs import draw_text

CELL = 40  # pixels, the height of a window before it is scaled to the line
# A digit this far on its way, in digits, is still read, or already read as the next.
READ_WITHIN = 0.25


@dataclass(frozen=True)
class WheelStyle:
    """How one counter looks; levels are grey, 0 to 255.

    Args:
        aspect: width of a window by its height.
        digit: height of a digit by that of its window.
        pitch: from one digit on a wheel to the next, by the window's height.
        ink, face: levels of digits and wheels.
        last_face: level of the wheels after the point, red on most meters.
        frame: level of the bars between the windows.
        bar: their width, in pixels.
        shade: how much darker a wheel is at its upper and lower end, in [0, 1].
    """

    aspect: float
    digit: float
    pitch: float
    ink: float
    face: float
    last_face: float
    frame: float
    bar: int
    shade: float

    @classmethod
    def draw(cls, rng: Random) -> "WheelStyle":
        """A counter at random: two in three have light digits on dark wheels."""
        light, dark = rng.uniform(150, 250), rng.uniform(5, 90)
        ink, face = (light, dark) if rng.random() < 0.65 else (dark, light)
        last_face = face if rng.random() < 0.5 else rng.uniform(60, 110)
        return cls(
            aspect=rng.choice((0.5, 0.6, 0.7, 0.8, 0.9)),
            digit=rng.choice((0.55, 0.65, 0.75, 0.85)),
            pitch=rng.uniform(0.85, 1.15),
            ink=ink,
            face=face,
            last_face=last_face if abs(last_face - ink) > 60 else face,
            frame=rng.choice((face, rng.uniform(0, 255))),
            bar=rng.choice((0, 0, 1, 2, 4, 8)),
            shade=rng.uniform(0.0, 0.6),
        )


def wheel_turns(reading: int, turn: float, wheels: int) -> list[tuple[int, float]]:
    """The digit each of `wheels` shows, left to right, and how far it is on its way, in [0, 1).

    Args:
        reading: what the counter shows before it turns on, below 10 ** `wheels`.
        turn: how far the last wheel is on its way to the next digit, in [0, 1).
        wheels: how many there are.
    """
    shown: list[tuple[int, float]] = []
    for digit in (int(c) for c in reversed(f"{reading:0{wheels}}")):
        shown.append((digit, turn))
        turn = turn if digit == 9 else 0.0
    return shown[::-1]


def wheel_text(turns: list[tuple[int, float]]) -> str:
    """What is to be read from wheels: digits, and `BETWEEN` for one that shows two halves."""
    text = ""
    for digit, turn in turns:
        if turn <= READ_WITHIN:
            text += str(digit)
        elif turn >= 1 - READ_WITHIN:
            text += str((digit + 1) % 10)
        else:
            text += BETWEEN
    return text


def draw_wheels(turns: list[tuple[int, float]], decimals: int, font: Font, style: WheelStyle) -> U8:
    """The counter's windows beside one another, (CELL, W) uint8.

    Args:
        turns: of each wheel; see `wheel_turns`.
        decimals: how many of the last wheels have the other face.
        font: of the digits.
        style: of the counter.
    """
    width, pitch = round(style.aspect * CELL), round(style.pitch * CELL)
    step = width + style.bar
    ink = np.zeros((CELL, len(turns) * step + style.bar), np.float32)
    face = np.full(ink.shape[1], style.face, np.float32)
    face[(len(turns) - decimals) * step :] = style.last_face
    for place, (digit, turn) in enumerate(turns):
        left = place * step + style.bar
        _roll(ink[:, left : left + width], font, digit, round(turn * pitch), pitch, style.digit)
    np.minimum(ink, 1.0, out=ink)
    picture = (face + (np.float32(style.ink) - face) * ink) * _shade(style.shade)
    for place in range(len(turns) + 1):
        picture[:, place * step : place * step + style.bar] = style.frame
    return np.asarray(picture, np.uint8)


def _roll(window: F32, font: Font, digit: int, up: int, pitch: int, height: float) -> None:
    """Put a digit, moved up, and its neighbours on the wheel into `window`, (CELL, width)."""
    for step in (-1, 0, 1, 2):
        middle = CELL // 2 + step * pitch - up
        if not -CELL // 2 < middle < CELL + CELL // 2:
            continue
        glyph = _glyph(font, (digit + step) % 10, window.shape[1], height)
        top = middle - len(glyph) // 2
        low, high = max(top, 0), min(top + len(glyph), CELL)
        if low < high:
            window[low:high] += glyph[low - top : high - top]


@lru_cache(8192)
def _glyph(font: Font, digit: int, width: int, height: float) -> F32:
    """A digit in the middle of `width` pixels, (h, width) in [0, 1]."""
    ink = draw_text(str(digit), font, CELL)
    rows = round(height * CELL)
    columns = min(max(round(ink.shape[1] * rows / ink.shape[0]), 1), width)
    scaled = cv2.resize(ink, (columns, rows), interpolation=cv2.INTER_AREA)
    glyph = np.zeros((rows, width), np.float32)
    left = (width - columns) // 2
    glyph[:, left : left + columns] = scaled / np.float32(255)
    return glyph


@lru_cache(256)
def _shade(strength: float) -> F32:
    """How bright a wheel is from the top of its window to the bottom, (CELL, 1)."""
    across = np.linspace(-1, 1, CELL, dtype=np.float32)[:, np.newaxis]
    return np.asarray(1 - np.float32(strength) * across**2, np.float32)
