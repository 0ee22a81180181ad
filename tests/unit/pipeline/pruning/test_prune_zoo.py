"""Pruning over the whole zoo: sums, branches side by side, and shuffled channels."""

import copy
from collections.abc import Callable
from fractions import Fraction
from typing import Literal, get_args

import pytest
import torch
import torch_pruning as tp
from torch import Tensor, nn

from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.data.classes import FittedClasses
from pipeline.data.fitted import Fitted
from pipeline.models import build
from pipeline.models.layers import fixed_outputs
from pipeline.models.macs import cost, layer_macs
from pipeline.pruning.channel_groups import ChannelGroup, ChannelGroups
from pipeline.pruning.channel_plan import planned_macs
from pipeline.pruning.prune import cut
from pipeline.recipe import Arch, PruneRecipe, TrainRecipe
from pipeline.tasks.classify.training import ClassExamples

Splits = tuple[FittedClasses, FittedClasses]
WIDTH = 0.5


def share(macs: float, importance: Literal["magnitude", "taylor"] = "magnitude") -> PruneRecipe:
    """That share of the MACs."""
    return PruneRecipe(macs=macs, importance=importance, train=TrainRecipe(epochs=1))


def logits(module: nn.Module) -> Tensor:
    """Of two fixed inputs."""
    noise = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        answer: Tensor = module.eval()(noise)
    return answer


def groups_of(checkpoint: Checkpoint) -> ChannelGroups:
    """The groups of its network."""
    magnitude = tp.importance.GroupMagnitudeImportance(p=2, normalizer=None)
    return ChannelGroups(copy.deepcopy(checkpoint.module), checkpoint.spec.input, magnitude)


@pytest.mark.parametrize("arch", get_args(Arch))
def test_every_architecture_can_be_cut_to_half(
    arch: Arch, digit_network: Callable[..., Checkpoint], digit_splits: Splits
) -> None:
    """Half the MACs is met within 6 points, and the network rebuilt from its spec is equal."""
    before = digit_network(arch, WIDTH if arch not in SMALL else 2.0)
    after = cut(before, ClassExamples(*digit_splits), share(0.5), seed=0)
    spec = before.spec.input
    assert 0.44 < cost(after.module, spec).macs / cost(before.module, spec).macs <= 0.5
    again = build(after.spec)
    again.load_state_dict(after.module.state_dict())
    assert torch.equal(logits(again), logits(after.module))


# Too narrow to lose half at half their width, in steps of 8.
SMALL = ("lenet5", "resnet8", "resnet20", "resnet56", "ds_cnn", "vgg_tiny")


@pytest.mark.parametrize("arch", get_args(Arch))
def test_what_is_cut_is_what_was_silent(
    arch: Arch, digit_network: Callable[..., Checkpoint], digit_splits: Splits
) -> None:
    """Where every second channel is silent, those are removed, and the answers stay.

    So what produces a channel and what reads it are the same channel for whoever removes it,
    through sums, joins and shuffles.
    """
    before = digit_network(arch, WIDTH if arch not in SMALL else 2.0)
    names = [name for group in groups_of(before).groups for name in group.outputs]
    with torch.no_grad():
        for name in names:
            silence(before.module, name)
    few, _ = digit_splits
    data = ClassExamples(Fitted(few.pixels[:64], few.labels[:64]), few)
    # A channel that says nothing has no gradient either, so this measure puts it last.
    after = cut(before, data, share(0.85, "taylor"), seed=0)
    spec = before.spec.input
    assert cost(after.module, spec).macs <= 0.85 * cost(before.module, spec).macs
    expected = logits(before.module)
    apart = (logits(after.module) - expected).abs().max()
    assert apart <= 1e-5 * expected.abs().max()


def silence(module: nn.Module, name: str) -> None:
    """Make every second output of a layer 0, its norm included, and the others always speak."""
    parent, _, index = name.rpartition(".")
    following = (
        module.get_submodule(parent).get_submodule(str(int(index) + 1)) if index.isdigit() else None
    )
    for part in (module.get_submodule(name), following):
        if isinstance(part, nn.Conv2d | nn.BatchNorm2d):
            part.weight[::2] = 0
            if part.bias is not None:
                part.bias[::2] = 0
                part.bias[1::2] = 0.5


@pytest.mark.parametrize("arch", ["googlenet", "mobilenet_v4_conv_small", "lenet5"])
def test_a_plan_is_what_a_cut_leaves(arch: Arch, digit_network: Callable[..., Checkpoint]) -> None:
    """To the multiply-accumulate: of branches that are joined, of depthwise filters, of others."""
    before = digit_network(arch, WIDTH)
    groups = groups_of(before)
    layers = layer_macs(before.module, before.spec.input)
    kept = [max(8, group.channels // 16 * 8) for group in groups.groups]
    planned = planned_macs(layers, groups.groups, kept)
    module = copy.deepcopy(before.module)
    magnitude = tp.importance.GroupMagnitudeImportance(p=2, normalizer=None)
    cutting = ChannelGroups(module, before.spec.input, magnitude)
    for group, count in zip(cutting.groups, kept, strict=True):
        cutting.remove(group, count)
    assert sum(layer_macs(module, before.spec.input).values()) == planned


def test_a_part_of_the_inputs_costs_a_part() -> None:
    """A third of a layer's inputs, halved, takes a sixth of its multiply-accumulates."""
    group = ChannelGroup(nn.Identity(), torch.ones(8), {}, {"a": Fraction(1, 3)})
    assert planned_macs({"a": 600, "b": 50}, [group], [4]) == 550


def test_shuffled_channels_keep_their_number(
    digit_network: Callable[..., Checkpoint], digit_splits: Splits
) -> None:
    """What passes a shuffle is never cut; the filters inside a unit are."""
    before = digit_network("shufflenet_v2_x1_0", WIDTH)
    after = cut(before, ClassExamples(*digit_splits), share(0.5), seed=0)
    fixed = {
        id(layer): layer.weight.shape[0]
        for module in before.module.modules()
        for layer in fixed_outputs(module)
        if isinstance(layer, nn.Conv2d)
    }
    assert len(fixed) == 19
    sizes = {n: m.weight.shape[0] for n, m in after.module.named_modules() if _conv(m)}
    was = {n: m for n, m in before.module.named_modules() if _conv(m)}
    kept = {n for n, m in was.items() if sizes[n] == m.weight.shape[0]}
    assert {n for n, m in was.items() if id(m) in fixed} <= kept
    assert kept < was.keys()


def _conv(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d)
