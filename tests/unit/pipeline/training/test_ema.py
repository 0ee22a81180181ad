"""The moving average of a network."""

import torch
from torch import nn

from pipeline.training.ema import Ema


def network(value: float) -> nn.Sequential:
    """A linear layer and a norm, every value of them `value`."""
    module = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    with torch.no_grad():
        for tensor in module.state_dict().values():
            tensor.fill_(value)
    return module


def test_short_runs_forget_their_start() -> None:
    """The decay starts at 2/11 and grows, so that ten updates leave next to no start."""
    ema = Ema(network(0.0), decay=0.999)
    ema.update(network(1.0))
    assert torch.allclose(ema.module.get_parameter("0.weight"), torch.tensor(9 / 11))
    for _ in range(9):
        ema.update(network(1.0))
    assert ema.module.get_parameter("0.weight").item() > 0.9999


def test_long_runs_use_the_decay() -> None:
    """Once warm, one update moves the average by one minus the decay."""
    ema = Ema(network(0.0), decay=0.5)
    ema.updates = 1000
    ema.update(network(1.0))
    assert ema.module.get_parameter("0.weight").item() == 0.5


def test_statistics_are_averaged_and_counters_copied() -> None:
    """A norm's running statistics trail like its weights; its counter is the network's."""
    ema = Ema(network(0.0), decay=0.5)
    ema.updates = 1000
    ema.update(network(4.0))
    mean, variance, count = (
        ema.module.get_buffer(f"1.{name}")
        for name in ("running_mean", "running_var", "num_batches_tracked")
    )
    assert (mean.item(), variance.item()) == (2.0, 2.0)
    assert count.item() == 4


def test_the_network_itself_stays() -> None:
    """Updating the average changes nothing in the network it follows."""
    module = network(3.0)
    ema = Ema(module, decay=0.9)
    ema.update(network(0.0))
    assert module.get_parameter("0.weight").item() == 3.0


def test_a_network_without_counters_is_averaged() -> None:
    """One whose batch norms are folded has no counter, and no list to copy them from."""
    module = nn.Linear(1, 1)
    ema = Ema(module, decay=0.9)
    ema.update(module)
    assert torch.equal(ema.module.get_parameter("weight"), module.weight)
