"""`Renderer`: picture number i of a seed, of any kind of text, the same wherever it is made.

Everything random about a picture is drawn from a generator of (seed, index) alone, so it
depends neither on the pictures before it nor on the process that makes it.
"""

from dataclasses import asdict, dataclass, replace
from random import Random
from typing import assert_never

import numpy as np

from edge_agent.common.arrays import F32, U8
from pipeline.common.errors import DataError
from pipeline.tasks.ocr.charset import BETWEEN, DIGITS, Charset, steps_needed
from pipeline.tasks.ocr.drawing.dates import package_print
from pipeline.tasks.ocr.drawing.degrade import blur, expose, reflect, relight
from pipeline.tasks.ocr.drawing.drawings import (
    Counter,
    Drawing,
    Ink,
    in_dots,
    in_font,
    in_segments,
    on_wheels,
    printed_badly,
)
from pipeline.tasks.ocr.drawing.fonts import Font
from pipeline.tasks.ocr.drawing.housing import Housing
from pipeline.tasks.ocr.drawing.marks.dots import can_print
from pipeline.tasks.ocr.drawing.marks.glyphs import SIZES, draw_text
from pipeline.tasks.ocr.drawing.place import LineBox, Placing, place
from pipeline.tasks.ocr.drawing.says import (
    LABELS,
    display_number,
    fitted,
    printed_line,
    reading_with_unit,
    scene_word,
)
from pipeline.tasks.ocr.drawing.textures import textures
from pipeline.tasks.ocr.recipe import TextKind

# `meter` is the three that meters have, each with its share.
_METER = {"segments": 0.5, "wheels": 0.4, "numbers": 0.1}
_ATTEMPTS = 100
# A text in a font needs at most this share of the time steps, which keeps about six pixels
# for each character however long it is.
_FILLED = 0.7


@dataclass(frozen=True)
class DrawnLook:
    """How a kind of text is photographed; levels are grey, 0 to 255.

    Args:
        layout: the room around the text, and how narrow it is.
        contrast: least and most difference of ink and ground.
        texture: the most the ground differs from its mean.
        dark_ink: how often the ink is darker than the ground.
        housed: whether a window's frame and its label are seen around the text.
        mirrors: how often the pane before the text mirrors something, or is scratched.
        finest: how many times as high as asked for a picture may be: photographs have more pixels
            than a network, and what blurs them does so before they are shrunk.
    """

    layout: LineBox
    contrast: tuple[float, float]
    texture: float
    dark_ink: float
    housed: bool = False
    mirrors: float = 0.0
    finest: float = 1.0


_PAPER = DrawnLook(LineBox((-0.04, 0.16), (-0.02, 0.3), (0.6, 1.15)), (60, 250), 16, 0.97)
_SCENE = DrawnLook(LineBox((-0.04, 0.18), (-0.02, 0.3), (0.65, 1.25)), (35, 230), 40, 0.5)
_PANEL = DrawnLook(LineBox((0.0, 0.3), (0.0, 0.9), (0.75, 1.25)), (30, 220), 14, 0.75)
# Displays: cut out with some room; with so little that a frame or the region's edge hides part
# of the outer segments (the masks have a margin of 0.08 heights); or with their whole window.
_ROOMY = replace(_PANEL, contrast=(22, 200), mirrors=0.3, finest=2.0)
_TIGHT = replace(_ROOMY, layout=LineBox((-0.06, 0.12), (-0.16, 0.35), (0.75, 1.25)), dark_ink=0.85)
_HOUSED = replace(
    _ROOMY, layout=LineBox((0.1, 0.4), (0.05, 1.3), (0.75, 1.25)), dark_ink=0.85, housed=True
)
_DISPLAYS = {_ROOMY: 0.3, _TIGHT: 0.35, _HOUSED: 0.35}
# Packages: film, cartons, bottle necks and tins; print over print is common.
_PACKAGE = DrawnLook(
    LineBox((-0.02, 0.25), (-0.02, 0.6), (0.7, 1.3)),
    (30, 220),
    40,
    0.8,
    mirrors=0.15,
    finest=1.6,
)
# The share of package prints that coders make of dots; the others are transferred from a ribbon.
_DOTTED = 0.8
# A counter's windows, cut out by somebody who drew the region around them.
_WINDOWS = DrawnLook(LineBox((-0.1, 0.15), (-0.1, 0.15), (0.75, 1.25)), (30, 220), 14, 0.75)


