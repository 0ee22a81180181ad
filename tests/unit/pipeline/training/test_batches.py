"""Batches: the device's arithmetic, every image once, and randomness that can be resumed."""

import numpy as np
import pytest
import torch

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import normalise
from pipeline.common.distributed import Ranks
from pipeline.common.errors import DataError
from pipeline.data.classes import FittedClasses
from pipeline.data.fitted import Fitted
from pipeline.models import ModelSpec
from pipeline.recipe import Augment
from pipeline.training.batches import EpochPlan, Images, epoch_batches, plain_batches
from pipeline.training.draws import generator

COLOUR = InputSpec(
    height=8, width=10, colour="rgb", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
)
SPEC = ModelSpec(arch="resnet8", classes=4, input=COLOUR)
CPU = torch.device("cpu")


def samples(count: int) -> FittedClasses:
    """Images whose first pixel is their number."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, 8, 10, 3), np.uint8)
    pixels[:, 0, 0, 0] = np.arange(count)
    return Fitted(pixels, np.arange(count, dtype=np.int64) % 4)


def images(count: int) -> Images:
    """`samples`, ready for batches."""
    return Images.of(samples(count), SPEC, CPU, "train")


def test_the_network_sees_what_the_device_computes() -> None:
    """Every pixel level in every channel has bit for bit the value of `normalise`."""
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(2, 16, 8, 3)
    ours = images(4).network_input(torch.from_numpy(levels))
    theirs = normalise(levels, COLOUR).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(ours.numpy(), theirs)
    assert ours.is_contiguous(memory_format=torch.channels_last)


def numbers(batches: list[tuple[torch.Tensor, torch.Tensor]]) -> list[int]:
    """The images' numbers, read back from their first pixel."""
    first = torch.cat([inputs[:, 0, 0, 0] for inputs, _ in batches])
    return ((first * COLOUR.std[0] + COLOUR.mean[0]) * 255).round().int().tolist()


def run_epoch(epoch: int = 0, first: int = 0, ranks: Ranks | None = None) -> list[int]:
    """The numbers of one rank's images in an epoch of forty."""
    ranks = ranks or Ranks()
    plan = EpochPlan.of(40, 8, ranks)
    place = (5, epoch, first)
    return numbers(list(epoch_batches(images(40), plan, Augment(), place, ranks)))


def test_an_epoch_shows_every_image_once_in_a_new_order() -> None:
    """Two epochs hold the same images, in two orders."""
    first, second = run_epoch(0), run_epoch(1)
    assert sorted(first) == sorted(second) == list(range(40))
    assert first != second


def test_labels_stay_with_their_images() -> None:
    """Shuffling moves image and label together."""
    plan = EpochPlan.of(40, 8, Ranks())
    batches = list(epoch_batches(images(40), plan, Augment(), (0, 0, 0), Ranks()))
    labels = torch.cat([labels for _, labels in batches]).tolist()
    assert labels == [number % 4 for number in numbers(batches)]


def test_a_resumed_epoch_goes_on_where_it_stopped() -> None:
    """Starting at step 2 gives the batches from the third on, changes included."""
    plan, settings = EpochPlan.of(40, 8, Ranks()), Augment(shift=0.3, erase=0.5)
    whole, rest = (
        list(epoch_batches(images(40), plan, settings, (5, 3, first), Ranks())) for first in (0, 2)
    )
    assert len(rest) == 3
    assert all(torch.equal(a[0], b[0]) for a, b in zip(whole[2:], rest, strict=True))


def test_every_batch_is_changed_in_its_own_way() -> None:
    """Equal images come out differently in each step, epoch and rank."""
    split = samples(40)
    equal = Fitted(split.pixels[:1].repeat(40, axis=0), split.labels)
    source, plan = Images.of(equal, SPEC, CPU, "train"), EpochPlan.of(40, 8, Ranks())
    firsts = [
        next(epoch_batches(source, plan, Augment(shift=0.3, erase=0.5), place, ranks))[0][:4]
        for place, ranks in [
            ((5, 0, 0), Ranks()),
            ((5, 0, 1), Ranks()),
            ((5, 1, 0), Ranks()),
            ((5, 0, 0), Ranks(1, 2)),
        ]
    ]
    assert not any(
        torch.equal(a, b) for number, a in enumerate(firsts) for b in firsts[number + 1 :]
    )


def test_ranks_share_an_epoch() -> None:
    """Two ranks see disjoint halves of each batch, together what one would see."""
    halves = [run_epoch(ranks=Ranks(rank, 2)) for rank in (0, 1)]
    assert not set(halves[0]) & set(halves[1])
    assert set(halves[0][:4] + halves[1][:4]) == set(run_epoch()[:8])


def test_left_over_images_sit_out() -> None:
    """Images that fill no batch are left to the next epoch's order; few make one batch."""
    assert EpochPlan.of(43, 8, Ranks()) == EpochPlan(43, 8, 5)
    assert EpochPlan.of(5, 8, Ranks()) == EpochPlan(5, 5, 1)
    assert EpochPlan.of(43, 9, Ranks(0, 2)) == EpochPlan(43, 8, 5)


def test_too_few_images_are_refused() -> None:
    """Batch norm needs two images a process; fewer are one clear error."""
    with pytest.raises(DataError) as error:
        EpochPlan.of(1, 8, Ranks())
    assert str(error.value) == (
        "train: expected at least 2 images per batch for each of 1 process(es), "
        "found 1 images in batches of 8"
    )


@pytest.mark.parametrize("world", [1, 2])
def test_measuring_sees_every_image_once(world: int) -> None:
    """Over all ranks, the plain batches hold each image exactly once."""
    parts = [numbers(list(plain_batches(images(41), 7, Ranks(r, world)))) for r in range(world)]
    assert sorted(number for part in parts for number in part) == list(range(41))


def test_streams_depend_on_every_key() -> None:
    """Changing seed, purpose or step gives another stream; the same keys the same one."""
    keys = [(0, "a", 1), (1, "a", 1), (0, "b", 1), (0, "a", 2), (0, "a", 11), (-1, "a", 1)]
    streams = [torch.rand(4, generator=generator(*key)).tolist() for key in keys]
    assert len({tuple(stream) for stream in streams}) == len(keys)
    assert torch.rand(4, generator=generator(0, "a", 1)).tolist() == streams[0]


def test_images_of_another_shape_are_refused() -> None:
    """Grey images for a colour network, and no images at all, are one error each."""
    grey = Fitted(samples(5).pixels[..., :1], samples(5).labels)
    with pytest.raises(DataError, match=r"^train: expected one or more uint8 images of shape "):
        Images.of(grey, SPEC, CPU, "train")
    with pytest.raises(DataError, match=r"found pixels \(0, 8, 10, 3\) for 0 labels$"):
        Images.of(samples(0), SPEC, CPU, "train")
