"""What learns at which rate: blocks by depth, and the classifier."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.common.errors import TrainError
from pipeline.recipe import TrainRecipe
from pipeline.training.train import _optimizer
from pipeline.training.transfer.blocks import (
    blocks_of,
    classifier_of,
    rate_shares,
    set_norm_momentum,
)

MakeNetwork = Callable[..., Checkpoint]


def test_rates_fall_from_the_classifier_to_the_input(digit_network: MakeNetwork) -> None:
    """The classifier has all of it, the last block its share, and each before it less."""
    module = digit_network("mobilenet_v2", 0.5).module
    shares = rate_shares(module, TrainRecipe(epochs=1, backbone_lr=0.1, layer_decay=0.5))
    assert shares.keys() == dict(module.named_parameters()).keys()
    last = [name for name in shares if name.startswith("3.")]
    assert [shares[name] for name in last] == [1.0, 1.0]
    assert shares["2.0.weight"] == 0.1
    assert shares["1.16.layers.0.0.weight"] == pytest.approx(0.05)
    assert shares["1.15.layers.0.0.weight"] == pytest.approx(0.025)
    assert shares["0.0.weight"] == pytest.approx(0.1 * 0.5**18)


def test_blocks_are_neither_layers_nor_whole_rows(digit_network: MakeNetwork) -> None:
    """A stem, seventeen inverted residuals, the last convolution, the classifier."""
    assert len(list(blocks_of(digit_network("mobilenet_v2", 0.5).module))) == 20


def test_a_rate_of_nothing_is_not_learnt(digit_network: MakeNetwork) -> None:
    """With `backbone_lr` 0 the optimiser has the classifier alone, and no gradient is kept."""
    module = digit_network("resnet8", 1.0).module.requires_grad_(True)
    groups = _optimizer(module, TrainRecipe(epochs=1, backbone_lr=0)).param_groups
    learnt = {id(parameter) for group in groups for parameter in group["params"]}
    assert learnt == {id(parameter) for parameter in classifier_of(module).parameters()}
    assert sum(parameter.requires_grad for parameter in module.parameters()) == len(learnt)


def test_the_usual_rates_are_two_groups_in_the_usual_order(digit_network: MakeNetwork) -> None:
    """Recipes without the keys give the optimiser what they always did."""
    module = digit_network("resnet8", 1.0).module
    decayed, free = _optimizer(module, TrainRecipe(epochs=1)).param_groups
    assert decayed["share"] == free["share"] == 1.0
    assert len(decayed["params"]) + len(free["params"]) == len(list(module.parameters()))


def test_a_network_without_a_linear_end_is_refused() -> None:
    """Its features could not be told from its answers."""
    with pytest.raises(TrainError, match=r"ends in a linear layer.*found Conv2d"):
        classifier_of(nn.Sequential(nn.Linear(2, 2), nn.Conv2d(1, 1, 1)))
    with pytest.raises(TrainError, match="found no layer with parameters"):
        classifier_of(nn.Sequential(nn.ReLU()))


@pytest.mark.parametrize(("momentum", "moves"), [(0.0, False), (0.01, True)])
def test_norms_follow_as_fast_as_they_are_told(momentum: float, moves: bool) -> None:
    """At 0 a norm in training uses its statistics and leaves them."""
    norm = nn.BatchNorm1d(2)
    net = nn.Sequential(norm).train()
    set_norm_momentum(net, momentum)
    values = torch.tensor([[1.0, 5.0], [3.0, 9.0]])
    answers = net(values)
    assert norm.running_mean is not None
    assert bool((norm.running_mean != 0).any()) is moves
    assert torch.allclose(answers, values, atol=1e-4) is not moves
