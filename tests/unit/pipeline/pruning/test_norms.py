"""Inner channels alone, and norms corrected by what their removal changed."""

from collections.abc import Callable

import msgspec
import pytest
import torch
import torch_pruning as tp

from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.common.errors import BudgetError
from pipeline.data.classes import FittedClasses
from pipeline.pruning.channel_groups import ChannelGroups
from pipeline.pruning.norms import norms_of
from pipeline.pruning.prune import cut
from pipeline.pruning.variation import variation
from pipeline.recipe import PruneRecipe, TrainRecipe
from pipeline.tasks.classify.training import ClassExamples

Splits = tuple[FittedClasses, FittedClasses]
MakeNetwork = Callable[..., Checkpoint]
RECIPE = PruneRecipe(macs=0.8, groups="inner", train=TrainRecipe(epochs=1, batch_size=64))


def _groups(start: Checkpoint, inner: bool) -> ChannelGroups:
    importance = tp.importance.GroupMagnitudeImportance(p=2, normalizer=None)
    return ChannelGroups(start.module, start.spec.input, importance, inner)


@pytest.mark.parametrize(("arch", "inner", "depth"), [("mobilenet_v2", 16, 2), ("resnet8", 3, 1)])
def test_inner_channels_are_seen_by_their_block_alone(
    arch: str, inner: int, depth: int, digit_network: MakeNetwork
) -> None:
    """One group for each block that has any; the stem and the sums are no such."""
    start = digit_network(arch, 1.0)
    found = _groups(start, True).groups
    assert len(found) == inner
    for group in found:
        names = {*group.outputs, *group.inputs}
        assert len({tuple(name.split(".")[:depth]) for name in names}) == 1
    assert len(_groups(start, False).groups) > inner


def test_corrected_norms_answer_more_like_the_whole_network(
    digit_network: MakeNetwork, digit_splits: Splits
) -> None:
    """What the removed channels gave in the mean is not missing any more."""
    start = digit_network("mobilenet_v2", 1.0)
    generator = torch.Generator().manual_seed(1)
    for norm in norms_of(start.module):  # trained norms have biases, whose loss is felt
        torch.nn.init.normal_(norm.bias, 0.5, 0.5, generator=generator)
    data = ClassExamples(*digit_splits)
    plain, corrected = (
        cut(start, data, msgspec.structs.replace(RECIPE, correct_norms=wanted), seed=0)
        for wanted in (False, True)
    )
    images = torch.randn(64, 1, 16, 16, generator=generator)
    with torch.no_grad():
        whole = start.module[:-1](images)  # type: ignore[index]
        off = [
            (one.module[:-1](images) - whole).square().mean().item()  # type: ignore[index]
            for one in (plain, corrected)
        ]
    assert off[1] < 0.5 * off[0]
    for one, other in zip(norms_of(plain.module), norms_of(corrected.module), strict=True):
        assert one.running_mean is not None
        assert other.running_mean is not None
        assert one.running_mean.max() < 64  # none still carries the numbers of its channels
        assert torch.equal(one.weight, other.weight)


def test_a_share_that_inner_channels_cannot_reach_is_told(
    digit_network: MakeNetwork, digit_splits: Splits
) -> None:
    """What cannot be cut is said, with how far it can."""
    too_far = msgspec.structs.replace(RECIPE, macs=0.05)
    with pytest.raises(BudgetError, match=r"found 0\.05; the least reachable is 0\."):
        cut(digit_network("mobilenet_v2", 1.0), ClassExamples(*digit_splits), too_far, seed=0)


def test_what_never_varies_is_worth_nothing(
    digit_network: MakeNetwork, digit_splits: Splits
) -> None:
    """A constant channel goes first, whatever its weights; one that no layer takes in as well."""
    start = digit_network("mobilenet_v2", 1.0)
    block = start.module[1][3].layers  # type: ignore[index]
    hidden, project = block[1][1], block[2][0]
    with torch.no_grad():
        hidden.weight[5] = 0.0
        project.weight[:, 7] = 0.0
        hidden.bias[5] = 3.0
    images = torch.randn(16, 1, 16, 16, generator=torch.Generator().manual_seed(2))
    measure = variation(start.module, images)
    groups = ChannelGroups(start.module, start.spec.input, measure, inner=True).groups
    (found,) = (one for one in groups if any(name.startswith("1.3.") for name in one.outputs))
    assert found.worth[5] < 1e-12
    assert found.worth[7] == 0
    assert (found.worth > found.worth[5]).sum() > 0.5 * len(found.worth)


@pytest.mark.parametrize("arch", ["mobilenet_v2", "resnet8", "vgg_tiny", "ds_cnn"])
def test_every_kind_of_group_has_a_variation(
    arch: str, digit_network: MakeNetwork, digit_splits: Splits
) -> None:
    """Sums, stems and classifiers too: no group is worth nothing as a whole."""
    start = digit_network(arch, 1.0)
    images = torch.randn(8, 1, 16, 16, generator=torch.Generator().manual_seed(2))
    groups = ChannelGroups(start.module, start.spec.input, variation(start.module, images)).groups
    for group in groups:
        assert group.worth.shape == (group.channels,)
        assert group.worth.max() > 0