@dataclass(frozen=True)
class Synthetic:
    """What pictures are made, and how; two equal ones make the same pictures.

    Args:
        kind: `lines` (printed), `words` (of scenes), `segments` (displays), `wheels`
            (mechanical counters), `meter` (the last two, and printed numbers) or `dates`
            (on packages, of dots or from a ribbon).
        charset: what may be read.
        fonts: what is written in; they have all of `drawn`.
        steps: time steps of the network: no text needs more.
        seed: of all pictures.
        height: of a picture, in pixels, at the least; its width follows from its text.
        upper: whether the texts to be read are capitals, whatever is drawn.
        strength: how hard the pictures are made to read, in [0, 1].
        empty: the share of pictures without any text, which nothing is to be read from.
    """

    kind: TextKind
    charset: Charset
    fonts: tuple[Font, ...]
    steps: int
    seed: int
    height: int = 32
    upper: bool = False
    strength: float = 1.0
    empty: float = 0.03

    def identity(self) -> dict[str, object]:
        """All that decides what the pictures are; fonts by their content, not by their place."""
        values = asdict(self)
        return values | {"fonts": [font.sha256 for font in self.fonts]}


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture (H, W) uint8 grey, and the text to be read from it."""

    image: U8
    text: str


def drawn_characters(charset: Charset, *, upper: bool) -> str:
    """The characters that fonts need for texts of `charset`: without `BETWEEN`."""
    characters = charset.characters.replace(BETWEEN, "") or charset.characters
    if upper:
        characters += "".join(c.lower() for c in characters if c.lower() not in characters)
    return characters


class Renderer:
    """Makes the pictures that `spec` describes.

    Raises:
        DataError: a charset without what the kind of text consists of, or no fonts.
    """

    def __init__(self, spec: Synthetic) -> None:
        numbers = spec.kind in ("segments", "wheels", "meter")
        missing = [c for c in DIGITS if numbers and c not in spec.charset.characters]
        if missing:
            raise DataError(
                f"synthetic: expected a charset with all digits for {spec.kind}, "
                f"found none of {missing[0]!r} in {spec.charset.characters!r}"
            )
        if not spec.fonts:
            raise DataError("synthetic: expected at least one font, found none")
        self.spec = spec
        self._textures = textures()
        # What is drawn may have small letters where what is read has none.
        self._drawn = Charset(drawn_characters(spec.charset, upper=spec.upper))
        self._most = max(1, int(spec.steps * _FILLED))
        self._rolling = BETWEEN in spec.charset.characters

    def __call__(self, index: int) -> Sample:
        """Picture number `index`, at least 0.

        Raises:
            DataError: within a hundred attempts nothing was found to say in the charset.
        """
        rng = Random(f"{self.spec.seed}/{index}")
        if rng.random() < self.spec.empty:
            return Sample(self._empty(rng), "")
        for _ in range(_ATTEMPTS):
            drawing, look = self._draw(rng)
            text = drawing.text.upper() if self.spec.upper else drawing.text
            if text and steps_needed(text) <= self.spec.steps:
                return Sample(self._photograph(drawing, look, rng), text)
        raise DataError(
            f"synthetic: expected {self.spec.kind} that can be written in "
            f"{self.spec.charset.characters!r} within {self.spec.steps} time steps, found none"
        )

    def _draw(self, rng: Random) -> tuple[Drawing, DrawnLook]:
        kind: str = self.spec.kind
        if kind == "meter":
            kind = rng.choices(tuple(_METER), tuple(_METER.values()))[0]
        match kind:
            case "lines":
                ink = self._in_font(printed_line(rng, self._drawn), rng, spaced=0.15)
                return self._worn(ink, rng), _PAPER
            case "words":
                return self._in_font(scene_word(rng, self._drawn), rng, spaced=0.2), _SCENE
            case "numbers":
                say = display_number if rng.random() < 0.7 else reading_with_unit
                return self._in_font(say(rng), rng, spaced=0.4), _PANEL
            case "dates":
                return self._on_a_package(rng), _PACKAGE
            case "segments":
                text = fitted(display_number(rng), self._drawn, self._most)
                look = rng.choices(tuple(_DISPLAYS), tuple(_DISPLAYS.values()))[0]
                return in_segments(text, rng), look
            case _:
                look = _WINDOWS if rng.random() < 0.5 else _PANEL
                return on_wheels(self.spec.fonts, rng, rolling=self._rolling), look

    def _on_a_package(self, rng: Random) -> Ink:
        text = fitted(package_print(rng), self._drawn, self._most)
        if text and can_print(text) and rng.random() < _DOTTED:
            return in_dots(text, self.spec.fonts, rng, self.spec.strength)
        return self._worn(self._in_font(text, rng, spaced=0.3), rng)

    def _in_font(self, text: str, rng: Random, *, spaced: float) -> Ink:
        text = fitted(text, self._drawn, self._most)
        if not text:
            return Ink("", np.zeros((1, 1), np.uint8))
        return in_font(text, self.spec.fonts, rng, spaced=spaced)

    def _worn(self, ink: Ink, rng: Random) -> Ink:
        if not ink.text or rng.random() > 0.2 * self.spec.strength:
            return ink
        height, width = ink.mask.shape
        return printed_badly(ink, self._textures.noise(rng, height, width))

    def _photograph(self, drawing: Drawing, look: DrawnLook, rng: Random) -> U8:
        strength = self.spec.strength
        shape = _mask(drawing).shape
        tall = self.spec.height
        if look.finest > 1:
            tall = round(tall * rng.uniform(1, look.finest))
        placing = place((shape[0], shape[1]), tall, look.layout, strength, rng)
        ground, ink = self._levels(look, rng)
        width, height = placing.size
        image = self._ground(ground, look.texture, height, width, rng)
        if look.housed:
            housing = Housing((shape[0], shape[1]), self._label(rng))
            image = housing.around(image, placing, rng)
        match drawing:
            case Ink():
                image = _write(image, drawing, placing, ink, rng)
            case Counter():
                image = _insert(image, drawing, placing)
            case _:
                assert_never(drawing)
        if look.mirrors and rng.random() < look.mirrors * strength:
            image = reflect(image, rng)
        return self._through_camera(image, rng)

    def _label(self, rng: Random) -> U8 | None:
        """A word beside a display; nothing that is to be read."""
        if rng.random() < 0.4:
            return None
        font, size = rng.choice(self.spec.fonts), rng.choice(SIZES)
        return draw_text(rng.choice(LABELS), font, size, 0)

    def _through_camera(self, image: F32, rng: Random) -> U8:
        strength = self.spec.strength
        image = blur(relight(image, strength, rng), strength, rng)
        return expose(image, strength, self._textures, rng)

    def _levels(self, look: DrawnLook, rng: Random) -> tuple[float, float]:
        """Of the ground and of the ink."""
        low, high = look.contrast
        contrast = rng.uniform(low + (1 - self.spec.strength) * (high - low) / 2, high)
        dark = rng.uniform(0, 255 - contrast)
        levels = (dark + contrast, dark)
        return levels if rng.random() < look.dark_ink else levels[::-1]

    def _ground(self, level: float, most: float, height: int, width: int, rng: Random) -> F32:
        amount = np.float32(rng.uniform(0, most) * self.spec.strength)
        return self._textures.background(rng, height, width) * amount + np.float32(level)

    def _empty(self, rng: Random) -> U8:
        """A wall, a panel, a dark night: nothing to read."""
        height = self.spec.height
        width = round(height * rng.uniform(0.6, 10))
        image = self._ground(rng.uniform(0, 255), 80, height, width, rng)
        return self._through_camera(image, rng)


def _mask(drawing: Drawing) -> U8:
    return drawing.mask if isinstance(drawing, Ink) else drawing.picture


def _write(image: F32, ink: Ink, placing: Placing, level: float, rng: Random) -> F32:
    """`ink` of a grey level on `image`, with its ghost, its shadow or its neighbours."""
    if ink.ghost is not None:
        image = _blend(image, placing.warp(ink.ghost), level, rng.uniform(0.02, 0.25))
    elif rng.random() < 0.1:
        shadow = np.roll(placing.warp(ink.mask), (rng.randint(1, 2), rng.randint(-2, 2)), (0, 1))
        image = _blend(image, shadow, rng.uniform(0, 255), rng.uniform(0.2, 0.7))
    elif rng.random() < 0.12:
        # The line above or below, of which the crop has caught the edge.
        down = rng.choice((-1, 1)) * rng.uniform(0.9, 1.1) * placing.size[1]
        image = _blend(image, placing.warp(ink.mask, down), level, 1.0)
    return _blend(image, placing.warp(ink.mask), level, rng.uniform(0.75, 1.0))


def _blend(image: F32, mask: U8, level: float, share: float) -> F32:
    return image + (np.float32(level) - image) * (mask * np.float32(share / 255))


def _insert(image: F32, counter: Counter, placing: Placing) -> F32:
    """The counter's own picture in its place on `image`."""
    inside = placing.warp(np.full_like(counter.picture, 255)) * np.float32(1 / 255)
    return image * (1 - inside) + placing.warp(counter.picture) * inside
