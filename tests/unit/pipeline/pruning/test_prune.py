"""Pruning: the budget, the rounding, what must survive, and what comes back."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch
from torch import nn

from pipeline.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from pipeline.common.errors import BudgetError
from pipeline.data.classes import FittedClasses
from pipeline.models.macs import cost
from pipeline.pruning.prune import cut, prune
from pipeline.recipe import Arch, PruneRecipe, TrainRecipe
from pipeline.tasks.classify.training import ClassExamples

Splits = tuple[FittedClasses, FittedClasses]
TUNE = TrainRecipe(epochs=3, batch_size=64, lr=0.05, ema=0.98)


def recipe(**changes: object) -> PruneRecipe:
    """Half the MACs unless said otherwise."""
    return msgspec.structs.replace(PruneRecipe(macs=0.5, train=TUNE), **changes)


def share(after: Checkpoint, before: Checkpoint) -> float:
    """What is left of the multiply-accumulates."""
    spec = before.spec.input
    return cost(after.module, spec).macs / cost(before.module, spec).macs


def outputs(checkpoint: Checkpoint) -> torch.Tensor:
    """Logits for two fixed inputs."""
    noise = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        logits: torch.Tensor = checkpoint.module(noise)
    return logits


@pytest.mark.parametrize(
    ("arch", "width"),
    [
        ("resnet8", 2.0),
        ("resnet20", 1.0),
        ("resnet56", 1.0),
        ("mobilenet_v2", 0.5),
        ("ds_cnn", 1.0),
        ("vgg_tiny", 1.5),
    ],
)
def test_every_architecture_fits_its_budget_closely(
    arch: Arch,
    width: float,
    digit_network: Callable[..., Checkpoint],
    digit_splits: Splits,
    tmp_path: Path,
) -> None:
    """Half the MACs is met within 5 points, in multiples of 8, and reloads to the same bits."""
    before = digit_network(arch, width)
    after = cut(before, ClassExamples(*digit_splits), recipe(), seed=0)
    assert 0.45 < share(after, before) <= 0.5
    shapes = after.spec.shapes
    assert shapes is not None
    full = {n: m for n, m in before.module.named_modules() if isinstance(m, nn.Conv2d)}
    assert all(shapes[n].outputs % 8 == 0 for n in full)
    assert any(shapes[n].outputs < m.out_channels for n, m in full.items())
    assert outputs(after).shape == (2, 10)
    save_checkpoint(after, tmp_path)
    assert torch.equal(outputs(load_checkpoint(tmp_path)), outputs(after))


def test_the_unpruned_network_stays_as_it_was(
    trained_digits: Checkpoint, digit_splits: Splits
) -> None:
    """Pruning and fine-tuning change neither weights nor outputs nor mode of the argument."""
    before = outputs(trained_digits)
    state = {k: v.clone() for k, v in trained_digits.module.state_dict().items()}
    prune(trained_digits, ClassExamples(*digit_splits), recipe(importance="taylor"), seed=0)
    assert torch.equal(outputs(trained_digits), before)
    assert all(torch.equal(v, state[k]) for k, v in trained_digits.module.state_dict().items())
    assert not trained_digits.module.training
    assert trained_digits.spec.shapes is None


@pytest.mark.parametrize("importance", ["magnitude", "taylor"])
def test_fine_tuning_brings_the_accuracy_back(
    importance: str, trained_digits: Checkpoint, digit_splits: Splits
) -> None:
    """A pruned and fine-tuned digit reader is within 3 points of the unpruned one."""
    after = prune(
        trained_digits, ClassExamples(*digit_splits), recipe(importance=importance), seed=0
    )
    unpruned, tuned = (made.history[-1].val_accuracy for made in (trained_digits, after))
    assert unpruned is not None
    assert tuned is not None
    assert unpruned > 0.93
    assert tuned > unpruned - 0.03
    assert share(after, trained_digits) <= 0.5
    assert [step.stage for step in after.lineage] == ["train", "prune", "fine-tune"]
    assert after.lineage[1].settings["importance"] == importance


def test_the_least_worthy_channels_go(
    digit_network: Callable[..., Checkpoint], digit_splits: Splits
) -> None:
    """Channels that were all but zero are the ones removed: the outputs barely change."""
    before = digit_network("vgg_tiny", 2.0, 1)
    with torch.no_grad():
        for stage in range(3):
            for conv, norm in (("0.0", "0.1"), ("1.0", "1.1")):
                before.module.get_parameter(f"{stage}.{conv}.weight")[::2] *= 1e-3
                before.module.get_parameter(f"{stage}.{norm}.weight")[::2] *= 1e-3
    after = cut(before, ClassExamples(*digit_splits), recipe(macs=0.3), seed=0)
    assert torch.allclose(outputs(after), outputs(before), atol=1e-3)


def test_taylor_asks_what_a_channel_does_to_the_loss(
    digit_network: Callable[..., Checkpoint], digit_splits: Splits
) -> None:
    """Large channels that the classifier ignores go by `taylor` and stay by `magnitude`."""
    before = digit_network("vgg_tiny", 1.0, 1)
    with torch.no_grad():
        before.module.get_parameter("3.2.weight")[:, :32] = 0
        before.module.get_parameter("2.1.0.weight")[:32] *= 100
    ignored = {}
    for importance in ("taylor", "magnitude"):
        after = cut(before, ClassExamples(*digit_splits), recipe(importance=importance), seed=0)
        columns = after.module.get_parameter("3.2.weight").abs().sum(0)
        ignored[importance] = int((columns == 0).sum())
    assert ignored["magnitude"] == 32
    assert ignored["taylor"] <= 16


def test_whole_macs_prune_nothing(
    digit_network: Callable[..., Checkpoint], digit_splits: Splits
) -> None:
    """A target of 1.0 gives the same network back."""
    before = digit_network()
    after = cut(before, ClassExamples(*digit_splits), recipe(macs=1.0), seed=0)
    assert torch.equal(outputs(after), outputs(before))


def test_rounding_is_what_the_recipe_says(
    digit_network: Callable[..., Checkpoint], digit_splits: Splits
) -> None:
    """With `round_to` 4 the target is met in multiples of 4, some of them not of 8."""
    shapes = cut(
        digit_network(), ClassExamples(*digit_splits), recipe(round_to=4), seed=0
    ).spec.shapes
    assert shapes is not None
    inner = [shapes[f"{block}.first.0"].outputs for block in (1, 2, 3)]
    assert all(channels % 4 == 0 for channels in inner)
    assert any(channels % 8 for channels in inner)


def test_an_impossible_target_is_refused(
    digit_network: Callable[..., Checkpoint], digit_splits: Splits
) -> None:
    """A ten-thousandth of the MACs is one error that says how far down one could go."""
    with pytest.raises(BudgetError) as error:
        cut(digit_network(), ClassExamples(*digit_splits), recipe(macs=0.0001), seed=0)
    assert str(error.value) == (
        "prune.macs: expected a share that resnet8 can be cut down to in steps of 8 channels, "
        "found 0.0001; the least reachable is 0.1346"
    )


def test_the_least_reachable_target_can_be_reached(
    digit_network: Callable[..., Checkpoint], digit_splits: Splits
) -> None:
    """The share named by that error is one that pruning meets."""
    before = digit_network()
    after = cut(before, ClassExamples(*digit_splits), recipe(macs=0.1346), seed=0)
    assert 0.134 < share(after, before) <= 0.1346


def test_a_pruned_network_can_be_pruned_again(
    digit_network: Callable[..., Checkpoint], digit_splits: Splits, tmp_path: Path
) -> None:
    """Cutting what was cut and stored goes by the smaller network's own MACs."""
    first = cut(digit_network(width=2.0), ClassExamples(*digit_splits), recipe(), seed=0)
    save_checkpoint(first, tmp_path)
    second = cut(load_checkpoint(tmp_path), ClassExamples(*digit_splits), recipe(), seed=0)
    assert 0.42 < share(second, first) <= 0.5
