"""Where the recipes that ship are."""

from pathlib import Path


def recipe_folder() -> Path:
    """Where the recipes are: packaged in a wheel, beside the packages in a checkout."""
    packaged = Path(__file__).parents[1] / "recipes"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "recipes"
