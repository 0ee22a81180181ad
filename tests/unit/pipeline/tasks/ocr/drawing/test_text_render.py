"""Synthetic pictures: the same by seed and number, of every kind, and never unreadable by plan."""

import pickle
import string
from collections.abc import Callable
from random import Random
from typing import get_args

import numpy as np
import pytest

from edge_agent.common.arrays import F32
from pipeline.common.errors import DataError
from pipeline.tasks.ocr.charset import (
    ALPHANUMERIC,
    BETWEEN,
    DIGITS,
    METER,
    PRINTED,
    PRINTED_UPPER,
    Charset,
    steps_needed,
)
from pipeline.tasks.ocr.drawing import render
from pipeline.tasks.ocr.drawing.degrade import reflect
from pipeline.tasks.ocr.drawing.fonts import Font, find_fonts
from pipeline.tasks.ocr.drawing.render import Renderer, Synthetic, drawn_characters
from pipeline.tasks.ocr.recipe import TextKind

Describe = Callable[..., Synthetic]
# Of those that are drawn finer than they are asked for.
TALLEST = {"segments": 64, "meter": 64, "dates": 52}
DATES = DIGITS + string.ascii_uppercase + "./-: "
CHARSETS = {
    "lines": PRINTED,
    "words": ALPHANUMERIC,
    "segments": METER,
    "wheels": METER,
    "meter": METER,
    "dates": DATES,
}


def describe(
    synthetic: Describe, kind: str, fonts: tuple[Font, ...], **changes: object
) -> Synthetic:
    """Pictures of `kind` in its own charset and a font that has all of it."""
    return synthetic(kind=kind, charset=Charset(CHARSETS[kind]), fonts=fonts[:3], **changes)


@pytest.mark.parametrize("kind", get_args(TextKind))
def test_a_picture_depends_on_its_number_alone(
    kind: str, synthetic: Describe, fonts: tuple[Font, ...]
) -> None:
    """Made in another order, by another renderer of an equal description, it is the same."""
    spec = describe(synthetic, kind, fonts)
    first, second = Renderer(spec), Renderer(pickle.loads(pickle.dumps(spec)))
    forwards = [first(number) for number in range(12)]
    backwards = [second(number) for number in reversed(range(12))][::-1]
    for a, b in zip(forwards, backwards, strict=True):
        assert a.text == b.text
        np.testing.assert_array_equal(a.image, b.image)


@pytest.mark.parametrize("kind", get_args(TextKind))
def test_pictures_are_what_a_network_can_learn(
    kind: str, synthetic: Describe, fonts: tuple[Font, ...]
) -> None:
    """Each is grey and high enough, its text in the charset and short enough; all differ."""
    spec = describe(synthetic, kind, fonts, steps=24)
    renderer = Renderer(spec)
    samples = [renderer(number) for number in range(150)]
    for sample in samples:
        assert sample.image.dtype == np.uint8
        assert sample.image.ndim == 2
        assert 32 <= sample.image.shape[0] <= TALLEST.get(kind, 32)
        spec.charset.encode(sample.text, "picture")
        assert steps_needed(sample.text) <= 24
    assert len({sample.image.tobytes() for sample in samples}) == 150
    assert len({sample.text for sample in samples}) > 50
    # Pictures without ink by accident would be lies; almost all have some contrast.
    spread = [float(sample.image.std()) for sample in samples if sample.text]
    assert np.mean(np.array(spread) > 4) > 0.95


def test_another_seed_makes_other_pictures(synthetic: Describe) -> None:
    """Two seeds share no text row."""
    texts = [[Renderer(synthetic(seed=seed))(i).text for i in range(20)] for seed in (1, 2)]
    assert texts[0] != texts[1]


def test_empty_pictures_have_their_share(synthetic: Describe) -> None:
    """Nothing is to be read from those without text, and from no other; none when none is asked."""
    renderer = Renderer(synthetic(empty=0.5))
    texts = [renderer(number).text for number in range(200)]
    assert 70 < texts.count("") < 130
    assert all(Renderer(synthetic(empty=0.0))(number).text for number in range(50))


