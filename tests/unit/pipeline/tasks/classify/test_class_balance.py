"""Uneven classes: what an image counts, and how often it is shown."""

from collections.abc import Callable
from typing import Literal

import pytest
import torch
import torch.nn.functional as F

from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.data.classes import FittedClasses
from pipeline.data.fitted import Fitted
from pipeline.recipe import Augment, TrainRecipe
from pipeline.tasks.classify.balance import balanced_order, class_weights
from pipeline.tasks.classify.loss import label_loss, smoothed_cross_entropy
from pipeline.tasks.classify.training import ClassExamples
from pipeline.training.train import train

UNEVEN = torch.tensor([0] * 90 + [1] * 7 + [2] * 3)


def test_every_class_weighs_the_same_and_an_image_one_on_average() -> None:
    """The rate of learning keeps its meaning; a class without an image counts nothing."""
    weights = class_weights(UNEVEN, 4)
    assert weights.tolist() == pytest.approx([100 / 270, 100 / 21, 100 / 9, 0.0])
    shares = weights * UNEVEN.bincount(minlength=4)
    assert shares[:3].tolist() == pytest.approx([100 / 3] * 3)
    assert weights[UNEVEN].mean().item() == pytest.approx(1.0)


def test_a_weighted_batch_is_a_mean_over_its_images() -> None:
    """So the halves of a batch on two ranks add up to the whole one."""
    torch.manual_seed(0)
    logits, labels = torch.randn(8, 3), torch.tensor([0, 0, 0, 0, 1, 1, 2, 2])
    loss = smoothed_cross_entropy(0.1, torch.tensor([0.5, 1.0, 3.0]))
    whole = loss(logits, logits, labels)
    one, two = (loss(logits, logits[part], labels[part]) for part in (slice(4), slice(4, 8)))
    assert whole.item() == pytest.approx((one + two).item() / 2)
    plain = F.cross_entropy(logits[6:], labels[6:], label_smoothing=0.1)
    assert loss(logits, logits[6:], labels[6:]).item() == pytest.approx(3 * plain.item())


def test_without_balance_the_loss_is_what_it_was() -> None:
    """Bit for bit: a training of before is repeated exactly."""
    torch.manual_seed(0)
    logits, labels = torch.randn(100, 3), UNEVEN
    loss = label_loss(TrainRecipe(epochs=1, label_smoothing=0.05), labels.numpy(), 3)
    assert torch.equal(
        loss(logits, logits, labels), F.cross_entropy(logits, labels, label_smoothing=0.05)
    )


def test_an_epoch_shows_every_class_as_often() -> None:
    """A third each of a hundred; no image again before the others of its class."""
    order = balanced_order(UNEVEN, seed=3, epoch=1)
    assert sorted(UNEVEN[order].bincount().tolist()) == [33, 33, 34]
    for label in range(3):
        shown = order[UNEVEN[order] == label].bincount(minlength=100)[label == UNEVEN]
        assert shown.max() - shown.min() <= 1


def test_an_epochs_order_depends_on_its_seed_and_number_alone() -> None:
    """Whatever else draws numbers, a resumed epoch and every rank see the same."""
    first = balanced_order(UNEVEN, seed=3, epoch=1)
    torch.rand(3)
    assert torch.equal(first, balanced_order(UNEVEN, seed=3, epoch=1))
    assert not torch.equal(first, balanced_order(UNEVEN, seed=3, epoch=2))
    assert not torch.equal(first, balanced_order(UNEVEN, seed=4, epoch=1))


@pytest.mark.parametrize("balance", ["weights", "sampling"])
def test_a_rare_class_is_learnt(
    balance: Literal["weights", "sampling"],
    digit_network: Callable[..., Checkpoint],
    digit_splits: tuple[FittedClasses, FittedClasses],
) -> None:
    """Six eights among a hundred threes: after four epochs they are only seen where it is asked."""
    images, val = digit_splits
    threes, eights = ((images.labels == k).nonzero()[0] for k in (3, 8))
    chosen = [*threes, *eights[:6]]
    uneven = Fitted(images.pixels[chosen], images.labels[chosen])
    known = (val.labels == 3) | (val.labels == 8)
    measured = Fitted(val.pixels[known], val.labels[known])
    augment = Augment(shift=0.1, rotate=8, zoom=0.1, brightness=0.2, contrast=0.2)
    recall: dict[str, float] = {}
    ways: tuple[Literal["none", "weights", "sampling"], ...] = ("none", balance)
    for how in ways:
        recipe = TrainRecipe(
            epochs=4, batch_size=16, lr=0.02, ema=0.9, augment=augment, balance=how
        )
        out = train(digit_network("vgg_tiny"), ClassExamples(uneven, measured), recipe, seed=0)
        balanced = out.history[-1].val_balanced
        assert balanced is not None
        recall[how] = balanced
    assert recall["none"] == 0.5
    assert recall[balance] > 0.7
