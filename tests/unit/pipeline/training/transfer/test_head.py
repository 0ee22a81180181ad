"""The head first: learnt on features that are calculated once, and the same after a kill."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch

from pipeline.checkpoints.checkpoint import Checkpoint
from pipeline.common.errors import TrainError
from pipeline.common.progress import Silent
from pipeline.data.classes import FittedClasses
from pipeline.data.fitted import Fitted
from pipeline.recipe import Augment, TrainRecipe
from pipeline.tasks.classify.training import ClassExamples
from pipeline.training.train import train
from pipeline.training.transfer import head

Splits = tuple[FittedClasses, FittedClasses]
MakeNetwork = Callable[..., Checkpoint]
ALONE = TrainRecipe(epochs=0, head_epochs=50, batch_size=64, augment=Augment(shift=0.1))


@pytest.fixture(name="examples", scope="module")
def _examples(digit_splits: Splits) -> ClassExamples:
    images, val = digit_splits
    return ClassExamples(Fitted(images.pixels[:256], images.labels[:256]), val)


def test_the_classifier_alone_is_learnt(
    digit_network: MakeNetwork, examples: ClassExamples
) -> None:
    """A random network's features tell digits apart; nothing before them has moved."""
    start = digit_network("resnet8", 1.0)
    trained = train(start, examples, ALONE, seed=0)
    assert [record.epoch for record in trained.history] == [0]
    assert (trained.history[0].val_accuracy or 0) > 0.7
    kept = {name for name, value in start.module.state_dict().items()
            if not torch.equal(value, trained.module.state_dict()[name])}  # fmt: skip
    assert len(kept) == 2
    assert [step.stage for step in trained.lineage] == ["train"]


def test_the_features_are_kept_and_used_again(
    digit_network: MakeNetwork,
    examples: ClassExamples,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A second training reads them, and comes out bit for bit the same; a damaged file does not."""
    start = digit_network("resnet8", 1.0)
    recipe = msgspec.structs.replace(ALONE, head_views=1)
    first = train(start, examples, recipe, seed=0, cache=tmp_path)
    (kept,) = tmp_path.glob("features-*.npz")
    calculate = head._features
    monkeypatch.setattr(head, "_features", lambda *_: pytest.fail("calculated again"))
    again = train(start, examples, recipe, seed=0, cache=tmp_path)
    assert _weights_equal(first, again)
    monkeypatch.setattr(head, "_features", calculate)
    kept.write_bytes(kept.read_bytes()[:-1000])
    assert _weights_equal(first, train(start, examples, recipe, seed=0, cache=tmp_path))
    other = msgspec.structs.replace(recipe, augment=Augment(shift=0.2))
    train(start, examples, other, seed=0, cache=tmp_path)
    assert len(list(tmp_path.glob("features-*.npz"))) == 2


def _weights_equal(one: Checkpoint, other: Checkpoint) -> bool:
    after = other.module.state_dict()
    return all(torch.equal(v, after[name]) for name, v in one.module.state_dict().items())


def test_a_training_goes_on_after_its_head(
    digit_network: MakeNetwork, examples: ClassExamples, tmp_path: Path
) -> None:
    """Killed within the epochs that follow, it resumes to the same bits and keeps epoch 0."""
    start = digit_network("resnet8", 1.0)
    recipe = TrainRecipe(
        epochs=2, head_epochs=20, batch_size=64, optimizer="adamw", lr=1e-3, ema=0.9,
        backbone_lr=0.1, norm_momentum=0,
        mixup=0.2,
    )  # fmt: skip
    whole = train(start, examples, recipe, seed=0)

    class Killed(Silent):
        def say(self, line: str) -> None:
            if "1/2" in line:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(start, examples, recipe, seed=0, resume_folder=tmp_path, progress=Killed())
    resumed = train(start, examples, recipe, seed=0, resume_folder=tmp_path)
    assert _weights_equal(whole, resumed)
    assert [record.epoch for record in resumed.history] == [0, 1, 2]


def test_views_and_mixed_labels_are_learnt_from(
    digit_network: MakeNetwork, examples: ClassExamples
) -> None:
    """Each view adds the pictures again; blends carry shares of classes."""
    recipe = msgspec.structs.replace(ALONE, head_views=2, mixup=0.3, balance="weights")
    trained = train(digit_network("resnet8", 1.0), examples, recipe, seed=0)
    assert (trained.history[0].val_accuracy or 0) > 0.6


def test_a_head_is_asked_of_networks_that_have_one(
    digit_network: MakeNetwork, examples: ClassExamples
) -> None:
    """A network that ends in a convolution is refused before anything is calculated."""
    start = digit_network("resnet8", 1.0)
    odd = Checkpoint(torch.nn.Sequential(start.module, torch.nn.Unflatten(1, (10, 1, 1)),
                     torch.nn.Conv2d(10, 10, 1), torch.nn.Flatten()), start.spec)  # fmt: skip
    with pytest.raises(TrainError, match="leave head_epochs and backbone_lr out"):
        train(odd, examples, ALONE, seed=0)
