"""`QuantRecipe`: how a network is quantised, as data that is saved with the artefact."""

from typing import Annotated, Literal

import msgspec


class QuantRecipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The choices a quantisation makes.

    Args:
        calibration: how an activation's range is found from its samples: `minmax` takes
            the extremes; `percentile` clips the outermost values.
        percentile: with `percentile`, the share of values kept inside, in percent.
    """

    calibration: Literal["minmax", "percentile"] = "minmax"
    percentile: Annotated[float, msgspec.Meta(gt=50, le=100)] = 99.99
