"""A `QuantRecipe` as the words that ask for it: keys of a recipe, flags of a command."""

from quantization.recipe import QuantRecipe


def toml(recipe: QuantRecipe) -> str:
    """The keys of `[quantize]` that are not their default: `equalize = true`."""
    given = {
        "precision": f'"{recipe.precision}"',
        "calibration": f'"{recipe.calibration}"',
        "percentile": f"{recipe.percentile:g}",
        "equalize": str(recipe.equalize).lower(),
        "correct_bias": str(recipe.correct_bias).lower(),
        "rounding": f'"{recipe.rounding}"',
        "float_layers": str(list(recipe.float_layers)).replace("'", '"'),
    }
    plain = QuantRecipe()
    lines = [
        f"{key} = {v}" for key, v in given.items() if getattr(recipe, key) != getattr(plain, key)
    ]
    return ", ".join(lines) or f'calibration = "{recipe.calibration}"'


def flags(recipe: QuantRecipe) -> str:
    """The options of `edgeward convert`."""
    parts = [] if recipe.calibration == "minmax" else [f"--method {recipe.calibration}"]
    parts += ["--equalize"] if recipe.equalize else []
    parts += ["--correct-bias"] if recipe.correct_bias else []
    parts += ["--learned-rounding"] if recipe.rounding == "learned" else []
    parts += [f"--float-layers {','.join(recipe.float_layers)}"] if recipe.float_layers else []
    return " ".join(parts)
