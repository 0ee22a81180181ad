"""`QuantRecipe`: how a network is quantised, as data that is saved with the artefact."""

from typing import Annotated, Literal

import msgspec


class QuantRecipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The choices a quantisation makes.

    Args:
        calibration: how an activation's range is found from its samples: `minmax` takes
            the extremes; `percentile` clips the outermost values; `entropy` keeps the
            distribution most like itself, `mse` the square error least; `auto` takes for
            each value the one of the four with the least square error.
        percentile: with `percentile` and `auto`, the share of values kept inside, in percent.
    """

    calibration: Literal["minmax", "percentile", "entropy", "mse", "auto"] = "minmax"
    percentile: Annotated[float, msgspec.Meta(gt=50, le=100)] = 99.99
