"""Recipes: strict, and errors that name the key."""

from pathlib import Path

import pytest

from pipeline.common.errors import RecipeError
from pipeline.recipe import REMEDIES, Recipe, TrainRecipe
from pipeline.tasks.recipes import decode_recipe, load_recipe
from quantization.recipe import QuantRecipe

RECIPES = sorted((Path(__file__).parents[3] / "recipes").glob("*.toml"))
GOOD = """
name = "tiny"
data = { kind = "digits" }
input = { height = 8, width = 8, colour = "gray", mean = [0.5], std = [0.5] }
model = { arch = "resnet8" }
train = { epochs = 1 }
"""


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_of_ours_is_valid(path: Path) -> None:
    """The recipes that ship decode, and are named as their file."""
    assert load_recipe(path).name == path.stem


def test_defaults_are_the_documented_ones() -> None:
    """What a recipe leaves out is what docs/reference/recipes.md says."""
    recipe = decode_recipe(GOOD.encode(), "tiny.toml")
    assert recipe.train is not None
    assert (recipe.seed, recipe.prune, recipe.train.batch_size) == (0, None, 128)
    assert recipe.quantize.calibration == "minmax"
    assert recipe.quantize.remedies == REMEDIES
    assert recipe.quantize.float_share == 0.25
    assert (recipe.quantize.aim, recipe.quantize.finetune) == (None, None)
    assert recipe.output.min_confidence == 0


def test_the_first_rung_is_the_choices_of_quantisation_alone() -> None:
    """Without what is said of remedies; each of its keys reaches it."""
    text = """
[quantize]
calibration = "percentile"
percentile = 99.5
equalize = true
correct_bias = true
rounding = "learned"
float_layers = ["head"]
remedies = []
float_share = 0.5
finetune = { epochs = 3 }
"""
    recipe = decode_recipe((GOOD + text).encode(), "tiny.toml").quantize
    assert type(recipe.first) is QuantRecipe
    assert recipe.first == QuantRecipe(
        calibration="percentile",
        percentile=99.5,
        equalize=True,
        correct_bias=True,
        rounding="learned",
        float_layers=("head",),
    )
    assert recipe.finetune == TrainRecipe(epochs=3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("epoch = 3", "tiny.toml: unknown key 'epoch', expected one of name, seed, data,"),
        (
            "[prune]\nmacs = 0\ntrain = { epochs = 1 }",
            "tiny.toml: Expected `float` > 0.0 - at `$.prune.macs`",
        ),
        (
            "[budget]\nmin_accuracy = 98",
            "tiny.toml: Expected `float` <= 1.0 - at `$.budget.min_accuracy`",
        ),
        (
            "[quantize]\ncalibration = 'best'",
            "tiny.toml: expected one of auto, entropy, minmax, mse, percentile, found 'best'",
        ),
        (
            "[quantize]\nremedies = ['hope']",
            "tiny.toml: expected one of equalize, finetune, float-layers, ranges, rounding, "
            "found 'hope' - at `$.quantize.remedies[0]`",
        ),
        (
            "[quantize]\nremedies = ['finetune', 'finetune']",
            "tiny.toml: remedies: expected each once, found finetune, finetune - at `$.quantize`",
        ),
        (
            "[quantize]\nprecision = 'float32'",
            "tiny.toml: precision: expected int8, as every bundle's network is, "
            "found 'float32' - at `$.quantize`",
        ),
        (
            "[quantize]\naim = 0.02\n[budget]\nmax_drop = 0.01",
            "tiny.toml: quantize.aim: expected at most the budget's max_drop, 0.01, found 0.02",
        ),
        (
            "[quantize.finetune]\nlr = 0.1",
            "tiny.toml: Object missing required field `epochs` - at `$.quantize.finetune`",
        ),
        (
            "[output]\nmin_confidence = 70",
            "tiny.toml: Expected `float` <= 1.0 - at `$.output.min_confidence`",
        ),
    ],
)
def test_a_wrong_key_is_named(change: str, message: str) -> None:
    """Unknown, out of range or not one of the choices: the key's path is in the error."""
    with pytest.raises(RecipeError) as caught:
        decode_recipe((GOOD + change).encode(), "tiny.toml")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'kind = "digits"',
            'kind = "image-folder"',
            "path: expected for kind 'image-folder', found none - at `$.data`",
        ),
        (
            'kind = "digits"',
            'kind = "digits", val = 0.5, test = 0.5',
            "val, test: expected val above 0 and val + test below 1, found 0.5 and 0.5"
            " - at `$.data`",
        ),
        (
            "mean = [0.5]",
            "mean = [0.5, 0.5]",
            "mean: expected 1 values for gray, found 2 - at `$.input`",
        ),
        (
            "epochs = 1",
            "epochs = 0",
            "epochs: expected at least 1, or head_epochs, found 0 of both - at `$.train`",
        ),
        ("epochs = 1", "epochs = '1'", "Expected `int`, got `str` - at `$.train.epochs`"),
    ],
)
def test_values_that_contradict_each_other_are_named(old: str, new: str, message: str) -> None:
    """A combination that makes no sense is refused before any work."""
    with pytest.raises(RecipeError) as caught:
        decode_recipe(GOOD.replace(old, new).encode(), "tiny.toml")
    assert str(caught.value) == f"tiny.toml: {message}"


def test_what_is_not_toml_is_said_so() -> None:
    """A syntax error names the file."""
    with pytest.raises(RecipeError, match=r"^tiny\.toml: "):
        decode_recipe(b"name = ", "tiny.toml")


def test_a_missing_recipe_names_the_file(tmp_path: Path) -> None:
    """No such file: the path is in the message."""
    path = tmp_path / "none.toml"
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    expected = "expected a recipe file, found none (No such file or directory)"
    assert str(caught.value) == f"{path}: {expected}"


def test_a_recipe_is_a_frozen_value() -> None:
    """Nobody changes a recipe under a stage that has hashed it."""
    recipe: Recipe = decode_recipe(GOOD.encode(), "tiny.toml")
    key = "seed"
    with pytest.raises(AttributeError):
        setattr(recipe, key, 5)
