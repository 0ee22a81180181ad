"""Training data of classes: what fits a network, and what does not."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.common.distributed import Ranks
from pipeline.common.errors import DataError
from pipeline.data.classes import FittedClasses
from pipeline.data.fitted import Fitted
from pipeline.recipe import TrainRecipe
from pipeline.tasks.classify.training import ClassExamples


def test_a_label_the_network_lacks_is_refused(
    digit_splits: tuple[FittedClasses, FittedClasses],
    digit_network: Callable[..., Checkpoint],
) -> None:
    """An eleventh class in a network of ten is one error that names the split."""
    train, val = digit_splits
    other = Fitted(val.pixels[:5], np.arange(6, 11, dtype=np.int64))
    spec = digit_network().spec
    with pytest.raises(DataError) as error:
        ClassExamples(train, other).objective(spec, TrainRecipe(epochs=1), Ranks())
    assert str(error.value) == "val: expected labels 0 to 9, found 6 to 10"


def test_channels_are_judged_by_plain_images(
    digit_splits: tuple[FittedClasses, FittedClasses],
    digit_network: Callable[..., Checkpoint],
) -> None:
    """Every training image once, unchanged, in an order of the seed's; the loss is not smoothed."""
    train, val = digit_splits
    few = Fitted(train.pixels[:150], train.labels[:150])
    recipe = TrainRecipe(epochs=1, label_smoothing=0.3)
    spec = digit_network().spec
    objective = ClassExamples(few, val).objective(spec, recipe, Ranks())
    first, second = (list(objective.feed.sample(seed)) for seed in (1, 2))
    labels = torch.cat([part for _, part in first])
    assert [len(part) for _, part in first] == [128, 22]
    assert labels.bincount().tolist() == torch.from_numpy(few.labels).bincount().tolist()
    assert not labels.equal(torch.cat([part for _, part in second]))
    inputs, wanted = first[0]
    sure = 30.0 * torch.nn.functional.one_hot(wanted, 10)
    assert objective.plain_loss(inputs, sure, wanted).item() < 1e-6
    assert objective.loss(inputs, sure, wanted).item() > 1
