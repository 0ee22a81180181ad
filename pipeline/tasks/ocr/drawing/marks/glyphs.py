"""A text in a font as a mask of ink, drawn by FreeType."""

from random import Random

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from edge_agent.common.arrays import U8
from pipeline.tasks.ocr.drawing.fonts import Font, open_font

# Em sizes, in pixels, that a line 32 pixels high is drawn at: near what it is scaled to.
SIZES = (24, 28, 32, 36)
_ROOM = 4  # pixels around the ink: slanted letters leave their box
_KERNEL = np.ones((2, 2), np.uint8)


def draw_text(text: str, font: Font, size: int, spacing: int = 0) -> U8:
    """`text` as a mask (H, W) uint8, 255 where there is ink, cut to the ink's own width.

    The height runs from the top of the font's tallest letters to the bottom of its deepest
    ones or, where the ink ends before, to the ink; so that a line of small letters is not
    blown up to the height of capitals.

    Args:
        text: at least one character that leaves ink.
        font: it has them.
        size: of the em, in pixels.
        spacing: pixels more than the font's own between two characters.

    Raises:
        DataError: FreeType cannot open the font.
    """
    face = open_font(font.path, size)
    ascent, descent = face.getmetrics()
    width = int(face.getlength(text)) + spacing * len(text) + size + 2 * _ROOM
    canvas = Image.new("L", (max(width, 1), ascent + descent + 2 * _ROOM))
    pen = ImageDraw.Draw(canvas)
    if spacing:
        _draw_spaced(pen, text, face, spacing)
    else:
        pen.text((_ROOM, _ROOM), text, fill=255, font=face)
    return _cut(np.asarray(canvas), _ROOM + ascent // 4, _ROOM + ascent)


def thicken(mask: U8, rng: Random) -> U8:
    """`mask` with bolder strokes or, as often, with finer ones."""
    change = cv2.dilate if rng.random() < 0.5 else cv2.erode
    return np.asarray(change(mask, _KERNEL), np.uint8)


def _draw_spaced(
    pen: ImageDraw.ImageDraw, text: str, face: ImageFont.FreeTypeFont, spacing: int
) -> None:
    x = float(_ROOM)
    for character in text:
        pen.text((x, _ROOM), character, fill=255, font=face)
        x += face.getlength(character) + spacing


def _cut(mask: U8, top: int, bottom: int) -> U8:
    """`mask` cut to its ink, but at least from `top` to `bottom` high."""
    rows, columns = np.flatnonzero(mask.max(axis=1)), np.flatnonzero(mask.max(axis=0))
    if not len(rows):
        return mask[top:bottom, :1]
    first, last = min(int(rows[0]), top), max(int(rows[-1]) + 1, bottom)
    return mask[first:last, int(columns[0]) : int(columns[-1]) + 1]
