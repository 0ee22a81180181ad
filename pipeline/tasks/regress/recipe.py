"""`ValuesRecipe`: a recipe's `[values]`, which numbers are read from a picture."""

from typing import Annotated

import msgspec

from edge_agent.tasks.regress.spec import Quantity
from pipeline.data_recipe import RecipeValue


class ValuesRecipe(RecipeValue, frozen=True, kw_only=True):
    """Which numbers are read.

    Args:
        quantities: each with its name, unit and range; the columns of a table of labels.
        side: the sides of drawn pictures, in pixels.
    """

    quantities: Annotated[tuple[Quantity, ...], msgspec.Meta(min_length=1, max_length=32)]
    side: Annotated[int, msgspec.Meta(ge=16, le=512)] = 96

    def __post_init__(self) -> None:
        names = [quantity.name for quantity in self.quantities]
        if len(set(names)) != len(names):
            raise ValueError("quantities: expected distinct names, found a repeated one")
