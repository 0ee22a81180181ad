"""MixUp and CutMix: pictures and labels in the same shares."""

import pytest
import torch

from pipeline.training.draws import generator
from pipeline.training.transfer.mix import Mix

# Each picture is of one value, its class: what is seen of whom can be read off.
LABELS = torch.tensor([0, 1, 2, 3])
INPUTS = LABELS.float().view(4, 1, 1, 1).expand(4, 1, 8, 8).contiguous()


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.4, 0.0), (0.0, 1.0), (0.4, 1.0)])
def test_labels_say_what_is_seen(mixup: float, cutmix: float) -> None:
    """The mean value of each picture is the mean of its labels."""
    for step in range(20):
        inputs, shares = Mix(mixup, cutmix, 4)(INPUTS, LABELS, generator(step))
        assert torch.allclose(shares.sum(dim=1), torch.ones(4))
        seen = inputs.mean(dim=(1, 2, 3))
        assert torch.allclose(seen, shares @ torch.arange(4.0), atol=1e-5)


def test_mixup_blends_and_cutmix_pastes() -> None:
    """A blend has one value all over, a pasted picture two whole ones."""
    blended, _ = Mix(1.0, 0.0, 4)(INPUTS, LABELS, generator(3))
    assert all(len(picture.unique()) == 1 for picture in blended)
    pasted, _ = Mix(0.0, 1.0, 4)(INPUTS, LABELS, generator(3))
    assert set(pasted.unique().tolist()) <= {0.0, 1.0, 2.0, 3.0}
    assert any(len(picture.unique()) == 2 for picture in pasted)


def test_draws_decide_alone() -> None:
    """The same place gives the same batch, another one another; the arguments stay."""
    kept = INPUTS.clone()
    mix = Mix(0.4, 1.0, 4)
    one, again = (mix(INPUTS, LABELS, generator("a"))[0] for _ in range(2))
    assert torch.equal(one, again)
    assert not torch.equal(one, mix(INPUTS, LABELS, generator("b"))[0])
    assert torch.equal(INPUTS, kept)
