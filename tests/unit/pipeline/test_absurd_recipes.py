"""Recipes with values that no job has: refused by name before any work is begun."""

import pytest

from pipeline.common.errors import RecipeError
from pipeline.tasks.recipes import decode_recipe

GOOD = """
name = "tiny"
seed = 1
[data]
kind = "digits"
[input]
height = 8
width = 8
colour = "gray"
mean = [0.5]
std = [0.5]
[model]
arch = "resnet8"
width = 1.0
[train]
epochs = 1
lr = 0.1
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("height = 8", "height = 100000", "Expected `int` <= 8192 - at `$.input.height`"),
        ("height = 8", "height = 0", "Expected `int` >= 1 - at `$.input.height`"),
        ("mean = [0.5]", "mean = [nan]", "mean: expected numbers up to 1e+06, found (nan,)"),
        ("mean = [0.5]", "mean = [-inf]", "mean: expected numbers up to 1e+06, found (-inf,)"),
        ("std = [0.5]", "std = [inf]", "std: expected values above 0, 1e-06 to 1e+06"),
        ("std = [0.5]", "std = [0.0]", "std: expected values above 0"),
        ("lr = 0.1", "lr = inf", "Expected `float` <= 1000.0 - at `$.train.lr`"),
        ("lr = 0.1", "lr = nan", "Expected `float` > 0.0 - at `$.train.lr`"),
        ("lr = 0.1", "warmup_epochs = inf", "Expected `float` <= 1000000.0"),
        ("lr = 0.1", "weight_decay = inf", "Expected `float` <= 1000.0"),
        ("width = 1.0", "width = inf", "Expected `float` <= 16.0 - at `$.model.width`"),
        ("width = 1.0", "width = 1e9", "Expected `float` <= 16.0 - at `$.model.width`"),
        ("seed = 1", "seed = -1", "Expected `int` >= 0 - at `$.seed`"),
        ("seed = 1", f"seed = {2**63}", "Expected `int` <= 9223372036854775807"),
        ("[model]", "[budget]\nmax_size_kb = -1\n[model]", "Expected `float` > 0.0"),
        ("[model]", "[budget]\nmax_latency_ms = nan\n[model]", "Expected `float` > 0.0"),
        (
            'kind = "digits"',
            'kind = "image-folder"\npath = ""',
            "Expected `str` of length >= 1 - at `$.data.path`",
        ),
    ],
)
def test_a_value_out_of_all_bounds_names_its_key(old: str, new: str, message: str) -> None:
    """Infinite, not a number, negative, or a slip of many zeros."""
    decode_recipe(GOOD.encode(), "tiny.toml")
    with pytest.raises(RecipeError) as caught:
        decode_recipe(GOOD.replace(old, new, 1).encode(), "tiny.toml")
    assert str(caught.value).startswith(f"tiny.toml: {message}")
