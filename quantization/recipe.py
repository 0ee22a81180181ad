"""`QuantRecipe`: how a network is quantised, as data that is saved with the artefact."""

from typing import Annotated, Literal

import msgspec


class QuantRecipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The choices a quantisation makes.

    Args:
        precision: `int8` quantises the network; `float32` lowers it as it is.
        calibration: how an activation's range is found from its samples: `minmax` takes
            the extremes; `percentile` clips the outermost values; `entropy` keeps the
            distribution most like itself, `mse` the square error least; `auto` takes for
            each value the one of the four with the least square error.
        percentile: with `percentile` and `auto`, the share of values kept inside, in percent.
        outputs: what the ranges of a network's outputs have to keep: their `values`, as all
            other ranges do, or, of scores of classes, the `softmax` of them.
        equalize: whether channels are first scaled to like ranges across layers.
        correct_bias: whether biases make up for the mean error of quantised weights.
        rounding: of weights: each to the `nearest` int8 value, or `learned`, so that a layer's
            output differs least.
        float_layers: layers that stay in float32, by the names of the values they compute.
    """

    precision: Literal["int8", "float32"] = "int8"
    calibration: Literal["minmax", "percentile", "entropy", "mse", "auto"] = "minmax"
    percentile: Annotated[float, msgspec.Meta(gt=50, le=100)] = 99.99
    outputs: Literal["values", "softmax"] = "values"
    equalize: bool = False
    correct_bias: bool = False
    rounding: Literal["nearest", "learned"] = "nearest"
    float_layers: tuple[str, ...] = ()
