"""Pictures that are drawn to be held: the same every time, and never those of the training."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.common.errors import RecipeError
from pipeline.recipe import DataRecipe
from pipeline.tasks.ocr.data.drawn import draw_texts, held_seed
from pipeline.tasks.ocr.data.load import load_texts
from pipeline.tasks.ocr.drawing.render import Renderer, Synthetic
from pipeline.tasks.ocr.recipe import TextRecipe
from pipeline.tasks.recipes import decode_recipe

RECIPES = Path(__file__).parents[6] / "recipes"


def test_the_same_pictures_are_drawn_every_time(synthetic: Callable[..., Synthetic]) -> None:
    """By their number: more of them begin with the same ones."""
    few, more = draw_texts(synthetic(), 6), draw_texts(synthetic(), 9)
    assert few.train.digests == more.train.digests[:6]
    assert few.train.split.labels == more.train.split.labels[:6]
    np.testing.assert_array_equal(few.train.split.images[5], more.train.split.images[5])


def test_no_picture_of_the_training_is_held(synthetic: Callable[..., Synthetic]) -> None:
    """For every seed a recipe may have, the other seed is none that a recipe may have."""
    assert {held_seed(seed) for seed in range(9)} == {-1 - seed for seed in range(9)}
    held = draw_texts(synthetic(seed=held_seed(3)), 12)
    render = Renderer(synthetic(seed=3))
    learnt = [render(number) for number in range(12)]
    for number, sample in enumerate(learnt):
        image = held.train.split.images[number]
        assert image.shape != sample.image.shape or (image != sample.image).any()


def test_they_are_divided_into_splits(synthetic: Callable[..., Synthetic]) -> None:
    """Each picture is its own source, so the shares are met to the picture."""
    text = TextRecipe(charset="0123456789.-?")
    data = DataRecipe(kind="text-drawn", count=40, val=0.25, test=0.5, calibration=4)
    drawn = draw_texts(synthetic(), data.count)
    found = load_texts(data, text, root=Path("/none"), folder=None, drawn=drawn, seed=1)
    different = len(set(drawn.train.digests))
    assert len(found.test) == round(0.5 * different)
    assert len(found.val) == round(0.25 * different)
    assert len(found.calibration) == 4
    assert not set(found.test.ids) & set(found.train.ids)


def test_a_folder_beside_them_is_learnt_from(
    synthetic: Callable[..., Synthetic], text_folder: Callable[..., Path]
) -> None:
    """Crops of one's own packages, beside what is drawn."""
    folder = text_folder({"a.png": "12", "b.png": "34"})
    data = DataRecipe(kind="text-drawn", path="x", count=20, calibration=2)
    drawn = draw_texts(synthetic(), data.count)
    text = TextRecipe(charset="0123456789.-?")
    found = load_texts(data, text, root=Path("/none"), folder=folder, drawn=drawn, seed=1)
    assert found.train.labels[-2:] == ("12", "34")


def test_they_need_to_be_told_what_to_show() -> None:
    """Without `synthetic` there is nothing to draw."""
    text = (RECIPES / "ocr-dates.toml").read_text(encoding="utf-8")
    decode_recipe(text.encode(), "dates")
    without = "\n".join(line for line in text.splitlines() if not line.startswith("synthetic"))
    with pytest.raises(RecipeError, match=r"text\.synthetic: expected with kind 'text-drawn'"):
        decode_recipe(without.encode(), "dates")
