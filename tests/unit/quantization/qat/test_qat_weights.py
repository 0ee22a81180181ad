"""Weights on the grid: the scales and integers of the quantiser, computed in torch."""

import numpy as np
import pytest
import torch
from support.onnx_nets import normal

from edge_agent.common.arrays import F32
from quantization.operators.rules import Weights
from quantization.qat.weights import on_grid, weight_scales
from quantization.scales.qdq import WEIGHT_MAX
from quantization.scales.qdq import weight_scales as in_numpy

RULES = [Weights.PER_CHANNEL, Weights.PER_TENSOR]


def drawn(seed: int) -> tuple[F32, F32, float]:
    """Weights and biases over many sizes, with what needs care among them."""
    random = np.random.default_rng(seed)
    sizes = 10.0 ** random.uniform(-30, 6, (64, 1, 1, 1))
    weight = (random.normal(size=(64, 3, 3, 2)) * sizes).astype(np.float32)
    bias = (random.normal(size=64) * 10.0 ** random.uniform(-20, 8, 64)).astype(np.float32)
    weight[0], bias[0] = 0, 0  # any scale will do
    weight[1], bias[1] = 1e-42, 0  # too small for a float32 scale
    weight[2], bias[2] = 1e-12, 100  # the bias would leave int32
    return weight, bias, float(np.float32(10.0 ** random.uniform(-5, 2)))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(20))
def test_the_scales_are_the_quantisers_bit_for_bit(seed: int, rule: Weights) -> None:
    """Also of zeros, of the smallest numbers, and where the bias decides."""
    weight, bias, scale = drawn(seed)
    found = weight_scales(torch.from_numpy(weight), torch.from_numpy(bias), scale, rule)
    wanted = in_numpy(weight, bias, scale, rule)
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found.numpy(), wanted)


def test_the_largest_weight_is_127_and_gradients_pass() -> None:
    """Integers within the narrow range; the real weights get the gradient over the scale."""
    weight = torch.from_numpy(normal(4, 3, 2, 2)).requires_grad_()
    bias = torch.from_numpy(normal(4, seed=1)).requires_grad_()
    q_weight, q_bias, scales = on_grid(weight, bias, 0.5, Weights.PER_CHANNEL)
    assert torch.equal(q_weight, q_weight.round())
    assert (q_weight.detach().abs().amax((1, 2, 3)) == WEIGHT_MAX).all()
    (q_weight.sum() + q_bias.sum()).backward()
    assert weight.grad is not None
    assert bias.grad is not None
    spread = scales.reshape(-1, 1, 1, 1)
    torch.testing.assert_close(weight.grad, (1 / spread).expand_as(weight))
    torch.testing.assert_close(bias.grad, 1 / (0.5 * scales))


def test_a_transposed_convolutions_channels_are_its_second_axis() -> None:
    """Scales (O,) of weights (I, O, kh, kw), as the quantiser has them."""
    weight, bias = normal(3, 5, 2, 2), normal(5, seed=1)
    arrays = (torch.from_numpy(weight), torch.from_numpy(bias))
    q_weight, q_bias, scales = on_grid(*arrays, 0.1, Weights.PER_SECOND_AXIS)
    wanted = in_numpy(weight.transpose(1, 0, 2, 3), bias, 0.1, Weights.PER_SECOND_AXIS)
    np.testing.assert_array_equal(scales.numpy(), wanted)
    integers = np.rint(weight / wanted.reshape(1, 5, 1, 1))
    np.testing.assert_array_equal(q_weight.numpy(), integers)
    np.testing.assert_array_equal(
        q_bias.numpy(), np.rint(bias.astype(float) / (wanted * np.float32(0.1)))
    )
