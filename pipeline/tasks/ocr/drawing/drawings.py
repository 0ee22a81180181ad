"""What is drawn before a camera looks at it: a text as ink, or a counter as a picture."""

from dataclasses import dataclass
from random import Random
from typing import TypeAlias

import numpy as np

from edge_agent.common.arrays import F32, U8
from pipeline.tasks.ocr.drawing.fonts import Font
from pipeline.tasks.ocr.drawing.marks.dots import DotStyle, draw_dots
from pipeline.tasks.ocr.drawing.marks.glyphs import SIZES, draw_text, thicken
from pipeline.tasks.ocr.drawing.marks.odometer import (
    WheelStyle,
    draw_wheels,
    wheel_text,
    wheel_turns,
)
from pipeline.tasks.ocr.drawing.marks.segments import MARGIN, Contrasts, SegmentStyle, draw_segments


@dataclass(frozen=True, eq=False)
class Ink:
    """A text as ink.

    Args:
        text: what it says.
        mask: (H, W) uint8, 255 where there is ink.
        ghost: (H, W) uint8, what is faintly there besides: a display's dark segments.
    """

    text: str
    mask: U8
    ghost: U8 | None = None


@dataclass(frozen=True, eq=False)
class Counter:
    """A counter's windows as a picture, (H, W) uint8, and what is read from them."""

    text: str
    picture: U8


Drawing: TypeAlias = Ink | Counter


def in_font(text: str, fonts: tuple[Font, ...], rng: Random, *, spaced: float) -> Ink:
    """`text` in a font, a size and a weight at random; a share `spaced` has its letters apart."""
    size = rng.choice(SIZES)
    spacing = rng.randint(1, size // 4) if rng.random() < spaced else 0
    mask = draw_text(text, rng.choice(fonts), size, spacing)
    if rng.random() < 0.3:
        mask = thicken(mask, rng)
    return Ink(text, mask)


def in_dots(text: str, fonts: tuple[Font, ...], rng: Random, strength: float) -> Ink:
    """`text` as an ink-jet coder or a needle printer puts it on a package."""
    style = DotStyle.draw(rng, strength)
    return Ink(text, draw_dots(text, style, rng.choice(fonts), rng))


def in_segments(text: str, rng: Random) -> Ink:
    """`text` on a seven-segment display; half of them show their idle segments."""
    style = SegmentStyle.draw(rng)
    contrasts = _from_the_side(len(text), rng) if rng.random() < 0.4 else None
    lit, every = draw_segments(text, style, contrasts)
    if rng.random() < 0.3:
        lit = _fading(lit, rng)
    # What pales does so as its idle segments begin to show.
    shown = 0.8 if contrasts else 0.4
    # Who cuts out a display that begins with a 1 cuts at the 1, not at the place it stands in.
    first = _first_ink(lit) if rng.random() < 0.5 else 0
    return Ink(text, lit[:, first:], every[:, first:] if rng.random() < shown else None)


def _first_ink(mask: U8) -> int:
    """The first column that has to stay for the ink to keep its margin."""
    inked = np.flatnonzero(mask.any(axis=0))
    return max(0, int(inked[0]) - MARGIN) if inked.size else 0


def _from_the_side(count: int, rng: Random) -> Contrasts:
    """An LCD whose digits pale towards one end, one after the other or all of a sudden.

    The palest has 0.2 to 0.8 of the contrast of the others. Idle segments go the other way.
    """
    pale = rng.randint(1, count)
    least, sudden = rng.uniform(0.2, 0.8), rng.random() < 0.4
    falls = [least] * pale if sudden else list(np.linspace(1, least, pale + 1)[1:])
    lit = [1.0] * (count - pale) + falls
    at_rest = rng.uniform(0.2, 1.0)
    idle = [1 - (1 - at_rest) * (value - least) / (1 - least) for value in lit]
    lit = [float(np.clip(value * rng.uniform(0.92, 1.08), 0.15, 1)) for value in lit]
    # The palest digits of displays in photographs are mostly the last ones.
    order = slice(None) if rng.random() < 0.7 else slice(None, None, -1)
    return Contrasts(tuple(lit[order]), tuple(idle[order]))


def _fading(lit: U8, rng: Random) -> U8:
    """Contrast that falls along the display, and a little from its top to its bottom."""
    ends = [rng.uniform(0.3, 1.0), rng.uniform(0.7, 1.0), rng.uniform(0.7, 1.0)]
    rng.shuffle(ends)
    columns = np.linspace(0, 2, lit.shape[1])
    down = np.linspace(rng.uniform(0.6, 1.0), rng.uniform(0.6, 1.0), lit.shape[0])
    share = np.interp(columns, range(3), ends) * down[:, np.newaxis] / down.max()
    return np.asarray(np.rint(lit * share), np.uint8)


def on_wheels(fonts: tuple[Font, ...], rng: Random, *, rolling: bool) -> Counter:
    """A counter that shows a reading at random, on its way to the next one half the time.

    Without `rolling` no wheel is far enough on its way for its text to be `BETWEEN`.
    """
    wheels = rng.choice((1, 1, 2, 3, 4, 5, 5, 6, 7, 8))
    turn = rng.random() if rng.random() < 0.5 else 0.0
    if not rolling and 0.25 < turn < 0.75:
        turn = 0.0
    reading = rng.randrange(10**wheels)
    if turn and rng.random() < 0.3:
        # Numbers that end in nines are rare, and the ones that turn several wheels.
        nines = 10 ** rng.randint(1, wheels)
        reading = reading - reading % nines + nines - 1
    turns = wheel_turns(reading, turn, wheels)
    # Wheels never rest quite where they should.
    shown = [(digit, part or abs(rng.gauss(0, 0.03))) for digit, part in turns]
    decimals = rng.choice((0, 0, 1, 2, 3)) if wheels > 3 else 0
    picture = draw_wheels(shown, decimals, rng.choice(fonts), WheelStyle.draw(rng))
    return Counter(wheel_text(turns), picture)


def printed_badly(ink: Ink, noise: F32) -> Ink:
    """`ink` with the gaps that thermal and dot-matrix printers leave, where `noise` is high."""
    worn = np.where(noise > 0.9, ink.mask // 3, ink.mask)
    return Ink(ink.text, worn.astype(np.uint8), ink.ghost)
