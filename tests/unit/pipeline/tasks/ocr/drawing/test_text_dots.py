"""Characters of dots: where the dots are, and that each character stays one of its own."""

import string
from collections.abc import Callable
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from edge_agent.common.arrays import U8
from pipeline.tasks.ocr.charset import Charset
from pipeline.tasks.ocr.drawing.dates import package_print
from pipeline.tasks.ocr.drawing.fonts import Font
from pipeline.tasks.ocr.drawing.marks.dots import (
    HEIGHT,
    PLAIN_ZERO,
    SMALL,
    DotStyle,
    can_print,
    draw_dots,
)
from pipeline.tasks.ocr.drawing.render import Renderer, Synthetic

PLAIN = DotStyle(
    rows=7,
    radius=0.3,
    across=1.0,
    gap=1,
    slant=0.0,
    scatter=0.0,
    missing=0.0,
    wave=0.0,
    plain_zero=False,
    bold=1,
)
PITCH = HEIGHT // 7
MARGIN = HEIGHT // 7


def dots(mask: U8, columns: int) -> list[str]:
    """The raster that a mask shows, read at the middle of every dot's place."""
    rows = [MARGIN + row * PITCH + PITCH // 2 for row in range(7)]
    places = [MARGIN + column * PITCH + PITCH // 2 for column in range(columns)]
    return ["".join("1" if mask[y, x] > 127 else "0" for x in places) for y in rows]


@pytest.mark.parametrize("character", sorted(set(SMALL) - {" "}))
def test_a_small_character_has_its_dots_and_no_others(
    character: str, fonts: tuple[Font, ...]
) -> None:
    """Read back from the picture, dot by dot."""
    mask = draw_dots(character, PLAIN, fonts[0], Random(1))
    assert dots(mask, 5) == SMALL[character].split()


def test_no_two_characters_are_alike() -> None:
    """A plain zero and an O differ in nothing that a camera sees; all others do."""
    shapes = list(SMALL.values())
    assert len(set(shapes)) == len(shapes)
    assert PLAIN_ZERO == SMALL["O"] != SMALL["0"]


def test_characters_stand_apart_by_the_gap(fonts: tuple[Font, ...]) -> None:
    """Six columns from one to the next: five of its own and an empty one."""
    mask = draw_dots("1-", PLAIN, fonts[0], Random(1))
    shown = dots(mask, 11)
    one, dash = SMALL["1"].split(), SMALL["-"].split()
    assert shown == [f"{a}0{b}" for a, b in zip(one, dash, strict=True)]


@pytest.mark.parametrize("rows", [9, 12, 16])
def test_larger_rasters_follow_the_font(rows: int, fonts: tuple[Font, ...]) -> None:
    """Every digit leaves dots, and no two digits the same ones."""
    style = replace(PLAIN, rows=rows)
    masks = [draw_dots(digit, style, fonts[0], Random(1)) for digit in string.digits]
    assert all(mask.max() == 255 for mask in masks)
    assert len({mask.tobytes() for mask in masks}) == len(masks)


def test_what_is_missing_is_not_printed(fonts: tuple[Font, ...]) -> None:
    """All dots missing leave nothing; none missing leave all of them."""
    nothing = draw_dots("8", replace(PLAIN, missing=1.0), fonts[0], Random(1))
    assert nothing.max() == 0
    some = draw_dots("8888", replace(PLAIN, missing=0.3), fonts[0], Random(1))
    whole = draw_dots("8888", PLAIN, fonts[0], Random(1))
    assert 0 < np.count_nonzero(some) < np.count_nonzero(whole)


def test_what_a_coder_prints_can_be_printed_in_dots() -> None:
    """Of a thousand lines each is in capitals, has a digit, and is short."""
    lines = [package_print(Random(number)) for number in range(1000)]
    assert all(can_print(line) for line in lines)
    assert all(any(c.isdigit() for c in line) and len(line) <= 40 for line in lines)
    assert len(set(lines)) > 900
    assert not can_print("a")


def test_dates_are_drawn_in_dots_and_in_letters(synthetic: Callable[..., Synthetic]) -> None:
    """Of the kind `dates`, whose texts are those of its own vocabulary alone."""
    charset = Charset(string.digits + string.ascii_uppercase + "./-: ")
    render = Renderer(synthetic(kind="dates", charset=charset, steps=64, empty=0.0))
    samples = [render(number) for number in range(40)]
    assert all(set(sample.text) <= set(charset.characters) for sample in samples)
    assert all(sample.image.std() > 2 for sample in samples)