def test_halves_of_digits_appear_only_where_they_can_be_said(synthetic: Describe) -> None:
    """With the sign for two halves in the charset wheels roll far; without it they do not."""
    rolling = Renderer(synthetic(kind="wheels"))
    texts = "".join(rolling(number).text for number in range(200))
    assert BETWEEN in texts
    still = Renderer(synthetic(kind="wheels", charset=Charset(DIGITS)))
    assert set("".join(still(number).text for number in range(200))) == set(DIGITS)


def test_capitals_are_read_from_small_letters_too(
    synthetic: Describe, font_folder: object, fonts: tuple[Font, ...]
) -> None:
    """With `upper` the texts are capitals, though fonts have to draw small letters as well."""
    charset = Charset(PRINTED_UPPER)
    assert "a" in drawn_characters(charset, upper=True)
    assert "a" not in drawn_characters(charset, upper=False)
    assert BETWEEN not in drawn_characters(Charset(METER), upper=False)
    spec = synthetic(kind="lines", charset=charset, upper=True, fonts=fonts[:2])
    texts = [Renderer(spec)(number).text for number in range(60)]
    assert all(text == text.upper() for text in texts)
    # The same draw without `upper` has no small letters to draw, so other pictures.
    plain = Renderer(synthetic(kind="lines", charset=charset, fonts=fonts[:2]))
    assert any((plain(n).text != text) for n, text in enumerate(texts))


def test_strength_makes_pictures_harder(synthetic: Describe) -> None:
    """Without degradations neighbouring pixels are smoother: no noise, no texture."""

    def roughness(strength: float) -> float:
        spec = synthetic(kind="segments", strength=strength, empty=0.0)
        images = [Renderer(spec)(number).image.astype(int) for number in range(40)]
        return float(np.median([np.abs(np.diff(image[:2])).mean() for image in images]))

    assert roughness(0.0) < 0.5 * roughness(1.0)


@pytest.mark.parametrize(("kind", "least", "most"), [("segments", 20, 45), ("wheels", 0, 0)])
def test_panes_of_displays_mirror(
    kind: str, least: int, most: int, synthetic: Describe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three of ten displays have something in their pane; no counter has."""
    seen = []

    def mirrored(image: F32, rng: Random) -> F32:
        seen.append(image.shape)
        return reflect(image, rng)

    monkeypatch.setattr(render, "reflect", mirrored)
    renderer = Renderer(synthetic(kind=kind, empty=0.0))
    for number in range(100):
        renderer(number)
    assert least <= len(seen) <= most


def test_a_charset_without_digits_cannot_be_a_meters(synthetic: Describe) -> None:
    """The first digit that is missing is named."""
    with pytest.raises(DataError) as error:
        Renderer(synthetic(charset=Charset("012345679")))
    assert str(error.value) == (
        "synthetic: expected a charset with all digits for meter, found none of '8' in '012345679'"
    )


def test_no_fonts_are_refused(synthetic: Describe) -> None:
    """A renderer without fonts is an error at once, not at its first picture."""
    with pytest.raises(DataError, match=r"^synthetic: expected at least one font, found none$"):
        Renderer(synthetic(fonts=()))


def test_what_cannot_be_said_is_one_error(synthetic: Describe) -> None:
    """A charset that leaves nothing of any line ends in an error, not in an endless search."""
    renderer = Renderer(synthetic(kind="lines", charset=Charset(" "), empty=0.0))
    with pytest.raises(DataError) as error:
        renderer(0)
    assert str(error.value) == (
        "synthetic: expected lines that can be written in ' ' within 32 time steps, found none"
    )


def test_a_renderers_identity_is_its_content(synthetic: Describe, font_folder: object) -> None:
    """Fonts count by what is in them, so another folder with the same fonts is the same data."""
    spec = synthetic()
    assert spec.identity()["fonts"] == [font.sha256 for font in spec.fonts]
    assert spec.identity() != synthetic(seed=2).identity()


def test_every_font_of_the_system_can_draw(synthetic: Describe) -> None:
    """Whatever fonts are installed, each draws a picture with ink."""
    fonts = find_fonts(ALPHANUMERIC)
    for font in fonts[:60]:
        spec = synthetic(
            kind="words", charset=Charset(ALPHANUMERIC), fonts=(font,), strength=0.0, empty=0.0
        )
        assert Renderer(spec)(0).image.std() > 4, font.path
