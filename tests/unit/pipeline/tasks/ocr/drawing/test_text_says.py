"""What synthetic texts say: always writable, always short enough, and varied."""

from random import Random

import pytest

from pipeline.tasks.ocr.charset import ALPHANUMERIC, PRINTED, Charset, steps_needed
from pipeline.tasks.ocr.drawing.says import (
    display_number,
    fitted,
    printed_line,
    reading_with_unit,
    scene_word,
)


def test_fitted_drops_and_cuts() -> None:
    """Characters outside go, spaces close up, and the rest is cut to what steps can hold."""
    charset = Charset("ab ")
    assert fitted("axb", charset, 9) == "ab"
    assert fitted("a x b", charset, 9) == "a b"
    assert fitted("aabb", charset, 4) == "aab"
    assert fitted("ab  ", charset, 9) == "ab"
    assert fitted("xyz", charset, 9) == ""


def test_words_are_varied_and_have_every_character() -> None:
    """Two thousand words are mostly different, and leave no letter and no digit out."""
    charset = Charset(ALPHANUMERIC)
    words = [scene_word(Random(seed), charset) for seed in range(2000)]
    assert len(set(words)) > 1000
    assert set("".join(words)) == set(ALPHANUMERIC)


def test_lines_have_every_printed_character() -> None:
    """Three thousand lines hold prices, dates and words, and every character of the charset."""
    charset = Charset(PRINTED)
    lines = [printed_line(Random(seed), charset) for seed in range(3000)]
    assert set("".join(lines)) >= set(PRINTED)
    assert any(" " in line.strip() for line in lines)
    assert len(set(lines)) > 2500


def test_display_numbers_are_numbers() -> None:
    """Every one is a number, some negative, some with decimals and some without."""
    numbers = [display_number(Random(seed)) for seed in range(500)]
    assert all(abs(float(number)) < 1e8 for number in numbers)
    assert any(number.startswith("-") for number in numbers)
    assert any("." in number for number in numbers)
    assert any("." not in number for number in numbers)
    digits = [len(number.lstrip("-").split(".")[0]) for number in numbers]
    assert max(digits) == 7
    assert sum(count <= 3 for count in digits) > 0.5 * len(digits)


@pytest.mark.parametrize("say", [display_number, reading_with_unit])
def test_the_same_draw_says_the_same(say: object) -> None:
    """A text depends on its generator alone."""
    assert callable(say)
    assert [say(Random(3)) for _ in range(3)] == [say(Random(3))] * 3


def test_units_follow_readings() -> None:
    """A reading with its unit fits the steps it is given when it is fitted to them."""
    texts = [reading_with_unit(Random(seed)) for seed in range(200)]
    assert any("kWh" in text for text in texts)
    cut = [fitted(text, Charset(PRINTED), 6) for text in texts]
    assert max(map(steps_needed, cut)) <= 6
