"""Weights on the int8 grid, by the rules of `qdq`, with gradients to the real ones."""

import numpy as np
import torch
from torch import Tensor

from quantization.operators.rules import Weights
from quantization.qat.rounding import rounded
from quantization.scales.qdq import BIAS_MAX, WEIGHT_MAX


def weight_scales(weight: Tensor, bias: Tensor, input_scale: float, rule: Weights) -> Tensor:
    """What `qdq.weight_scales` gives, bit for bit, but computed where the weights are.

    Args:
        weight: (O, ...).
        bias: (O,).
        input_scale: of the layer's input.
        rule: per channel or per tensor.
    """
    largest = weight.flatten(1).abs().amax(dim=1)  # (O,)
    needed = torch.maximum(largest / WEIGHT_MAX, bias.abs() / (input_scale * BIAS_MAX))
    if rule is Weights.PER_TENSOR:
        needed = needed.amax(dim=0, keepdim=True)
    return needed.where(needed >= float(np.finfo(np.float32).tiny), needed.new_ones(()))


def on_grid(
    weight: Tensor, bias: Tensor, input_scale: float, rule: Weights
) -> tuple[Tensor, Tensor, Tensor]:
    """The integers of a layer's weights and bias, as float32, and the scales of the weights.

    The bias is that of int32 at the input's times the weights' scale. Scales are taken for
    constants: no gradient goes through them.

    Args:
        weight: in ONNX's layout.
        bias: (O,).
        input_scale: of the layer's input.
        rule: of the scales.
    """
    second = rule is Weights.PER_SECOND_AXIS
    with torch.no_grad():
        filters = weight.transpose(0, 1) if second else weight
        scales = weight_scales(filters, bias, input_scale, rule)  # (O,) or (1,)
        spread = scales.reshape((1, -1) if second else (-1,) + (1,) * (weight.ndim - 1))
        if second:
            spread = spread.reshape(1, -1, *(1,) * (weight.ndim - 2))
        bias_scales = (scales * input_scale).double()
    q_weight = rounded(weight / spread)
    q_bias = rounded(bias.double() / bias_scales).to(bias.dtype)
    return q_weight, q_bias, scales
